/** Writes record batches, version 2 of the message format. Kafka protocol guide, "Record Batch". */
import { Buffer } from 'node:buffer';
import type { EventRecord } from '@cluster/events';
import { crc32c } from './crc32c.ts';
import type { RequestWriter } from './request-writer.ts';

/** Who produces: given by a broker, so that it knows repeated batches by their sequence numbers. */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

/** What stands before a batch's records. */
export interface BatchHead {
  readonly producer: ProducerId;
  /** Of the first record, counted in its partition for this producer. */
  readonly sequence: number;
  /** Of all records, ms since 1970. */
  readonly timestampMs: number;
}

const MAGIC = 2;
const HEAD_BYTES = 61;
/** Lengths, deltas and the count of headers. */
const RECORD_FRAME_BYTES = 64;
const HEADER_FRAME_BYTES = 10;
/** UTF-8 takes so many bytes for a UTF-16 unit at most. */
const WIDEST_UNIT = 3;

/** Header names with their length before them: there are few, and they repeat in each record. */
const names = new Map<string, Buffer>();
const MAX_NAMES = 256;

/** Writes one batch; all of its records get the time of its head. */
export function writeBatch(writer: RequestWriter, head: BatchHead, records: readonly EventRecord[]): void {
  writer.reserve(HEAD_BYTES);
  writer.int64(0n); // base offset: the broker sets it
  const lengthAt = writer.gap32();
  writer.int32(-1); // partition leader epoch: the broker sets it
  writer.int8(MAGIC);
  const checkAt = writer.gap32();
  const checkedFrom = writer.at;
  writer.int16(0); // attributes: no compression, times of the producer
  writer.int32(records.length - 1);
  writer.int64(BigInt(head.timestampMs));
  writer.int64(BigInt(head.timestampMs));
  writer.int64(head.producer.id);
  writer.int16(head.producer.epoch);
  writer.int32(head.sequence);
  writer.int32(records.length);
  for (let i = 0; i < records.length; i++) writeRecord(writer, records[i]!, i);
  writer.setInt32(lengthAt, writer.at - lengthAt - 4);
  writer.setUint32(checkAt, crc32c(writer.written, checkedFrom, writer.at));
}

function writeRecord(writer: RequestWriter, { key, value, headers }: EventRecord, offsetDelta: number): void {
  let count = 0;
  let units = key.length;
  for (const name in headers) {
    count++;
    units += name.length + headers[name]!.length;
  }
  writer.reserve(RECORD_FRAME_BYTES + count * HEADER_FRAME_BYTES + units * WIDEST_UNIT + value.length);
  writer.int16(0); // a gap for the length
  const start = writer.at;
  writer.int8(0); // attributes: none are defined
  writer.int8(0); // timestamp delta
  writer.varint(offsetDelta);
  writer.varintText(key);
  writer.varint(value.length);
  writer.raw(value);
  writer.varint(count);
  for (const name in headers) {
    writer.raw(names.get(name) ?? prefixed(name));
    writer.varintText(headers[name]!);
  }
  writer.varintLength(start);
}

function prefixed(name: string): Buffer {
  const text = Buffer.from(name);
  const bytes: number[] = [];
  for (let rest = text.length * 2; ; rest >>>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  const made = Buffer.concat([Buffer.from(bytes), text]);
  if (names.size < MAX_NAMES) names.set(name, made);
  return made;
}
