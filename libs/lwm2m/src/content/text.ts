/** The formats that hold one value of one resource: text/plain, opaque and CBOR; and link-format, passed through as text. */
import { decodeUtf8Strict, encodeUtf8 } from '@cluster/bytes';
import type { Path } from '../path.ts';
import type { ResourceLookup, ResourceValue, Value } from '../values.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { CborReader } from './cbor-reader.ts';
import { CborWriter } from './cbor-writer.ts';
import { formatObjectLink, isObjectLink, knownType, resourceValue } from './convert.ts';
import { ContentError, Malformed } from './faults.ts';

const INTEGER = /^-?\d{1,20}(?:\.0+)?$/;
const FLOAT = /^-?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?$/;

/** OMA LwM2M Core 1.1 §7.4.1. */
export function readText(bytes: Uint8Array, base: Path, lookup: ResourceLookup): ResourceValue[] {
  const path = resourcePath(base);
  const text = decodeUtf8Strict(bytes);
  if (text === undefined) return [{ path, type: 'unknown', value: bytes.slice() }];
  const found = resourceValue(path, fromText(text, knownType(path, lookup)), lookup);
  return [found.type === 'unknown' ? { path, type: 'unknown', value: text } : found];
}

export function readOpaque(bytes: Uint8Array, base: Path, lookup: ResourceLookup): ResourceValue[] {
  return [resourceValue(resourcePath(base), bytes.slice(), lookup)];
}

/** OMA LwM2M Core 1.1 §7.4.3: one data item. */
export function readCbor(bytes: Uint8Array, base: Path, lookup: ResourceLookup): ResourceValue[] {
  const path = resourcePath(base);
  const reader = new CborReader(bytes);
  const value = reader.scalar();
  reader.end();
  return [resourceValue(path, value, lookup)];
}

export function readLinks(bytes: Uint8Array, base: Path): ResourceValue[] {
  const text = decodeUtf8Strict(bytes);
  if (text === undefined) throw new Malformed('NOT_UTF8', 'link-format is not UTF-8');
  return [{ path: base, type: 'corelnk', value: text }];
}

export function writeText(values: readonly ResourceValue[], base: Path): Uint8Array {
  const { value } = single(values, base);
  if (typeof value === 'boolean') return encodeUtf8(value ? '1' : '0');
  if (value instanceof Uint8Array) return encodeUtf8(toBase64(value));
  if (typeof value === 'number' && !Number.isFinite(value)) throw new ContentError('CONTENT_VALUE', 'text has no number that is not finite');
  return encodeUtf8(isObjectLink(value) ? formatObjectLink(value) : Object.is(value, -0) ? '-0' : String(value));
}

export function writeOpaque(values: readonly ResourceValue[], base: Path): Uint8Array {
  const { value } = single(values, base);
  if (!(value instanceof Uint8Array)) throw new ContentError('CONTENT_VALUE', 'the opaque format takes bytes only');
  return value.slice();
}

export function writeCbor(values: readonly ResourceValue[], base: Path): Uint8Array {
  const writer = new CborWriter();
  writer.value(single(values, base));
  return writer.finish();
}

export function writeLinks(values: readonly ResourceValue[]): Uint8Array {
  const value = values[0]?.value;
  if (values.length !== 1 || typeof value !== 'string') throw new ContentError('CONTENT_VALUE', 'link-format takes one text');
  return encodeUtf8(value);
}

function resourcePath(base: Path): Path {
  if (base.length < 3) throw new Malformed('BASE_NEEDED', 'this format holds a single resource');
  return base;
}

function single(values: readonly ResourceValue[], base: Path): ResourceValue {
  const [value] = values;
  if (value === undefined || values.length > 1) throw new ContentError('CONTENT_FORMAT', 'this format holds exactly one value');
  if (value.path.length < 3 || value.path.length !== base.length) throw new ContentError('CONTENT_PATH', 'this format holds the resource of the path only');
  if (value.value === null) throw new ContentError('CONTENT_VALUE', 'this format holds no null');
  return value;
}

function fromText(text: string, type: ReturnType<typeof knownType>): Value {
  switch (type) {
    case 'integer':
    case 'unsigned':
    case 'time':
      return INTEGER.test(text) ? BigInt(text.replace(/\.0+$/, '')) : text;
    case 'float':
      return FLOAT.test(text) ? Number(text) : text;
    case 'boolean':
      return text === '1' ? true : text === '0' ? false : text;
    case 'opaque':
      return fromBase64(text) ?? text;
    default:
      return text;
  }
}
