/** SenML in JSON (RFC 8428 §5) and the JSON of LwM2M 1.0 (OMA LwM2M Core 1.0 §6.4.4), which has other names for the same. */
import { encodeUtf8 } from '@cluster/bytes';
import type { ResourceValue } from '../values.ts';
import { fromAnyBase64, toBase64, toBase64Url } from './base64.ts';
import { formatObjectLink, isObjectLink } from './convert.ts';
import { ContentError, MAX_VALUES, Malformed } from './faults.ts';
import { type Json, parseJson } from './json-text.ts';
import { type SenmlFields, emptyFields } from './senml-record.ts';
import type { OutgoingRecord } from './senml-pack.ts';

type JsonObject = { readonly [name: string]: Json };

/** Records of a SenML JSON pack. */
export function readSenmlJson(bytes: Uint8Array): SenmlFields[] {
  return objects(parseJson(bytes)).map(senmlFields);
}

/** Records of LwM2M 1.0 JSON; an opaque value comes as its base64 text. */
export function readLwm2mJson(bytes: Uint8Array): SenmlFields[] {
  const whole = parseJson(bytes);
  if (!isObject(whole)) throw new Malformed('MALFORMED', 'LwM2M JSON is one object');
  const entries = objects(whole['e'] ?? []).map(lwm2mFields);
  const [first] = entries;
  if (first === undefined) return [];
  first.bn = optionalText(whole['bn']);
  first.bt = optionalNumber(whole['bt']);
  return entries;
}

export function writeSenmlJson(records: readonly OutgoingRecord[]): Uint8Array {
  return encodeUtf8(`[${records.map((record) => object([...names(record), senmlValue(record.value)])).join(',')}]`);
}

export function writeLwm2mJson(records: readonly OutgoingRecord[]): Uint8Array {
  const base = records[0]?.bn;
  const entries = records.map((record) => object([...names({ ...record, bn: undefined }), lwm2mValue(record.value)])).join(',');
  return encodeUtf8(object([base === undefined ? undefined : `"bn":${JSON.stringify(base)}`, `"e":[${entries}]`]));
}

function senmlFields(record: JsonObject): SenmlFields {
  const fields = emptyFields();
  for (const label of Object.keys(record)) {
    const value = record[label]!;
    switch (label) {
      case 'bn':
      case 'n':
      case 'vs':
      case 'vlo':
        fields[label] = text(value);
        break;
      case 'bt':
      case 't':
      case 'bver':
        fields[label] = Number(number(value));
        break;
      case 'bv':
        fields.bv = number(value);
        break;
      case 'v':
        fields.v = value === null ? null : number(value);
        break;
      case 'vb':
        fields.vb = boolean(value);
        break;
      case 'vd':
        fields.vd = fromAnyBase64(text(value)) ?? text(value);
        break;
      default:
        // RFC 8428 §4.4: such a field must be understood
        if (label.endsWith('_')) throw new Malformed('VERSION_UNSUPPORTED', `SenML field ${label.slice(0, 20)}`);
    }
  }
  return fields;
}

function lwm2mFields(entry: JsonObject): SenmlFields {
  const fields = emptyFields();
  fields.n = optionalText(entry['n']);
  fields.t = optionalNumber(entry['t']);
  fields.v = entry['v'] === undefined ? undefined : number(entry['v']);
  fields.vs = optionalText(entry['sv']);
  fields.vb = entry['bv'] === undefined ? undefined : boolean(entry['bv']);
  fields.vlo = optionalText(entry['ov']);
  return fields;
}

function objects(value: Json): JsonObject[] {
  if (!Array.isArray(value)) throw new Malformed('MALFORMED', 'an array of records is missing');
  if (value.length > MAX_VALUES) throw new Malformed('TOO_MANY_VALUES', `more than ${MAX_VALUES} records`);
  return value.map((item: Json) => {
    if (!isObject(item)) throw new Malformed('MALFORMED', 'a record that is no object');
    return item;
  });
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json): string {
  if (typeof value !== 'string') throw new Malformed('MALFORMED', 'a field that must be text');
  return value;
}

function optionalText(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : text(value);
}

function number(value: Json): number | bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new Malformed('MALFORMED', 'a field that must be a number');
  return value;
}

function optionalNumber(value: Json | undefined): number | undefined {
  return value === undefined ? undefined : Number(number(value));
}

function boolean(value: Json): boolean {
  if (typeof value !== 'boolean') throw new Malformed('MALFORMED', 'a field that must be true or false');
  return value;
}

function object(members: readonly (string | undefined)[]): string {
  return `{${members.filter((member) => member !== undefined).join(',')}}`;
}

function names({ bn, n, t }: OutgoingRecord): (string | undefined)[] {
  return [bn === undefined ? undefined : `"bn":${JSON.stringify(bn)}`, n === undefined ? undefined : `"n":${JSON.stringify(n)}`, t === undefined ? undefined : `"t":${digits(t)}`];
}

function senmlValue(given: ResourceValue | undefined): string | undefined {
  if (given === undefined) return undefined;
  const { value } = given;
  if (value === null) return '"v":null';
  if (typeof value === 'boolean') return `"vb":${value}`;
  if (typeof value === 'string') return `"vs":${JSON.stringify(value)}`;
  if (value instanceof Uint8Array) return `"vd":"${toBase64Url(value)}"`;
  return isObjectLink(value) ? `"vlo":"${formatObjectLink(value)}"` : `"v":${digits(value)}`;
}

function lwm2mValue(given: ResourceValue | undefined): string {
  const value = given?.value ?? null;
  if (value === null) throw new ContentError('CONTENT_VALUE', 'LwM2M JSON has no null');
  if (typeof value === 'boolean') return `"bv":${value}`;
  if (typeof value === 'string') return `"sv":${JSON.stringify(value)}`;
  if (value instanceof Uint8Array) return `"sv":"${toBase64(value)}"`;
  return isObjectLink(value) ? `"ov":"${formatObjectLink(value)}"` : `"v":${digits(value)}`;
}

/** All digits of a number; JSON has none for what is not finite. */
function digits(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new ContentError('CONTENT_VALUE', 'JSON has no number that is not finite');
  return Object.is(value, -0) ? '-0' : String(value);
}
