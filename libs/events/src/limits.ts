/** How large one event may be, so that every adapter takes what any other took. */
import type { EventRecord } from './ports.ts';

/** Bytes of one record: key, headers and value. Below Kafka's default `message.max.bytes` with room for framing. */
export const MAX_RECORD_BYTES = 900_000;

/** A record can't be published because it is larger than {@link MAX_RECORD_BYTES}. Trying again won't help. */
export class EventTooLarge extends Error {
  readonly code = 'EVENT_TOO_LARGE';
}

/** Bytes of a record as the limits and buffers count them; text counts one byte a UTF-16 unit. */
export function recordBytes(record: EventRecord): number {
  let bytes = record.key.length + record.value.byteLength;
  for (const name in record.headers) bytes += name.length + record.headers[name]!.length;
  return bytes;
}

/** Bytes of a batch; throws {@link EventTooLarge} when one of its records is too large. */
export function batchBytes(records: readonly EventRecord[]): number {
  let total = 0;
  for (const record of records) {
    const bytes = recordBytes(record);
    if (bytes > MAX_RECORD_BYTES) throw new EventTooLarge(`an event of ${bytes} bytes for ${record.topic} is above ${MAX_RECORD_BYTES}`);
    total += bytes;
  }
  return total;
}
