/**
 * Encodes a record for kafkajs 2.2.4, byte for byte as kafkajs does, into one buffer of the right size: kafkajs takes one
 * of at least 512 bytes for the record and one for each header, which is most of what publishing costs with the headers
 * of a CloudEvent. Records that are not of this package's own shape are left to kafkajs.
 */
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';

/** What kafkajs hands to its record encoder. */
export interface RecordParts {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly offsetDelta?: number;
  readonly timestampDelta?: number;
}

/** The part of kafkajs' encoder that a record batch reads. */
export interface EncodedRecord {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

const require = createRequire(import.meta.url);
const MODULE = require.resolve('kafkajs/src/protocol/recordBatch/record/v0');

type RecordEncoder = ((parts: RecordParts) => EncodedRecord) & { readonly replaced?: RecordEncoder };

const present = require(MODULE) as RecordEncoder;
/** kafkajs' own encoder, also where another copy of this module was here before. */
export const encodeAsKafkajs: RecordEncoder = present.replaced ?? present;

require.cache[MODULE]!.exports = Object.assign(encodeRecord, { replaced: encodeAsKafkajs });

/** Header names with their length before them: there are few, and they repeat in each record. */
const names = new Map<string, Buffer>();
const MAX_NAMES = 256;

/** Record of record batch v2: length, attributes, timestamp delta, offset delta, key, value, headers. */
export function encodeRecord(parts: RecordParts): EncodedRecord {
  const { key, value, headers = {}, offsetDelta = 0, timestampDelta = 0 } = parts;
  if (timestampDelta !== 0 || typeof key !== 'string' || !Buffer.isBuffer(value)) return encodeAsKafkajs(parts);
  const fields: (string | Buffer)[] = [];
  let count = 0;
  let bodySize = 2 + varintSize(offsetDelta) + prefixedSize(Buffer.byteLength(key)) + prefixedSize(value.length);
  for (const name in headers) {
    const text = headers[name];
    if (typeof text !== 'string') return encodeAsKafkajs(parts);
    const prefixedName = names.get(name) ?? prefixed(name);
    fields.push(prefixedName, text);
    bodySize += prefixedName.length + prefixedSize(Buffer.byteLength(text));
    count++;
  }
  bodySize += varintSize(count);

  const buffer = Buffer.allocUnsafe(varintSize(bodySize) + bodySize);
  let at = writeVarint(buffer, 0, bodySize);
  buffer[at++] = 0; // attributes: none are defined
  buffer[at++] = 0; // timestamp delta
  at = writeVarint(buffer, at, offsetDelta);
  at = writeText(buffer, at, key);
  at = writeVarint(buffer, at, value.length);
  at += value.copy(buffer, at);
  at = writeVarint(buffer, at, count);
  for (const field of fields) at = typeof field === 'string' ? writeText(buffer, at, field) : at + field.copy(buffer, at);
  return { buf: buffer, buffer };
}

function prefixed(name: string): Buffer {
  const buffer = Buffer.alloc(prefixedSize(Buffer.byteLength(name)));
  writeText(buffer, 0, name);
  if (names.size < MAX_NAMES) names.set(name, buffer);
  return buffer;
}

function writeText(buffer: Buffer, at: number, text: string): number {
  const start = writeVarint(buffer, at, Buffer.byteLength(text));
  return start + buffer.write(text, start);
}

/** ZigZag varint of a number that is not negative. */
function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value * 2;
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) size++;
  return size;
}

function prefixedSize(length: number): number {
  return varintSize(length) + length;
}
