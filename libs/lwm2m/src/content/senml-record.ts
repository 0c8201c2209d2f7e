/** SenML records, whatever their serialization: base fields resolved as RFC 8428 §4.6 says, names not yet understood. */
import type { Value } from '../values.ts';
import { smallestInteger } from './decimal.ts';
import { Malformed } from './faults.ts';

/** Highest version that is understood (RFC 8428 §4.4). */
const MAX_VERSION = 10;
/** Times below are relative to now (RFC 8428 §4.5.3). */
const ABSOLUTE_TIME = 2 ** 28;

/** Fields of one record as they stand in the pack; those that LwM2M has no use for are left out. */
export interface SenmlFields {
  bn: string | undefined;
  bt: number | undefined;
  bv: number | bigint | undefined;
  bver: number | undefined;
  n: string | undefined;
  t: number | undefined;
  v: number | bigint | null | undefined;
  vs: string | undefined;
  vb: boolean | undefined;
  vd: Uint8Array | string | undefined;
  vlo: string | undefined;
}

export interface SenmlRecord {
  readonly name: string;
  /** Whether the record has a name of its own: one without may but set the base fields. */
  readonly named: boolean;
  /** An object link as "object:instance"; undefined where the record has no value. */
  readonly value: Value | undefined;
  /** Seconds since 1970; below 2^28, seconds from now. */
  readonly time: number | undefined;
}

export function emptyFields(): SenmlFields {
  return {
    bn: undefined, bt: undefined, bv: undefined, bver: undefined, n: undefined, t: undefined,
    v: undefined, vs: undefined, vb: undefined, vd: undefined, vlo: undefined,
  };
}

/** Carries base fields from record to record of one pack. */
export class SenmlResolver {
  readonly #nowS: number | undefined;
  #name = '';
  #time: number | undefined;
  #value: number | bigint = 0;

  /** With `nowS`, times relative to now become absolute. */
  constructor(nowS?: number) {
    this.#nowS = nowS;
  }

  resolve(fields: SenmlFields): SenmlRecord {
    if (fields.bver !== undefined && !(fields.bver <= MAX_VERSION)) throw new Malformed('VERSION_UNSUPPORTED', `SenML version ${fields.bver}`);
    this.#name = fields.bn ?? this.#name;
    this.#time = fields.bt ?? this.#time;
    this.#value = fields.bv ?? this.#value;
    return {
      name: fields.n === undefined ? this.#name : this.#name + fields.n,
      named: fields.n !== undefined,
      value: this.#valueOf(fields),
      time: this.#timeOf(fields.t),
    };
  }

  #timeOf(t: number | undefined): number | undefined {
    if (t === undefined && this.#time === undefined) return undefined;
    const time = (this.#time ?? 0) + (t ?? 0);
    if (!Number.isFinite(time)) throw new Malformed('MALFORMED', 'a SenML time that is not finite');
    return time < ABSOLUTE_TIME && this.#nowS !== undefined ? this.#nowS + time : time;
  }

  #valueOf({ v, vs, vb, vd, vlo }: SenmlFields): Value | undefined {
    const others = Number(vs !== undefined) + Number(vb !== undefined) + Number(vd !== undefined) + Number(vlo !== undefined);
    if (others + Number(v !== undefined) > 1) throw new Malformed('MALFORMED', 'a SenML record with two values');
    if (v === undefined) return vs ?? vb ?? vd ?? vlo;
    return v === null || this.#value === 0 ? v : add(v, this.#value);
  }
}

/** Exact for integers. */
function add(left: number | bigint, right: number | bigint): number | bigint {
  if (isInteger(left) && isInteger(right)) return smallestInteger(BigInt(left) + BigInt(right));
  return Number(left) + Number(right);
}

function isInteger(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}
