/**
 * Reads events from the wire, strictly: what does not name itself as CloudEvents 1.0 demands, or can't be decoded, is a
 * fault that the consumer sends to its dead-letter topic. The value is decoded, not validated: that is its schema's part.
 */
import { eventTypes, type EventType } from '@cluster/contracts';
import { decode } from 'cbor-x';
import { contentTypes } from './build-event.ts';
import type { EventRecord } from './ports.ts';

/** Why a record is not an event. */
export interface EventFault {
  readonly code: 'missing-attribute' | 'invalid-attribute' | 'unknown-type' | 'unknown-content-type' | 'invalid-value';
  /** The header it is about; `value` for the value. */
  readonly at: string;
}

export type ReadResult<T> = { readonly ok: true; readonly event: T } | { readonly ok: false; readonly fault: EventFault };

/** Any CloudEvent, e.g. a command that somebody outside the cluster sent. */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly timeMs?: number;
  readonly data: unknown;
}

/** An event of this cluster. */
export interface ClusterEvent extends CloudEvent {
  readonly type: EventType;
  readonly endpoint: string;
  readonly tenant: string;
  readonly timeMs: number;
  readonly generation: number;
  readonly fence: number;
  readonly sessionVersion: number;
}

type Wire = Pick<EventRecord, 'headers' | 'value'>;

/** Longer attributes are taken for an attack on the consumer's memory. */
const MAX_ATTRIBUTE = 1_024;
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;
const COUNTER = /^(?:0|[1-9]\d{0,15})$/;
const knownTypes = new Set<string>(Object.values(eventTypes));
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Thrown and caught in this file alone. */
class Unreadable extends Error {
  readonly fault: EventFault;

  constructor(code: EventFault['code'], at: string) {
    super(`${code}: ${at}`);
    this.fault = { code, at };
  }
}

/** Reads any CloudEvent in binary mode. */
export function readCloudEvent(record: Wire): ReadResult<CloudEvent> {
  return attempt(() => ({ ...attributes(record), data: value(record) }));
}

/** Reads an event that this cluster built: every attribute of {@link ClusterEvent} must be there. */
export function readEvent(record: Wire): ReadResult<ClusterEvent> {
  return attempt(() => {
    const { headers } = record;
    const { id, source, type, subject: endpoint, timeMs } = attributes(record);
    if (!knownTypes.has(type)) throw new Unreadable('unknown-type', 'ce_type');
    if (endpoint === undefined) throw new Unreadable('missing-attribute', 'ce_subject');
    if (timeMs === undefined) throw new Unreadable('missing-attribute', 'ce_time');
    return {
      id, source, type: type as EventType, subject: endpoint, endpoint, timeMs,
      tenant: text(headers, 'ce_tenant'),
      generation: counter(headers, 'ce_generation'),
      fence: counter(headers, 'ce_fence'),
      sessionVersion: counter(headers, 'ce_sessionversion'),
      data: value(record),
    };
  });
}

function attempt<T>(read: () => T): ReadResult<T> {
  try {
    return { ok: true, event: read() };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, fault: error.fault };
    throw error;
  }
}

// CloudEvents 1.0.2 §3.1: id, source, specversion and type are required, and not empty.
function attributes({ headers }: Wire): Omit<CloudEvent, 'data'> {
  if (text(headers, 'ce_specversion') !== '1.0') throw new Unreadable('invalid-attribute', 'ce_specversion');
  const subject = optional(headers, 'ce_subject');
  const timeMs = time(headers);
  return {
    id: text(headers, 'ce_id'),
    source: text(headers, 'ce_source'),
    type: text(headers, 'ce_type'),
    ...(subject === undefined ? {} : { subject }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
}

function optional(headers: Wire['headers'], name: string): string | undefined {
  const found = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (found === '' || (found !== undefined && found.length > MAX_ATTRIBUTE)) throw new Unreadable('invalid-attribute', name);
  return found;
}

function text(headers: Wire['headers'], name: string): string {
  const found = optional(headers, name);
  if (found === undefined) throw new Unreadable('missing-attribute', name);
  return found;
}

function counter(headers: Wire['headers'], name: string): number {
  const digits = text(headers, name);
  const count = Number(digits);
  if (!COUNTER.test(digits) || !Number.isSafeInteger(count)) throw new Unreadable('invalid-attribute', name);
  return count;
}

function time(headers: Wire['headers']): number | undefined {
  const found = optional(headers, 'ce_time');
  if (found === undefined) return undefined;
  const timeMs = RFC3339.test(found) ? Date.parse(found) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new Unreadable('invalid-attribute', 'ce_time');
  return timeMs;
}

function value({ headers, value: bytes }: Wire): unknown {
  const mediaType = text(headers, 'content-type').split(';', 1)[0]!.trim().toLowerCase();
  if (mediaType !== contentTypes.json && mediaType !== contentTypes.cbor) {
    throw new Unreadable('unknown-content-type', 'content-type');
  }
  try {
    return mediaType === contentTypes.json ? JSON.parse(utf8.decode(bytes)) : decode(bytes);
  } catch {
    throw new Unreadable('invalid-value', 'value');
  }
}
