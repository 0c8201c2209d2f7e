/** Writes OMA-TLV (OMA LwM2M Core 1.1 §7.4.4), each integer and float in the fewest bytes that hold it. */
import { EMPTY_BYTES, concatBytes, encodeUtf8 } from '@cluster/bytes';
import type { Path } from '../path.ts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import { isObjectLink } from './convert.ts';
import { ContentError } from './faults.ts';
import { Kind } from './tlv-reader.ts';

/** A payload for a request to `base`: object instances for an object, resources for an instance, one resource (instance) else. */
export function writeTlv(values: readonly ResourceValue[], base: Path, lookup: ResourceLookup): Uint8Array {
  switch (base.length) {
    case 0:
      throw new ContentError('CONTENT_PATH', 'TLV tells no object');
    case 1:
      return concatBytes(groups(values, 1).map(([id, inner]) => entry(Kind.OBJECT_INSTANCE, id, resources(inner, lookup))));
    case 4:
      return concatBytes(values.map((value) => entry(Kind.RESOURCE_INSTANCE, value.path[3]!, content(value))));
    default:
      return resources(values, lookup);
  }
}

/** The resources of one object instance. */
function resources(values: readonly ResourceValue[], lookup: ResourceLookup): Uint8Array {
  if (values.length === 1 && values[0]!.path.length === 2) return EMPTY_BYTES;
  return concatBytes(groups(values, 2).map(([id, inner]) => resource(id, inner, lookup)));
}

function resource(id: number, values: readonly ResourceValue[], lookup: ResourceLookup): Uint8Array {
  const [first] = values;
  if (first!.path.length === 4) {
    return entry(Kind.MULTIPLE_RESOURCE, id, concatBytes(values.map((value) => entry(Kind.RESOURCE_INSTANCE, value.path[3]!, content(value)))));
  }
  const emptyMultiple = first!.value === null && lookup(first!.path[0]!, id)?.multiple === true;
  return emptyMultiple ? entry(Kind.MULTIPLE_RESOURCE, id, EMPTY_BYTES) : entry(Kind.RESOURCE, id, content(first!));
}

/** Values by their id at one level, in the order in which the ids first appear. */
function groups(values: readonly ResourceValue[], level: number): [number, ResourceValue[]][] {
  const byId = new Map<number, ResourceValue[]>();
  for (const value of values) {
    const id = value.path[level];
    if (id === undefined) throw new ContentError('CONTENT_PATH', `/${value.path.join('/')} holds no value`);
    const group = byId.get(id);
    if (group === undefined) byId.set(id, [value]);
    else group.push(value);
  }
  return [...byId];
}

function entry(kind: number, id: number, content: Uint8Array): Uint8Array {
  const length = content.length;
  const idWidth = id > 0xff ? 2 : 1;
  const lengthWidth = length < 8 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
  if (length > 0xff_ffff) throw new ContentError('CONTENT_FORMAT', 'too long for TLV');
  const bytes = new Uint8Array(1 + idWidth + lengthWidth + length);
  bytes[0] = (kind << 6) | ((idWidth - 1) << 5) | (lengthWidth << 3) | (lengthWidth === 0 ? length : 0);
  put(bytes, 1, idWidth, id);
  put(bytes, 1 + idWidth, lengthWidth, length);
  bytes.set(content, 1 + idWidth + lengthWidth);
  return bytes;
}

function put(bytes: Uint8Array, at: number, width: number, value: number): void {
  for (let index = 0; index < width; index++) bytes[at + index] = value >> (8 * (width - 1 - index));
}

/** The bytes of one value (appendix C). */
function content({ path, type, value }: ResourceValue): Uint8Array {
  if (value === null) throw new ContentError('CONTENT_VALUE', `/${path.join('/')}: TLV has no null`);
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return encodeUtf8(value);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0);
  if (isObjectLink(value)) return Uint8Array.of(value.object >> 8, value.object, value.instance >> 8, value.instance);
  return type === 'float' ? float(Number(value)) : integer(value, type === 'unsigned');
}

function float(value: number): Uint8Array {
  const single = Math.fround(value) === value || Number.isNaN(value);
  const bytes = new Uint8Array(single ? 4 : 8);
  const view = new DataView(bytes.buffer);
  if (single) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return bytes;
}

function integer(value: number | bigint, unsigned: boolean): Uint8Array {
  const width = [1, 2, 4].find((bytes) => fits(value, bytes, unsigned)) ?? 8;
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (width === 1) view.setUint8(0, Number(value));
  else if (width === 2) view.setUint16(0, Number(value));
  else if (width === 4) view.setUint32(0, Number(value));
  else view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

function fits(value: number | bigint, bytes: number, unsigned: boolean): boolean {
  const range = 2 ** (8 * bytes);
  return unsigned ? value < range : value >= -range / 2 && value < range / 2;
}
