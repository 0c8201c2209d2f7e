/** Reads records of the cluster's topics back into events: CloudEvents in binary mode, value in JSON or CBOR. */
import { type EventType, eventTypes, type StreamedEvent } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { Decoder } from 'cbor-x';

/** A record that is no event this version understands. */
export class RecordUnreadable extends Error {
  readonly code = 'RECORD_UNREADABLE';
}

const TYPES: ReadonlySet<string> = new Set(Object.values(eventTypes));
const MAX_DEPTH = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const cbor = new Decoder({ useRecords: false, mapsAsObjects: true });

/** The event of a record. Throws {@link RecordUnreadable} with the reason. */
export function readEvent(record: ConsumedRecord): StreamedEvent {
  const { ce_id: id, ce_type: type, ce_time: time } = record.headers;
  if (id === undefined || type === undefined || time === undefined) throw new RecordUnreadable('a CloudEvents header is missing');
  if (!TYPES.has(type)) throw new RecordUnreadable(`unknown type ${type.slice(0, 100)}`);
  if (Number.isNaN(Date.parse(time))) throw new RecordUnreadable('the time is no RFC 3339 time');
  return { id, type: type as EventType, time, endpoint: record.key, data: readValue(record) };
}

function readValue(record: ConsumedRecord): unknown {
  const mediaType = record.headers['content-type'] ?? 'application/json';
  try {
    if (/^application\/(.+\+)?cbor\b/.test(mediaType)) return asJson(cbor.decode(record.value), 0);
    return JSON.parse(utf8.decode(record.value));
  } catch (cause) {
    throw new RecordUnreadable(`the value is no ${mediaType.slice(0, 100)}`, { cause });
  }
}

/** What CBOR knows and JSON does not: whole numbers beyond 2^53 as decimal text, bytes as base64, as in `jsonValue`. */
function asJson(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deep');
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => asJson(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item, depth + 1)]));
}
