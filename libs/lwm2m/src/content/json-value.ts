/** Values in the JSON form of events and REST bodies (`jsonValue` of `@cluster/contracts`), both ways and without loss. */
import type { JsonValue, ValueType } from '@cluster/contracts';
import type { ResourceValue, Value } from '../values.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { fit, formatObjectLink, isObjectLink } from './convert.ts';

const NOT_FINITE = new Map([NaN, Infinity, -Infinity].map((value) => [String(value), value]));

/**
 * Integers beyond ±(2^53−1) become decimal strings, opaque becomes base64, an object link "object:instance",
 * and a float that JSON has no number for "NaN", "Infinity" or "-Infinity".
 */
export function toJsonValue({ value }: Pick<ResourceValue, 'value'>): JsonValue {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return toBase64(value);
  return isObjectLink(value) ? formatObjectLink(value) : value;
}

/**
 * The inverse of {@link toJsonValue} for a value of this type; undefined where it doesn't fit: out of range, not base64,
 * not digits. An `unknown` string stays a string, whatever it was made from. null is a value of `unknown` only.
 */
export function fromJsonValue(value: JsonValue, type: ValueType): Value | undefined {
  if (value === null) return type === 'unknown' ? null : undefined;
  switch (type) {
    case 'integer':
    case 'unsigned':
    case 'time':
      return fit(type, typeof value === 'string' && /^(0|-?[1-9]\d{0,19})$/.test(value) ? BigInt(value) : value);
    case 'float':
      return typeof value === 'string' ? NOT_FINITE.get(value) : fit(type, value);
    case 'opaque':
      return typeof value === 'string' ? fromBase64(value) : undefined;
    default:
      return fit(type, value);
  }
}
