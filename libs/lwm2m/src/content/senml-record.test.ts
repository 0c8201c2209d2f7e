import { readFileSync } from 'node:fs';
import { encodeUtf8, hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { Malformed } from './faults.ts';
import { readSenmlCbor } from './senml-cbor.ts';
import { readSenmlJson } from './senml-json.ts';
import { type SenmlFields, SenmlResolver } from './senml-record.ts';

interface Resolved {
  readonly n: string;
  readonly t?: number;
  readonly v?: number;
  readonly vs?: string;
  readonly vb?: boolean;
}

interface Example {
  readonly id: string;
  readonly json: unknown[];
  readonly resolved?: Resolved[];
  readonly cborHex?: string;
}

/** The examples of RFC 8428, their relative times resolved at the time that RFC 8428's authors had. */
const { cases } = JSON.parse(readFileSync(new URL('../../vectors/rfc8428-senml.json', import.meta.url), 'utf8')) as { cases: Example[] };
const NOW_S = 1_498_780_179;

const records = (fields: SenmlFields[], nowS?: number) => {
  const resolver = new SenmlResolver(nowS);
  return fields.map((record) => resolver.resolve(record));
};
const ofJson = (json: unknown, nowS?: number) => records(readSenmlJson(encodeUtf8(JSON.stringify(json))), nowS);

describe('examples of RFC 8428', () => {
  it.each(cases.filter(({ resolved }) => resolved !== undefined))('resolves $id', ({ json, resolved }) => {
    const found = ofJson(json, NOW_S).filter(({ named, value }) => value !== undefined || named);
    const bytesLeftOut = found.filter(({ value }) => !(value instanceof Uint8Array));
    expect(bytesLeftOut.map(({ name, value }) => [name, value])).toEqual(resolved!.map(({ n, v, vs, vb }) => [n, v ?? vs ?? vb]));
    for (const [index, { time }] of bytesLeftOut.entries()) {
      if (time !== undefined) expect(time).toBeCloseTo(resolved![index]!.t!, 3);
    }
  });

  it.each(cases.filter(({ cborHex }) => cborHex !== undefined))('reads the same from the CBOR of $id', ({ json, cborHex }) => {
    const found = records(readSenmlCbor(hex(cborHex!)));
    const same = ofJson(json);
    expect(found.map(({ name, value }) => [name, value])).toEqual(same.map(({ name, value }) => [name, value]));
    for (const [index, { time }] of found.entries()) expect(time).toBeCloseTo(same[index]!.time!, 3);
  });

  it('reads the data value of ex7', () => {
    expect(ofJson(cases.find(({ id }) => id === 'ex7')!.json)[3]!.value).toEqual(encodeUtf8('hi \n'));
  });

  it('reads the times of ex13', () => {
    expect(ofJson(cases.find(({ id }) => id === 'ex13')!.json).map(({ time }) => time)).toEqual([1320078429, 1320078429, 1320078429.1, 1320078429.1]);
  });
});

describe('base fields', () => {
  it('concatenates names as they are', () => {
    expect(ofJson([{ bn: '/3', n: '/0/1', v: 1 }, { n: '3/0', v: 1 }, { v: 1 }]).map(({ name }) => name)).toEqual(['/3/0/1', '/33/0', '/3']);
  });

  it('keeps each base until it changes', () => {
    const found = ofJson([{ bn: 'a', bt: 2 ** 28, v: 1 }, { t: 5, v: 1 }, { bn: 'b', v: 1 }, { bt: 2 ** 29, v: 1 }]);
    expect(found.map(({ name, time }) => [name, time])).toEqual([['a', 2 ** 28], ['a', 2 ** 28 + 5], ['b', 2 ** 28], ['b', 2 ** 29]]);
  });

  it.each([
    ['-5 s', { t: -5 }, NOW_S - 5],
    ['now', { t: 0 }, NOW_S],
    ['just below 2^28', { t: 2 ** 28 - 1 }, NOW_S + 2 ** 28 - 1],
    ['2^28', { t: 2 ** 28 }, 2 ** 28],
    ['a sum below 2^28', { bt: 2 ** 28, t: -1 }, NOW_S + 2 ** 28 - 1],
    ['no time', {}, undefined],
  ])('takes %s as RFC 8428 §4.5.3 has it', (_, times, time) => {
    expect(ofJson([{ n: 'a', v: 1, ...times }], NOW_S)[0]!.time).toBe(time);
  });

  it.each([
    ['integers beyond 2^53', '[{"bv":9007199254740993,"v":2}]', 9007199254740995n],
    ['integers', '[{"bv":1,"v":2}]', 3],
    ['fractions', '[{"bv":0.5,"v":2}]', 2.5],
    ['strings, which have no base', '[{"bv":1,"vs":"a"}]', 'a'],
  ])('adds the base value to %s', (_, json, value) => {
    expect(records(readSenmlJson(encodeUtf8(json)))[0]!.value).toBe(value);
  });

  it.each([
    ['two values', [{ n: 'a', v: 1, vs: 'b' }]],
    ['a time beyond all numbers', [{ n: 'a', v: 1, bt: 1e308, t: 1e308 }]],
    ['a version to come', [{ bver: 11, n: 'a', v: 1 }]],
  ])('refuses %s', (_, json) => {
    expect(() => ofJson(json)).toThrow(Malformed);
  });
});
