/**
 * Writes records as CBOR (RFC 8949): null, undefined, booleans, numbers, text, bytes, arrays and plain objects, as cbor-x does, which
 * reads and wrote the same. Into one buffer that stays: a record is written with each step of a command.
 */
import { Buffer } from 'node:buffer';
import { FLOAT64, Major, Simple } from './heads.ts';

const FIRST_BYTES = 16 * 1_024;
/** A larger buffer is not kept for the next record. */
const KEPT_BYTES = 1_048_576;
const HEAD_BYTES = 9;
/** UTF-8 takes so many bytes for a UTF-16 unit at most. */
const WIDEST_UNIT = 3;
const SHORT = 64;
const MOST_MEMBERS = 0xffff;

let scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
let at = 0;

/** The bytes of a value. Throws a TypeError for what is none of these, e.g. a bigint. */
export function writePlain(value: unknown): Buffer {
  at = 0;
  write(value);
  const written = Buffer.allocUnsafe(at);
  scratch.copy(written, 0, 0, at);
  if (scratch.length > KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  return written;
}

function write(value: unknown): void {
  reserve(HEAD_BYTES);
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      scratch[at++] = value ? Simple.TRUE : Simple.FALSE;
      return;
    case 'undefined':
      scratch[at++] = Simple.UNDEFINED;
      return;
    case 'object':
      return writeObject(value);
    default:
      throw new TypeError(`a ${typeof value} has no place in a record`);
  }
}

function writeObject(value: object | null): void {
  if (value === null) scratch[at++] = Simple.NULL;
  else if (Array.isArray(value)) writeArray(value);
  else if (value instanceof Uint8Array) writeBytes(value);
  else writeMap(value as Readonly<Record<string, unknown>>);
}

function writeArray(items: readonly unknown[]): void {
  writeHead(Major.ARRAY, items.length);
  // By index: an iterator makes an object for each item of an array whose kind it does not know.
  for (let i = 0; i < items.length; i++) write(items[i]);
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(Major.BYTES, bytes.length);
  reserve(bytes.length);
  scratch.set(bytes, at);
  at += bytes.length;
}

/** How many members there are is known, and set, behind the last one. */
function writeMap(object: Readonly<Record<string, unknown>>): void {
  scratch[at] = (Major.MAP << 5) | 25;
  const place = at + 1;
  at += 3;
  let members = 0;
  for (const key in object) {
    members++;
    reserve(HEAD_BYTES);
    writeText(key);
    write(object[key]);
  }
  if (members > MOST_MEMBERS) throw new TypeError('an object of too many members for a record');
  scratch.writeUInt16BE(members, place);
}

function writeNumber(value: number): void {
  if (value >>> 0 === value && !Object.is(value, -0)) return writeHead(Major.UNSIGNED, value);
  if ((value | 0) === value && value < 0) return writeHead(Major.NEGATIVE, -1 - value);
  scratch[at] = FLOAT64;
  at = scratch.writeDoubleBE(value, at + 1);
}

function writeText(text: string): void {
  reserve(HEAD_BYTES + WIDEST_UNIT * text.length);
  const start = at;
  if (text.length < SHORT && writeAscii(text)) return;
  at = start;
  writeHead(Major.TEXT, Buffer.byteLength(text));
  at += scratch.write(text, at);
}

/** Short ASCII, the usual case, goes without a call out of JavaScript. */
function writeAscii(text: string): boolean {
  writeHead(Major.TEXT, text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    scratch[at++] = unit;
  }
  return true;
}

function writeHead(major: number, argument: number): void {
  reserve(HEAD_BYTES);
  if (argument < 24) scratch[at++] = (major << 5) | argument;
  else if (argument <= 0xff) {
    scratch[at++] = (major << 5) | 24;
    scratch[at++] = argument;
  } else if (argument <= 0xffff) {
    scratch[at] = (major << 5) | 25;
    at = scratch.writeUInt16BE(argument, at + 1);
  } else {
    scratch[at] = (major << 5) | 26;
    at = scratch.writeUInt32BE(argument, at + 1);
  }
}

function reserve(bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(at + bytes, 2 * scratch.length));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}
