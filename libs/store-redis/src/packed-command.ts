/**
 * A command for ioredis that writes itself into one buffer. ioredis makes a string and a buffer of each word, and joins
 * them twice; with scripts of many steps that was most of what a call to Redis cost here.
 */
import { Buffer } from 'node:buffer';
import { Command } from 'ioredis';
import { countWords, eachWord, nameOf, type Call, type Naming } from './calls.ts';
import type { Argument, VersionedRecord } from './command.ts';

export class PackedCommand extends Command {
  readonly #call: Call;
  readonly #naming: Naming;

  /** Replies come undecoded. */
  constructor(call: Call, naming: Naming) {
    super(nameOf(call, naming), [], { replyEncoding: null });
    this.#call = call;
    this.#naming = naming;
  }

  override toWritable(): Buffer {
    return pack(this.#call, this.#naming);
  }
}

const FIRST_BYTES = 64 * 1_024;
/** A larger buffer is not kept for the next command. */
const KEPT_BYTES = 4 * 1_048_576;
/** A length or a number, with what stands before and after it. */
const FRAME_BYTES = 64;
/** UTF-8 takes so many bytes for a UTF-16 unit at most. */
const WIDEST_UNIT = 3;
const SHORT = 64;
const VERSION_BYTES = 4;
const [ARRAY, BULK, CR, LF, ZERO] = [0x2a, 0x24, 0x0d, 0x0a, 0x30];

let scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
let at = 0;

/** The bytes of a call: an array of bulk strings. RESP2 */
export function pack(call: Call, naming: Naming): Buffer {
  at = 0;
  reserve(FRAME_BYTES);
  writeLength(ARRAY, countWords(call));
  eachWord(call, naming, writeWord);
  const packed = Buffer.from(scratch.subarray(0, at));
  if (scratch.length > KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  return packed;
}

function writeWord(word: Argument): void {
  if (typeof word === 'string') writeText(word);
  else if (typeof word === 'number') writeNumber(word);
  else if (word instanceof Uint8Array) writeBytes(word);
  else writeVersioned(word);
}

function writeNumber(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) return writeText(String(value));
  reserve(FRAME_BYTES);
  writeLength(BULK, digitsOf(value));
  writeDigits(value);
  writeLineEnd();
}

function writeBytes(bytes: Uint8Array): void {
  reserve(FRAME_BYTES + bytes.length);
  writeLength(BULK, bytes.length);
  scratch.set(bytes, at);
  at += bytes.length;
  writeLineEnd();
}

function writeVersioned({ version, record }: VersionedRecord): void {
  reserve(FRAME_BYTES + VERSION_BYTES + record.length);
  writeLength(BULK, VERSION_BYTES + record.length);
  at = scratch.writeUInt32BE(version, at);
  scratch.set(record, at);
  at += record.length;
  writeLineEnd();
}

function writeText(text: string): void {
  reserve(FRAME_BYTES + WIDEST_UNIT * text.length);
  const start = at;
  if (text.length < SHORT && writeAscii(text)) return;
  at = start;
  writeLength(BULK, Buffer.byteLength(text));
  at += scratch.write(text, at);
  writeLineEnd();
}

/** Short ASCII, the usual case, goes without a call out of JavaScript. */
function writeAscii(text: string): boolean {
  writeLength(BULK, text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    scratch[at++] = unit;
  }
  writeLineEnd();
  return true;
}

function writeLength(kind: number, length: number): void {
  scratch[at++] = kind;
  writeDigits(length);
  writeLineEnd();
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
}

/** A whole number from 0 on, without a string for it. */
function writeDigits(value: number): void {
  const end = at + digitsOf(value);
  let rest = value;
  for (let place = end - 1; place >= at; place--) {
    const left = Math.floor(rest / 10);
    scratch[place] = ZERO + (rest - 10 * left);
    rest = left;
  }
  at = end;
}

function writeLineEnd(): void {
  scratch[at++] = CR;
  scratch[at++] = LF;
}

function reserve(bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(at + bytes, 2 * scratch.length));
  scratch.copy(larger, 0, 0, at);
  scratch = larger;
}
