/** Reads records of the cluster's topics back into events as REST shows them: JSON, whatever the value was encoded in. */
import type { StreamedEvent } from '@cluster/contracts';
import { type ConsumedRecord, contentTypes, readEvent } from '@cluster/events';

/** A record that is no event this version understands. */
export class RecordUnreadable extends Error {
  readonly code = 'RECORD_UNREADABLE';
}

const MAX_DEPTH = 32;

/** The event of a record. Throws {@link RecordUnreadable} with the reason. */
export function receivedEvent(record: ConsumedRecord): StreamedEvent {
  const result = readEvent(record);
  if (!result.ok) throw new RecordUnreadable(`${result.fault.code}: ${result.fault.at}`);
  const { id, type, timeMs, endpoint, tenant, data } = result.event;
  const isJson = record.headers['content-type']?.startsWith(contentTypes.json);
  return { id, type, time: new Date(timeMs).toISOString(), endpoint, tenant, data: isJson ? data : asJson(data, 0) };
}

/** What CBOR knows and JSON does not: whole numbers beyond 2^53 as decimal text, bytes as base64, as in `jsonValue`. */
export function asJson(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RecordUnreadable('invalid-value: nested too deep');
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => asJson(item, depth + 1));
  if (value instanceof Map) return asJson(Object.fromEntries(value), depth);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item, depth + 1)]));
}
