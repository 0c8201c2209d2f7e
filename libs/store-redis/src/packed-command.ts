/**
 * A command for ioredis that writes itself into one buffer. ioredis makes a string and a buffer of each word, and joins
 * them twice; with scripts of many steps that was most of what a call to Redis cost here.
 */
import { Buffer } from 'node:buffer';
import { Command } from 'ioredis';
import type { Argument } from './command.ts';

export class PackedCommand extends Command {
  readonly #words: readonly Argument[];

  /** Replies come undecoded. */
  constructor(words: readonly Argument[]) {
    super(words[0] as string, [], { replyEncoding: null });
    this.#words = words;
  }

  override toWritable(): Buffer {
    return pack(this.#words);
  }
}

const FIRST_BYTES = 64 * 1_024;
/** A larger buffer is not kept for the next command. */
const KEPT_BYTES = 4 * 1_048_576;
/** A length, with what stands before and after it. */
const FRAME_BYTES = 32;
/** UTF-8 takes so many bytes for a UTF-16 unit at most. */
const WIDEST_UNIT = 3;
const SHORT = 64;
const [ARRAY, BULK, CR, LF, ZERO] = [0x2a, 0x24, 0x0d, 0x0a, 0x30];

let scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
let at = 0;

/** The bytes of a command: an array of bulk strings. RESP2 */
export function pack(words: readonly Argument[]): Buffer {
  at = 0;
  reserve(FRAME_BYTES);
  writeLength(ARRAY, words.length);
  for (const word of words) {
    if (typeof word === 'object') writeBytes(word);
    else writeText(typeof word === 'string' ? word : String(word));
  }
  const packed = Buffer.from(scratch.subarray(0, at));
  if (scratch.length > KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(FIRST_BYTES);
  return packed;
}

function writeBytes(bytes: Buffer): void {
  reserve(FRAME_BYTES + bytes.length);
  writeLength(BULK, bytes.length);
  scratch.set(bytes, at);
  at += bytes.length;
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
  if (length < 10) scratch[at++] = ZERO + length;
  else at += scratch.write(String(length), at, 'latin1');
  writeLineEnd();
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
