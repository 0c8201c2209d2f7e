/**
 * Reads the records that {@link writePlain} wrote, or cbor-x before it. Names of members and other short texts, which are the same
 * in most records, are not made anew for each.
 */
import { Buffer } from 'node:buffer';
import { FLOAT32, FLOAT64, Major, Simple } from './heads.ts';

/** Longer texts differ from record to record. */
const LONGEST_KNOWN = 32;
const PLACES = 2_048;

/** The last text of each hash. */
const known: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);
const NONE = Buffer.alloc(0);

let source: Buffer = NONE;
let at = 0;

/** The value of these bytes. Throws a RangeError for bytes that are no such value, or more than one. */
export function readPlain(bytes: Uint8Array): unknown {
  source = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  at = 0;
  try {
    const value = read();
    if (at !== source.length) throw new RangeError('bytes behind the record');
    return value;
  } finally {
    source = NONE;
  }
}

function read(): unknown {
  const initial = source[take(1)]!;
  switch (initial >> 5) {
    case Major.UNSIGNED:
      return argument(initial);
    case Major.NEGATIVE:
      return -1 - argument(initial);
    case Major.BYTES:
      return readBytes(argument(initial));
    case Major.TEXT:
      return readText(argument(initial));
    case Major.ARRAY:
      return readArray(argument(initial));
    case Major.MAP:
      return readMap(argument(initial));
    default:
      return readSimple(initial);
  }
}

function readSimple(initial: number): boolean | null | undefined | number {
  switch (initial) {
    case Simple.FALSE:
      return false;
    case Simple.TRUE:
      return true;
    case Simple.NULL:
      return null;
    case Simple.UNDEFINED:
      return undefined;
    case FLOAT32:
      return source.readFloatBE(take(4));
    case FLOAT64:
      return source.readDoubleBE(take(8));
    default:
      throw new RangeError(`a record has no item ${initial}`);
  }
}

function readBytes(length: number): Uint8Array {
  const start = take(length);
  return source.subarray(start, start + length);
}

function readArray(length: number): unknown[] {
  // Each item takes a byte at least.
  if (length > source.length - at) throw truncated();
  const items: unknown[] = [];
  for (let i = 0; i < length; i++) items.push(read());
  return items;
}

function readMap(members: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < members; i++) {
    const key = read();
    if (typeof key !== 'string') throw new RangeError('a name that is no text');
    // Never a prototype.
    object[key === '__proto__' ? '__proto_' : key] = read();
  }
  return object;
}

function readText(length: number): string {
  const start = take(length);
  if (length > LONGEST_KNOWN) return source.toString('utf8', start, start + length);
  const place = hashOf(start, start + length);
  const last = known[place];
  if (last !== undefined && isText(last, start, length)) return last;
  const text = source.toString('utf8', start, start + length);
  known[place] = text;
  return text;
}

/** FNV-1a. */
function hashOf(start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
  return (hash >>> 0) % PLACES;
}

/** Of ASCII alone: other texts are made anew. */
function isText(text: string, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = source[start + i]!;
    if (byte > 0x7f || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}

function argument(initial: number): number {
  const info = initial & 0x1f;
  if (info < 24) return info;
  if (info === 24) return source[take(1)]!;
  if (info === 25) return source.readUInt16BE(take(2));
  if (info === 26) return source.readUInt32BE(take(4));
  throw new RangeError(`a record has no item ${initial}`);
}

/** Where so many bytes begin that are then taken as read. */
function take(length: number): number {
  const start = at;
  if (length > source.length - start) throw truncated();
  at = start + length;
  return start;
}

function truncated(): RangeError {
  return new RangeError('the record is cut off');
}
