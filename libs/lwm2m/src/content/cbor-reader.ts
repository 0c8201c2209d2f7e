/**
 * A strict reader of CBOR (RFC 8949) over bytes of a peer: it allocates nothing that the bytes don't hold, and takes a
 * payload item by item, so that its callers see what a decoder to objects hides: keys that come twice, array keys, text
 * that isn't UTF-8. Throws {@link Malformed}.
 */
import { decodeUtf8Strict, concatBytes } from '@cluster/bytes';
import type { Value } from '../values.ts';
import { fromDecimal } from './decimal.ts';
import { Malformed } from './faults.ts';

/** Major types (RFC 8949 §3.1). */
export const Major = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7 } as const;

const INDEFINITE = 31;
const BREAK = 0xff;
const MAX_DEPTH = 16;
/** Longest bignum that is read, in bytes: twice what any LwM2M integer takes. */
const MAX_BIGNUM_BYTES = 16;

export class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Major type of the next item. */
  get major(): number {
    return this.#peek() >> 5;
  }

  /** Throws unless all bytes are read. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new Malformed('TRAILING_BYTES', 'bytes after the CBOR item');
  }

  /** Enters an array or a map (`major`): how many items or pairs follow, or −1 if only a break tells. To be counted down for {@link more}. */
  open(major: typeof Major.ARRAY | typeof Major.MAP): number {
    const initial = this.#u8();
    if (initial >> 5 !== major) throw new Malformed('MALFORMED', major === Major.MAP ? 'a CBOR map is missing' : 'a CBOR array is missing');
    if ((initial & 0x1f) === INDEFINITE) return -1;
    const count = this.#length(initial);
    if (count * (major - 3) > this.#bytes.length - this.#at) throw truncated();
    return count;
  }

  /** Whether another item follows, of `left` as {@link open} gave it, less those read. Takes the break of an indefinite one. */
  more(left: number): boolean {
    if (left >= 0) return left > 0;
    if (this.#peek() !== BREAK) return true;
    this.#at++;
    return false;
  }

  /** One value that is no array or map. Tags 2 to 4 give numbers; a tag that says but how to see a value (1: time) is passed over. */
  scalar(): Value {
    const initial = this.#u8();
    switch (initial >> 5) {
      case Major.UNSIGNED:
        return this.#argument(initial);
      case Major.NEGATIVE:
        return negative(this.#argument(initial));
      case Major.BYTES:
        return this.#string(initial).slice();
      case Major.TEXT:
        return this.#text(initial);
      case Major.TAG:
        return this.#tagged(initial);
      case Major.SIMPLE:
        return this.#simple(initial);
      default:
        throw new Malformed('MALFORMED', 'a CBOR array or map where a value is due');
    }
  }

  /** Passes over one item, whatever it is. */
  skip(depth = MAX_DEPTH): void {
    if (depth === 0) throw new Malformed('TOO_DEEP', `CBOR nested deeper than ${MAX_DEPTH}`);
    const major = this.major;
    if (major === Major.ARRAY || major === Major.MAP) {
      for (let left = this.open(major); this.more(left); left--) {
        this.skip(depth - 1);
        if (major === Major.MAP) this.skip(depth - 1);
      }
      return;
    }
    const initial = this.#u8();
    if (major === Major.BYTES || major === Major.TEXT) this.#string(initial);
    else this.#argument(initial);
    if (major === Major.TAG) this.skip(depth - 1);
  }

  #peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw truncated();
    return byte;
  }

  #u8(): number {
    const byte = this.#peek();
    this.#at++;
    return byte;
  }

  /** Start of `length` bytes that are then taken as read. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw truncated();
    this.#at = start + length;
    return start;
  }

  #argument(initial: number): number | bigint {
    const info = initial & 0x1f;
    switch (info) {
      case 24:
        return this.#u8();
      case 25:
        return this.#view.getUint16(this.#take(2));
      case 26:
        return this.#view.getUint32(this.#take(4));
      case 27: {
        const wide = this.#view.getBigUint64(this.#take(8));
        return wide <= Number.MAX_SAFE_INTEGER ? Number(wide) : wide;
      }
      default:
        if (info > 27) throw new Malformed('MALFORMED', 'reserved CBOR length');
        return info;
    }
  }

  #length(initial: number): number {
    const length = this.#argument(initial);
    if (typeof length === 'bigint' || length > this.#bytes.length - this.#at) throw truncated();
    return length;
  }

  /** A view of the content of a byte or text string; a copy if it came in chunks. */
  #string(initial: number): Uint8Array {
    if ((initial & 0x1f) !== INDEFINITE) return this.#chunk(initial);
    const chunks: Uint8Array[] = [];
    while (this.more(-1)) {
      const chunk = this.#u8();
      // RFC 8949 §3.2.3: chunks are definite and of the same major type
      if (chunk >> 5 !== initial >> 5 || (chunk & 0x1f) === INDEFINITE) throw new Malformed('MALFORMED', 'bad chunk of a CBOR string');
      chunks.push(this.#chunk(chunk));
    }
    return concatBytes(chunks);
  }

  #chunk(initial: number): Uint8Array {
    const start = this.#take(this.#length(initial));
    return this.#bytes.subarray(start, this.#at);
  }

  #text(initial: number): string {
    const text = decodeUtf8Strict(this.#string(initial));
    if (text === undefined) throw new Malformed('NOT_UTF8', 'a CBOR text is not UTF-8');
    return text;
  }

  #simple(initial: number): Value {
    switch (initial & 0x1f) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        return halfFloat(this.#view.getUint16(this.#take(2)));
      case 26:
        return this.#view.getFloat32(this.#take(4));
      case 27:
        return this.#view.getFloat64(this.#take(8));
      default:
        throw new Malformed('MALFORMED', 'a CBOR simple value that LwM2M has no use for');
    }
  }

  #tagged(initial: number): Value {
    const tag = this.#argument(initial);
    if (tag === 4) return this.#decimalFraction();
    if (this.major === Major.TAG) throw new Malformed('TOO_DEEP', 'a CBOR tag on a tag');
    const value = this.scalar();
    if (tag !== 2 && tag !== 3) return value;
    const magnitude = bignum(value);
    return tag === 2 ? magnitude : -1n - magnitude;
  }

  /** RFC 8949 §3.4.4: [exponent, mantissa]. */
  #decimalFraction(): number | bigint {
    const left = this.open(Major.ARRAY);
    const exponent = this.more(left) ? this.scalar() : null;
    const mantissa = this.more(left - 1) ? this.scalar() : null;
    if (left !== 2 && (left >= 0 || this.more(-1))) throw new Malformed('MALFORMED', 'a decimal fraction has two parts');
    if (typeof exponent !== 'number' || !Number.isInteger(exponent)) throw new Malformed('MALFORMED', 'exponent of a decimal fraction');
    if (typeof mantissa !== 'bigint' && !Number.isSafeInteger(mantissa)) throw new Malformed('MALFORMED', 'mantissa of a decimal fraction');
    return fromDecimal(mantissa as number | bigint, exponent);
  }
}

function truncated(): Malformed {
  return new Malformed('TRUNCATED', 'CBOR ends too early');
}

function negative(argument: number | bigint): number | bigint {
  return typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - BigInt(argument);
}

function bignum(value: Value): bigint {
  if (!(value instanceof Uint8Array) || value.length > MAX_BIGNUM_BYTES) throw new Malformed('MALFORMED', 'a CBOR bignum');
  let magnitude = 0n;
  for (const byte of value) magnitude = (magnitude << 8n) | BigInt(byte);
  return magnitude;
}

/** RFC 8949 appendix D. */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const magnitude =
    exponent === 0 ? mantissa * 2 ** -24 : exponent === 0x1f ? (mantissa === 0 ? Infinity : NaN) : (mantissa + 1024) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}
