/** Reads OMA-TLV (OMA LwM2M Core 1.1 §7.4.4): object instances, resources and resource instances in three levels at most. */
import { decodeUtf8Strict } from '@cluster/bytes';
import { MAX_ID, type Path } from '../path.ts';
import type { ResourceLookup, ResourceValue, Value } from '../values.ts';
import { knownType } from './convert.ts';
import { smallestInteger } from './decimal.ts';
import { MAX_VALUES, Malformed } from './faults.ts';

/** Bits 7-6 of the type byte. */
export const Kind = { OBJECT_INSTANCE: 0, RESOURCE_INSTANCE: 1, MULTIPLE_RESOURCE: 2, RESOURCE: 3 } as const;

/** Values of a TLV payload; ids below `base` are in the payload. Throws {@link Malformed}. */
export function readTlv(bytes: Uint8Array, base: Path, lookup: ResourceLookup): ResourceValue[] {
  if (base.length === 0) throw new Malformed('BASE_NEEDED', 'TLV tells no object');
  const reader = new TlvReader(bytes, lookup);
  reader.top(base);
  return reader.values;
}

class TlvReader {
  readonly values: ResourceValue[] = [];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #lookup: ResourceLookup;
  #at = 0;
  /** The entry that {@link #next} read. */
  #kind = 0;
  #id = 0;
  #end = 0;

  constructor(bytes: Uint8Array, lookup: ResourceLookup) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#lookup = lookup;
  }

  /** The outermost level, of any kind: clients wrap in an object instance, or not, as they like where the request tells it. */
  top(base: Path): void {
    while (this.#next(this.#bytes.length)) {
      if (this.#kind === Kind.OBJECT_INSTANCE) this.#objectInstance([base[0]!, this.#id]);
      else if (base.length < 2) throw new Malformed('MALFORMED', 'TLV resource without its object instance');
      else if (this.#kind === Kind.MULTIPLE_RESOURCE) this.#multipleResource([base[0]!, base[1]!, this.#id]);
      else if (this.#kind === Kind.RESOURCE) this.#value(this.#resourcePath(base));
      else if (base.length < 3) throw new Malformed('MALFORMED', 'TLV resource instance without its resource');
      else this.#value([base[0]!, base[1]!, base[2]!, this.#id]);
    }
  }

  /** Some peers answer for a resource instance with a plain resource, under the id of either. */
  #resourcePath(base: Path): Path {
    const instance = base.length === 4 && (this.#id === base[3] || this.#id === base[2]);
    return instance ? base : [base[0]!, base[1]!, this.#id];
  }

  #objectInstance(path: Path): void {
    const end = this.#end;
    if (this.#at === end) this.#push({ path, type: 'unknown', value: null });
    while (this.#next(end)) {
      if (this.#kind === Kind.RESOURCE) this.#value([path[0]!, path[1]!, this.#id]);
      else if (this.#kind === Kind.MULTIPLE_RESOURCE) this.#multipleResource([path[0]!, path[1]!, this.#id]);
      else throw new Malformed('MALFORMED', 'TLV entry of a wrong kind in an object instance');
    }
  }

  #multipleResource(path: Path): void {
    const end = this.#end;
    if (this.#at === end) this.#push({ path, type: 'unknown', value: null });
    while (this.#next(end)) {
      if (this.#kind !== Kind.RESOURCE_INSTANCE) throw new Malformed('MALFORMED', 'TLV entry of a wrong kind in a multiple resource');
      this.#value([path[0]!, path[1]!, path[2]!, this.#id]);
    }
  }

  /** Reads the header of the next entry before `limit`; false if there is none. */
  #next(limit: number): boolean {
    if (this.#at === limit) return false;
    const type = this.#bytes[this.#at++]!;
    this.#kind = type >> 6;
    this.#id = this.#number(type & 0x20 ? 2 : 1, limit);
    const width = (type >> 3) & 0x03;
    // OMA LwM2M Core 1.1 §7.4.4: bits 2-0 count only where there is no length field
    const length = width === 0 ? type & 0x07 : this.#number(width, limit);
    this.#end = this.#at + length;
    if (this.#end > limit) throw new Malformed('TRUNCATED', 'TLV entry longer than what holds it');
    if (this.#id > MAX_ID) throw new Malformed('BAD_PATH', 'TLV id 65535 is reserved');
    return true;
  }

  #number(width: number, limit: number): number {
    if (this.#at + width > limit) throw new Malformed('TRUNCATED', 'TLV header ends too early');
    let value = 0;
    for (let left = width; left > 0; left--) value = value * 256 + this.#bytes[this.#at++]!;
    return value;
  }

  #value(path: Path): void {
    const type = knownType(path, this.#lookup);
    const value = type === undefined ? undefined : this.#typed(type);
    if (type === undefined || value === undefined) this.#push({ path, type: 'unknown', value: this.#content().slice() });
    else this.#push({ path, type, value });
    this.#at = this.#end;
  }

  #push(value: ResourceValue): void {
    if (this.values.length === MAX_VALUES) throw new Malformed('TOO_MANY_VALUES', `more than ${MAX_VALUES} values`);
    this.values.push(value);
  }

  #content(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** The content as the type has it (appendix C), or undefined where its length or bytes contradict the type. */
  #typed(type: NonNullable<ReturnType<typeof knownType>>): Value | undefined {
    const length = this.#end - this.#at;
    switch (type) {
      case 'integer':
      case 'time':
        return this.#integer(length);
      case 'unsigned':
        return this.#unsigned(length);
      case 'float':
        return length === 4 ? this.#view.getFloat32(this.#at) : length === 8 ? this.#view.getFloat64(this.#at) : undefined;
      case 'boolean':
        return length === 1 && this.#bytes[this.#at]! <= 1 ? this.#bytes[this.#at] === 1 : undefined;
      case 'objlnk':
        return length === 4 ? { object: this.#view.getUint16(this.#at), instance: this.#view.getUint16(this.#at + 2) } : undefined;
      case 'opaque':
        return this.#content().slice();
      default:
        return decodeUtf8Strict(this.#content());
    }
  }

  #integer(length: number): number | bigint | undefined {
    switch (length) {
      case 1:
        return this.#view.getInt8(this.#at);
      case 2:
        return this.#view.getInt16(this.#at);
      case 4:
        return this.#view.getInt32(this.#at);
      case 8:
        return smallestInteger(this.#view.getBigInt64(this.#at));
      default:
        return undefined;
    }
  }

  #unsigned(length: number): number | bigint | undefined {
    switch (length) {
      case 1:
        return this.#bytes[this.#at];
      case 2:
        return this.#view.getUint16(this.#at);
      case 4:
        return this.#view.getUint32(this.#at);
      case 8:
        return smallestInteger(this.#view.getBigUint64(this.#at));
      default:
        return undefined;
    }
  }
}
