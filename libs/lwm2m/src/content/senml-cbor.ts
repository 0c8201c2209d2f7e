/** SenML in CBOR (RFC 8428 §6); object links under the text key "vlo" (OMA LwM2M Core 1.1 §7.4.6). */
import type { Value } from '../values.ts';
import { CborReader, Major } from './cbor-reader.ts';
import { CborWriter } from './cbor-writer.ts';
import { isObjectLink } from './convert.ts';
import { MAX_VALUES, Malformed } from './faults.ts';
import type { OutgoingRecord } from './senml-pack.ts';
import { type SenmlFields, emptyFields } from './senml-record.ts';

/** RFC 8428 §6, table 4. */
const Label = { BVER: -1, BN: -2, BT: -3, BV: -5, N: 0, V: 2, VS: 3, VB: 4, T: 6, VD: 8 } as const;
const OBJECT_LINK = 'vlo';

/** Records of a SenML CBOR pack. Throws {@link Malformed}. */
export function readSenmlCbor(bytes: Uint8Array): SenmlFields[] {
  const reader = new CborReader(bytes);
  const records: SenmlFields[] = [];
  for (let left = reader.open(Major.ARRAY); reader.more(left); left--) {
    if (records.length === MAX_VALUES) throw new Malformed('TOO_MANY_VALUES', `more than ${MAX_VALUES} records`);
    records.push(readRecord(reader));
  }
  reader.end();
  return records;
}

export function writeSenmlCbor(records: readonly OutgoingRecord[]): Uint8Array {
  const writer = new CborWriter();
  writer.array(records.length);
  for (const record of records) writeRecord(writer, record);
  return writer.finish();
}

function readRecord(reader: CborReader): SenmlFields {
  const fields = emptyFields();
  let known = 0;
  for (let left = reader.open(Major.MAP); reader.more(left); left--) {
    const label = reader.scalar();
    const bit = knownBit(label);
    if (known & bit) throw new Malformed('DUPLICATE', `SenML label ${label} twice in a record`);
    known |= bit;
    readField(reader, label, fields);
  }
  return fields;
}

/** A bit for each label of RFC 8428 and "vlo"; 0 for what is passed over. */
function knownBit(label: Value): number {
  if (typeof label === 'number') return label >= -6 && label <= 8 ? 1 << (label + 6) : 0;
  return label === OBJECT_LINK ? 1 << 15 : 0;
}

function readField(reader: CborReader, label: Value, fields: SenmlFields): void {
  switch (label) {
    case Label.BN:
      fields.bn = text(reader);
      break;
    case Label.N:
      fields.n = text(reader);
      break;
    case Label.V:
      fields.v = numberOrNull(reader);
      break;
    case Label.VS:
      fields.vs = text(reader);
      break;
    case Label.VB:
      fields.vb = boolean(reader);
      break;
    case Label.VD:
      fields.vd = bytes(reader);
      break;
    case OBJECT_LINK:
      fields.vlo = text(reader);
      break;
    case Label.T:
      fields.t = Number(number(reader));
      break;
    case Label.BT:
      fields.bt = Number(number(reader));
      break;
    case Label.BV:
      fields.bv = number(reader);
      break;
    case Label.BVER:
      fields.bver = Number(number(reader));
      break;
    default:
      skipField(reader, label);
  }
}

function skipField(reader: CborReader, label: Value): void {
  if (typeof label !== 'number' && typeof label !== 'string' && typeof label !== 'bigint') throw new Malformed('MALFORMED', 'a SenML label is a number or a text');
  // RFC 8428 §4.4: such a field must be understood
  if (typeof label === 'string' && label.endsWith('_')) throw new Malformed('VERSION_UNSUPPORTED', `SenML field ${label.slice(0, 20)}`);
  reader.skip();
}

function text(reader: CborReader): string {
  const value = reader.scalar();
  if (typeof value !== 'string') throw new Malformed('MALFORMED', 'a SenML field that must be text');
  return value;
}

function number(reader: CborReader): number | bigint {
  const value = reader.scalar();
  if (typeof value !== 'number' && typeof value !== 'bigint') throw new Malformed('MALFORMED', 'a SenML field that must be a number');
  return value;
}

function numberOrNull(reader: CborReader): number | bigint | null {
  const value = reader.scalar();
  if (value !== null && typeof value !== 'number' && typeof value !== 'bigint') throw new Malformed('MALFORMED', 'a SenML value that must be a number');
  return value;
}

function boolean(reader: CborReader): boolean {
  const value = reader.scalar();
  if (typeof value !== 'boolean') throw new Malformed('MALFORMED', 'a SenML field that must be true or false');
  return value;
}

function bytes(reader: CborReader): Uint8Array {
  const value = reader.scalar();
  if (!(value instanceof Uint8Array)) throw new Malformed('MALFORMED', 'a SenML field that must be bytes');
  return value;
}

function writeRecord(writer: CborWriter, { bn, n, t, value }: OutgoingRecord): void {
  writer.map(Number(bn !== undefined) + Number(n !== undefined) + Number(t !== undefined) + Number(value !== undefined));
  if (bn !== undefined) {
    writer.integer(Label.BN);
    writer.text(bn);
  }
  if (n !== undefined) {
    writer.integer(Label.N);
    writer.text(n);
  }
  if (value !== undefined) {
    const label = valueLabel(value.value);
    if (label === OBJECT_LINK) writer.text(label);
    else writer.integer(label);
    writer.value(value);
  }
  if (t !== undefined) {
    writer.integer(Label.T);
    if (Number.isSafeInteger(t)) writer.integer(t);
    else writer.float(t);
  }
}

function valueLabel(value: Value): number | typeof OBJECT_LINK {
  if (typeof value === 'string') return Label.VS;
  if (typeof value === 'boolean') return Label.VB;
  if (value instanceof Uint8Array) return Label.VD;
  return isObjectLink(value) ? OBJECT_LINK : Label.V;
}
