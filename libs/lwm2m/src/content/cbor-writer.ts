/** A writer of CBOR (RFC 8949) in preferred serialization, but for half floats, which small decoders lack. */
import { encodeUtf8 } from '@cluster/bytes';
import type { ResourceValue } from '../values.ts';
import { formatObjectLink, isObjectLink } from './convert.ts';
import { Major } from './cbor-reader.ts';

export class CborWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  array(count: number): void {
    this.#head(Major.ARRAY, count);
  }

  map(count: number): void {
    this.#head(Major.MAP, count);
  }

  integer(value: number | bigint): void {
    if (value >= 0) this.#head(Major.UNSIGNED, value);
    else this.#head(Major.NEGATIVE, typeof value === 'number' ? -1 - value : -1n - value);
  }

  text(value: string): void {
    const bytes = encodeUtf8(value);
    this.#head(Major.TEXT, bytes.length);
    this.#append(bytes);
  }

  bytes(value: Uint8Array): void {
    this.#head(Major.BYTES, value.length);
    this.#append(value);
  }

  /** Four bytes where they hold the value exactly, else eight. */
  float(value: number): void {
    const single = Math.fround(value) === value || Number.isNaN(value);
    this.#reserve(9);
    if (single) this.#view.setFloat32(this.#length + 1, value);
    else this.#view.setFloat64(this.#length + 1, value);
    this.#bytes[this.#length] = single ? 0xfa : 0xfb;
    this.#length += single ? 5 : 9;
  }

  simple(value: boolean | null): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value === null ? 0xf6 : value ? 0xf5 : 0xf4;
  }

  /** The value in its type's form; an object link as text "object:instance". */
  value({ type, value }: ResourceValue): void {
    if (typeof value === 'boolean' || value === null) this.simple(value);
    else if (typeof value === 'number' && type === 'float') this.float(value);
    else if (typeof value === 'number' || typeof value === 'bigint') this.integer(value);
    else if (typeof value === 'string') this.text(value);
    else if (isObjectLink(value)) this.text(formatObjectLink(value));
    else this.bytes(value);
  }

  #head(major: number, argument: number | bigint): void {
    this.#reserve(9);
    const start = this.#length;
    if (argument < 24) {
      this.#bytes[start] = (major << 5) | Number(argument);
      this.#length += 1;
    } else if (argument < 0x100) {
      this.#bytes[start] = (major << 5) | 24;
      this.#bytes[start + 1] = Number(argument);
      this.#length += 2;
    } else if (argument < 0x1_0000) {
      this.#bytes[start] = (major << 5) | 25;
      this.#view.setUint16(start + 1, Number(argument));
      this.#length += 3;
    } else if (argument < 0x1_0000_0000) {
      this.#bytes[start] = (major << 5) | 26;
      this.#view.setUint32(start + 1, Number(argument));
      this.#length += 5;
    } else {
      this.#bytes[start] = (major << 5) | 27;
      this.#view.setBigUint64(start + 1, BigInt(argument));
      this.#length += 9;
    }
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
