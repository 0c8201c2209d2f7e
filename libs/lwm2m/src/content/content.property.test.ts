/** What holds for every format and every type: what is written comes back, all formats tell the same, and no bytes do harm. */
import { readFileSync } from 'node:fs';
import type { ValueType } from '@cluster/contracts';
import { encodeUtf8, hex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { model } from '../../testing/model.ts';
import { MAX_ID, type Path } from '../path.ts';
import type { ResourceValue, Value } from '../values.ts';
import { decodeContent, decodePaths, encodeContent, encodePaths } from './content.ts';
import { ContentFormat } from './format.ts';
import { fromJsonValue, toJsonValue } from './json-value.ts';

const TYPES = ['integer', 'unsigned', 'float', 'boolean', 'string', 'opaque', 'time', 'objlnk', 'corelnk'] as const satisfies ValueType[];
/** Object 9: resource n and multiple resource 300 + n have the n-th type. */
const lookup = model(Object.fromEntries(TYPES.flatMap((type, id) => [[`9/${id}`, type], [`9/${id + 300}`, `${type}[]`]])));

const { TEXT, CBOR, OPAQUE, TLV, SENML_JSON, SENML_CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR, LWM2M_JSON, LWM2M_CBOR } = ContentFormat;
const STRUCTURED = [TLV, SENML_JSON, SENML_CBOR, SENML_ETCH_JSON, SENML_ETCH_CBOR, LWM2M_JSON, LWM2M_CBOR];
const JSON_FORMATS: readonly number[] = [TEXT, SENML_JSON, SENML_ETCH_JSON, LWM2M_JSON];

const id = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 250, max: 260 }), fc.nat({ max: MAX_ID }));
const safe = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => value.isWellFormed());
const signed = fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(safe));
const linkId = fc.nat({ max: 0xffff });

function valuesOf(type: (typeof TYPES)[number], finite: boolean): fc.Arbitrary<Value> {
  switch (type) {
    case 'integer':
    case 'time':
      return signed;
    case 'unsigned':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(safe);
    case 'float':
      return fc.oneof(fc.double({ noNaN: finite, noDefaultInfinity: finite }), fc.float({ noNaN: finite, noDefaultInfinity: finite }));
    case 'boolean':
      return fc.boolean();
    case 'string':
    case 'corelnk':
      return text;
    case 'opaque':
      return fc.uint8Array({ maxLength: 300 });
    case 'objlnk':
      return fc.record({ object: linkId, instance: linkId }, { noNullPrototype: true });
  }
}

const typed = (finite: boolean) => fc.constantFrom(...TYPES).chain((type) => valuesOf(type, finite).map((value) => ({ type, value })));

/** Values of several instances, in the order in which every format gives them back. */
const instances = fc
  .uniqueArray(fc.tuple(id, fc.boolean(), id, typed(true)), {
    maxLength: 12,
    selector: ([instance, multiple, resourceInstance, { type }]) => [instance, type, multiple, multiple && resourceInstance].join(),
  })
  .map((rows) => rows.map(([instance, multiple, resourceInstance, { type, value }]): ResourceValue => {
    const resource = TYPES.indexOf(type) + (multiple ? 300 : 0);
    return { path: multiple ? [9, instance, resource, resourceInstance] : [9, instance, resource], type, value };
  }))
  .map((values) => values.sort((a, b) => compare(a.path, b.path)));

function compare(a: Path, b: Path): number {
  const level = a.findIndex((step, index) => step !== b[index]);
  return level < 0 ? 0 : a[level]! - (b[level] ?? -1);
}

const isStrange = (json: unknown) => typeof json === 'number' && !Number.isFinite(json);

describe('what is written comes back', () => {
  it.each([TEXT, CBOR, ...STRUCTURED])('as a resource or resource instance of each type in format %i', (cf) => {
    fc.assert(
      fc.property(id, id, fc.boolean(), typed(JSON_FORMATS.includes(cf)), (instance, resourceInstance, multiple, { type, value }) => {
        const resource = TYPES.indexOf(type);
        const path = multiple ? [9, instance, resource + 300, resourceInstance] : [9, instance, resource];
        const values: ResourceValue[] = [{ path, type, value }];
        expect(decodeContent(cf, encodeContent(cf, values, path, lookup), path, lookup)).toEqual({ ok: true, values });
      }),
      { numRuns: 300 },
    );
  });

  it('as opaque', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        const values: ResourceValue[] = [{ path: [9, 0, 5], type: 'opaque', value }];
        expect(decodeContent(OPAQUE, encodeContent(OPAQUE, values, [9, 0, 5], lookup), [9, 0, 5], lookup)).toEqual({ ok: true, values });
      }),
    );
  });

  it.each(STRUCTURED)('as an object of many instances in format %i', (cf) => {
    fc.assert(
      fc.property(instances, (values) => {
        expect(decodeContent(cf, encodeContent(cf, values, [9], lookup), [9], lookup)).toEqual({ ok: true, values });
      }),
    );
  });

  it('as one instance of an object, wrapped in TLV or not', () => {
    fc.assert(
      fc.property(instances.filter((all) => all.length > 0), (all) => {
        const values = all.filter(({ path }) => path[1] === all[0]!.path[1]);
        const base = values[0]!.path.slice(0, 2);
        for (const cf of STRUCTURED) expect(decodeContent(cf, encodeContent(cf, values, base, lookup), base, lookup)).toEqual({ ok: true, values });
        expect(decodeContent(TLV, encodeContent(TLV, values, [9], lookup), base, lookup)).toEqual({ ok: true, values });
        expect(decodeContent(LWM2M_CBOR, encodeContent(LWM2M_CBOR, values, base, lookup, { relative: true }), base, lookup, { relative: true })).toEqual({ ok: true, values });
      }),
    );
  });

  it.each([SENML_JSON, SENML_CBOR, LWM2M_JSON])('with its times in format %i', (cf) => {
    const times = fc.array(fc.tuple(fc.integer({ min: 2 ** 28, max: 2 ** 33 }), signed), { maxLength: 8 });
    fc.assert(
      fc.property(times, (rows) => {
        const values = rows.map(([time, value]): ResourceValue => ({ path: [9, 0, 0], type: 'integer', value, time }));
        expect(decodeContent(cf, encodeContent(cf, values, [9, 0], lookup), [9, 0], lookup, { nowS: 5 })).toEqual({ ok: true, values });
      }),
    );
  });

  it.each([SENML_JSON, SENML_CBOR, LWM2M_CBOR])('as paths in format %i', (cf) => {
    const paths = fc.uniqueArray(fc.array(id, { minLength: 1, maxLength: 4 }), { selector: (path) => path.join('/') });
    fc.assert(fc.property(paths, (list) => {
      expect(decodePaths(cf, encodePaths(cf, list))).toEqual({ ok: true, paths: list });
    }));
  });

  it('as JSON of events and REST bodies', () => {
    fc.assert(
      fc.property(typed(false), ({ type, value }) => {
        const json = toJsonValue({ value });
        expect(isStrange(json)).toBe(false);
        expect(fromJsonValue(JSON.parse(JSON.stringify(Object.is(json, -0) ? 0 : json)), type)).toEqual(Object.is(value, -0) ? 0 : value);
      }),
    );
  });
});

describe('all formats', () => {
  it('tell the same of the same values', () => {
    fc.assert(
      fc.property(instances, (values) => {
        const told = STRUCTURED.map((cf) => decodeContent(cf, encodeContent(cf, values, [9], lookup), [9], lookup));
        for (const other of told) expect(other).toEqual(told[0]);
      }),
    );
  });
});

describe('no bytes do harm', () => {
  const ALL = [TEXT, ContentFormat.LINK, OPAQUE, CBOR, ...STRUCTURED, 1541, 1542, 1543, 7];
  const { cases } = JSON.parse(readFileSync(new URL('../../vectors/lwm2m-core-examples.json', import.meta.url), 'utf8')) as { cases: { contentFormat: number; hex?: string; text?: string }[] };
  const examples = cases.map((row) => [row.contentFormat, row.hex === undefined ? encodeUtf8(row.text!) : hex(row.hex)] as const);
  const base = fc.array(fc.nat({ max: 9 }), { maxLength: 4 });

  /** Decodes for a value, whatever comes; a value that was read can be written as JSON, and by the format that read it. */
  function harmless(cf: number, payload: Uint8Array, at: Path, options = {}): void {
    const result = decodeContent(cf, payload, at, lookup, options);
    decodePaths(cf, payload);
    if (!result.ok) {
      expect(result.fault).toMatch(/^[A-Z_0-9]+$/);
      return;
    }
    for (const value of result.values) {
      expect(isStrange(toJsonValue(value))).toBe(false);
      if (value.type !== 'unknown' && cf !== ContentFormat.LINK) expect(value.type).toBe(lookup(value.path[0]!, value.path[2]!)?.type);
    }
  }

  it('at random', () => {
    fc.assert(fc.property(fc.constantFrom(...ALL), fc.uint8Array({ maxLength: 64 }), base, (cf, payload, at) => harmless(cf, payload, at)), { numRuns: 5_000 });
  });

  it('as almost JSON', () => {
    const labels = fc.constantFrom('bn', 'n', 'v', 'vs', 'vb', 'vd', 'vlo', 't', 'bt', 'bv', 'bver', 'e', 'sv', 'ov');
    const fields = fc.dictionary(labels, fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('/9/0/', '/9/0/0', '0', 5, 1e300)));
    const pack = fc.oneof(fc.array(fields), fc.record({ bn: fc.constantFrom('/9/0/', '/'), e: fc.array(fields) }), fc.jsonValue());
    fc.assert(fc.property(fc.constantFrom(SENML_JSON, SENML_ETCH_JSON, LWM2M_JSON), pack, base, (cf, json, at) => harmless(cf, encodeUtf8(JSON.stringify(json)), at)), { numRuns: 2_000 });
  });

  it('as examples with bytes changed, cut, put in and moved', () => {
    const edits = fc.array(fc.tuple(fc.constantFrom('set', 'cut', 'insert', 'double'), fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...examples), edits, base, fc.boolean(), ([cf, bytes], changes, at, relative) => {
        harmless(cf, changes.reduce(edited, bytes), at, { relative, nowS: 1_700_000_000, root: '/9' });
      }),
      { numRuns: 5_000 },
    );
  });

  function edited(bytes: Uint8Array, [kind, where, byte]: readonly [string, number, number]): Uint8Array {
    const at = where % (bytes.length + 1);
    const middle = { set: [byte], cut: [], insert: [byte, ...bytes.subarray(at, at + 1)], double: [...bytes.subarray(at, at + 9), ...bytes.subarray(at, at + 1)] }[kind]!;
    return Uint8Array.from([...bytes.subarray(0, at), ...middle, ...bytes.subarray(at + (kind === 'cut' && byte > 128 ? byte : 1))]);
  }

  it.each<[string, number, Uint8Array]>([
    ['arrays', LWM2M_JSON, encodeUtf8('['.repeat(1_000_000))], ['nested arrays', SENML_JSON, encodeUtf8('['.repeat(500_000) + ']'.repeat(500_000))], ['objects', SENML_JSON, encodeUtf8('{"a":'.repeat(200_000))],
    ['digits', SENML_JSON, encodeUtf8(`[{"n":"/9/0/0","v":${'9'.repeat(1_000_000)}}]`)], ['many digits', SENML_JSON, encodeUtf8(`[${'{"n":"/9/0/0","v":1e9999999},'.repeat(16_000)}{"n":"/9/0/0","v":${'9'.repeat(390)}e-380}]`)],
    ['CBOR arrays', SENML_CBOR, new Uint8Array(1_000_000).fill(0x81)], ['CBOR maps', LWM2M_CBOR, new Uint8Array(1_000_000).fill(0xa1)], ['CBOR tags', CBOR, new Uint8Array(1_000_000).fill(0xc1)],
    ['CBOR breaks', SENML_CBOR, new Uint8Array(1_000_000).fill(0x9f)], ['empty CBOR maps', LWM2M_CBOR, new Uint8Array(1_000_000).fill(0xa0)], ['empty TLV instances', TLV, new Uint8Array(1_000_000)],
    ['TLV of the same id', TLV, new Uint8Array(32_000).fill(0xc0)], ['text', TEXT, encodeUtf8('9'.repeat(1_000_000))], ['text with no end', TEXT, encodeUtf8(`-${'0'.repeat(1_000_000)}.`)],
  ])('as a heap of %s, in bounded time', (_, cf, payload) => {
    const start = performance.now();
    for (const at of [[9], [9, 0], [9, 0, 0], [9, 0, 2]]) harmless(cf, payload, at);
    expect(performance.now() - start).toBeLessThan(4_000);
  });
});
