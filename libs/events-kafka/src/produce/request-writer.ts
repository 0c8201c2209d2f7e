/** Writes requests of the Kafka protocol into one buffer, which grows as needed and is used again. */
import { Buffer } from 'node:buffer';

const FIRST_BYTES = 64 * 1_024;
/** Above it a zigzag varint needs a second byte. */
const ONE_BYTE_VARINT = 63;

/** The primitive types of the Kafka protocol guide. Whoever writes text or bytes makes room for them before. */
export class RequestWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Where the next byte goes. */
  get at(): number {
    return this.#at;
  }

  /** What was written; good until the next request is written. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Begins a new request over the last one. */
  restart(): void {
    this.#at = 0;
  }

  /** Makes room for so many more bytes. */
  reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  int8(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  int16(value: number): void {
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  int64(value: bigint): void {
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
  }

  /** STRING; `undefined` is the null of NULLABLE_STRING. */
  string(text: string | undefined): void {
    if (text === undefined) return this.int16(-1);
    const lengthAt = this.#at;
    this.#at += 2;
    this.#at += this.#buffer.write(text, this.#at);
    this.#buffer.writeInt16BE(this.#at - lengthAt - 2, lengthAt);
  }

  raw(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Zigzag VARINT of a number that is not negative. */
  varint(value: number): void {
    let rest = value * 2;
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  /** Text with its length as VARINT before it. Short ASCII, the usual case, goes without a call out of JavaScript. */
  varintText(text: string): void {
    if (text.length > ONE_BYTE_VARINT || !this.#shortAscii(text)) {
      this.varint(Buffer.byteLength(text));
      this.#at += this.#buffer.write(text, this.#at);
    }
  }

  #shortAscii(text: string): boolean {
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = 2 * text.length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      buffer[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  /** Leaves four bytes for a number that is set later, and tells where. */
  gap32(): number {
    const at = this.#at;
    this.#at += 4;
    return at;
  }

  setInt32(at: number, value: number): void {
    this.#buffer.writeInt32BE(value, at);
  }

  setUint32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  /** Puts the length of what was written since `start` before it, as VARINT, into a gap of two bytes that ends at `start`. */
  varintLength(start: number): void {
    const length = this.#at - start;
    const end = this.#at;
    this.#at = start - 2;
    const size = length <= ONE_BYTE_VARINT ? 1 : length < 8_192 ? 2 : length < 1_048_576 ? 3 : 4;
    if (size !== 2) this.#buffer.copyWithin(start - 2 + size, start, end);
    this.varint(length);
    this.#at += length;
  }
}
