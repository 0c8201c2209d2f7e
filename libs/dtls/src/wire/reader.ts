/** Reads the vectors and integers of TLS (RFC 5246 §4) from hostile bytes: a read past the end is remembered, never thrown. */
import { EMPTY_BYTES } from '@cluster/bytes';

/** A cursor over bytes. After any read past the end, {@link ended} is false for good and every read gives zeros. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #overrun = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#overrun ? 0 : this.#bytes.length - this.#at;
  }

  /** Whether everything was read, and nothing beyond. */
  get ended(): boolean {
    return !this.#overrun && this.#at === this.#bytes.length;
  }

  /** Whether every read so far stayed inside. */
  get intact(): boolean {
    return !this.#overrun;
  }

  /** A view of the next bytes. */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      this.#overrun = true;
      return EMPTY_BYTES;
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  uint8(): number {
    return this.#uint(1);
  }

  uint16(): number {
    return this.#uint(2);
  }

  uint24(): number {
    return this.#uint(3);
  }

  uint32(): number {
    return this.#uint(4);
  }

  uint48(): number {
    return this.#uint(6);
  }

  /** A vector with a length of one byte. */
  vector8(): Uint8Array {
    return this.take(this.uint8());
  }

  /** A vector with a length of two bytes. */
  vector16(): Uint8Array {
    return this.take(this.uint16());
  }

  /** A vector with a length of three bytes. */
  vector24(): Uint8Array {
    return this.take(this.uint24());
  }

  #uint(size: number): number {
    if (size > this.remaining) {
      this.#overrun = true;
      return 0;
    }
    let value = 0;
    for (const end = this.#at + size; this.#at < end; this.#at++) value = value * 0x100 + this.#bytes[this.#at]!;
    return value;
  }
}

/** The 16-bit integers of a vector; undefined if it has half of one. */
export function uint16s(bytes: Uint8Array): number[] | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  return Array.from({ length: bytes.length / 2 }, (_, index) => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!);
}

/** The same bytes as a plain array: `slice` of a Buffer would give a view, not a copy. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
