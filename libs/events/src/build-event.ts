/** Builds events for the wire: CloudEvents 1.0 in binary mode of the Kafka protocol binding, JSON or CBOR inside. */
import { Buffer } from 'node:buffer';
import type { EventType, Topic } from '@cluster/contracts';
import { encode } from 'cbor-x';
import type { EventRecord } from './ports.ts';

export type EventEncoding = 'json' | 'cbor';

/** Media types of the encodings. */
export const contentTypes = { json: 'application/json', cbor: 'application/cbor' } as const;

/** One event as the cluster knows it. */
export interface EventDraft {
  readonly topic: Topic;
  readonly type: EventType;
  readonly id: string;
  /**
   * CloudEvents source, a URI reference. The same whichever worker tells the event: consumers take equal source and id
   * for one event (CloudEvents 1.0.2 §3.1.1).
   */
  readonly source: string;
  /** The worker that told it. */
  readonly worker?: string;
  readonly endpoint: string;
  readonly tenant: string;
  /** When it happened, ms since 1970. */
  readonly timeMs: number;
  /** Registration generation, fence and session version, by which consumers ignore what is older than they know. */
  readonly generation: number;
  readonly fence: number;
  readonly sessionVersion: number;
  /** The value, one of the schemas of `@cluster/contracts`. */
  readonly data: unknown;
  /** `json` unless told. */
  readonly encoding?: EventEncoding;
}

/** The record of an event, keyed by its endpoint. */
export function buildEvent(event: EventDraft): EventRecord {
  const encoding = event.encoding ?? 'json';
  // CloudEvents Kafka binding 1.0.2 §3.2.3: attributes as headers with the prefix ce_, datacontenttype as content-type.
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    ce_subject: event.endpoint,
    ce_time: timestamp(event.timeMs),
    ce_tenant: event.tenant,
    ce_generation: String(event.generation),
    ce_fence: String(event.fence),
    ce_sessionversion: String(event.sessionVersion),
    'content-type': contentTypes[encoding],
  };
  if (event.worker !== undefined) headers['ce_worker'] = event.worker;
  return {
    topic: event.topic,
    key: event.endpoint,
    headers,
    value: encoding === 'json' ? Buffer.from(JSON.stringify(event.data)) : encode(event.data),
  };
}

let lastMs = 0;
let lastText = '1970-01-01T00:00:00.000Z';

/** RFC 3339, UTC, milliseconds. The events of one tick share their time, so the last text is kept. */
function timestamp(timeMs: number): string {
  if (timeMs !== lastMs) {
    lastText = new Date(timeMs).toISOString();
    lastMs = timeMs;
  }
  return lastText;
}
