/** From what a format tells of a value to the type that the object model asks for (OMA LwM2M Core 1.1 appendix C). */
import type { ValueType } from '@cluster/contracts';
import type { Path } from '../path.ts';
import type { ObjectLink, ResourceLookup, ResourceValue, Value } from '../values.ts';
import { smallestInteger } from './decimal.ts';
import { ContentError } from './faults.ts';

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;
const NULL_ID = 0xffff;

/** The value as the model's type; as `unknown`, in the form the format gave it, where the model knows none or it doesn't fit. */
export function resourceValue(path: Path, raw: Value, lookup: ResourceLookup, time?: number): ResourceValue {
  const type = knownType(path, lookup);
  const value = type === undefined ? undefined : fit(type, raw);
  const found: ResourceValue =
    value === undefined || type === undefined ? { path, type: 'unknown', value: unknownForm(raw) } : { path, type, value };
  return time === undefined ? found : { ...found, time };
}

/** Data type of the resource, if the model knows it and it has one. */
export function knownType(path: Path, lookup: ResourceLookup): ValueType | undefined {
  const type = path.length < 3 ? undefined : lookup(path[0]!, path[2]!)?.type;
  return type === 'none' || type === 'unknown' ? undefined : type;
}

/** The value in the form that its type has in {@link Value}, or undefined where it isn't one of that type. */
export function fit(type: ValueType, raw: Value): Value | undefined {
  switch (type) {
    case 'integer':
    case 'time':
      return fitInteger(raw, MIN_INT64, MAX_INT64);
    case 'unsigned':
      return fitInteger(raw, 0n, MAX_UINT64);
    case 'float':
      return typeof raw === 'bigint' ? Number(raw) : typeof raw === 'number' ? raw : undefined;
    case 'boolean':
      return typeof raw === 'boolean' ? raw : undefined;
    case 'string':
    case 'corelnk':
      return typeof raw === 'string' && raw.isWellFormed() ? raw : undefined;
    case 'opaque':
      return raw instanceof Uint8Array ? raw : undefined;
    case 'objlnk':
      return typeof raw === 'string' ? parseObjectLink(raw) : isObjectLink(raw) ? raw : undefined;
    case 'unknown':
      return unknownForm(raw);
  }
}

/** "66:0" as a link; "FFFF:FFFF", seen in the examples of OMA LwM2M Core, is the null link. */
function parseObjectLink(text: string): ObjectLink | undefined {
  if (/^ffff:ffff$/i.test(text)) return { object: NULL_ID, instance: NULL_ID };
  const match = /^(0|[1-9]\d{0,4}):(0|[1-9]\d{0,4})$/.exec(text);
  const link = { object: Number(match?.[1]), instance: Number(match?.[2]) };
  return isObjectLink(link) ? link : undefined;
}

export function formatObjectLink(link: ObjectLink): string {
  return `${link.object}:${link.instance}`;
}

/** A value of our own caller with the type in which it is to be written. */
export function writable(value: ResourceValue, lookup: ResourceLookup): ResourceValue {
  if (value.value === null) return value;
  const type = value.type === 'unknown' ? guessType(value, lookup) : value.type;
  const fitted = fit(type, value.value);
  if (fitted === undefined) throw new ContentError('CONTENT_VALUE', `/${value.path.join('/')} holds no ${type}`);
  return { ...value, type, value: fitted };
}

/** An object link, and not merely something that looks like one. */
export function isObjectLink(value: Value): value is ObjectLink {
  return typeof value === 'object' && value !== null && 'object' in value && isLinkId(value.object) && isLinkId(value.instance);
}

function isLinkId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= NULL_ID;
}

function guessType({ path, value }: ResourceValue, lookup: ResourceLookup): ValueType {
  const known = knownType(path, lookup);
  if (known !== undefined && value !== null && fit(known, value) !== undefined) return known;
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bigint':
      return value > MAX_INT64 ? 'unsigned' : 'integer';
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'integer' : 'float';
    default:
      return value instanceof Uint8Array ? 'opaque' : 'objlnk';
  }
}

function fitInteger(raw: Value, min: bigint, max: bigint): number | bigint | undefined {
  if (typeof raw === 'number') {
    if (Number.isSafeInteger(raw)) return raw >= min ? raw + 0 : undefined;
    return Number.isInteger(raw) ? fitInteger(BigInt(raw), min, max) : undefined;
  }
  return typeof raw === 'bigint' && raw >= min && raw <= max ? smallestInteger(raw) : undefined;
}

function unknownForm(raw: Value): Value {
  return typeof raw === 'bigint' ? smallestInteger(raw) : isObjectLink(raw) ? formatObjectLink(raw) : raw;
}
