/** Payloads printed in OMA LwM2M Core and named by the ETS (`vectors/`), read, and written where our form of them is the same. */
import { readFileSync } from 'node:fs';
import { encodeUtf8, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { formatPath, parsePath, type Path } from '../path.ts';
import { decodeContent, decodePaths, encodeContent, encodePaths } from './content.ts';
import { coreModel } from '../../testing/model.ts';
import { ContentFormat } from './format.ts';
import { toJsonValue } from './json-value.ts';

interface Example {
  readonly name: string;
  readonly contentFormat: number;
  readonly path: string;
  readonly hex?: string;
  readonly text?: string;
  readonly value: unknown;
}

interface EtsPayload {
  readonly case: string;
  readonly cf?: number;
  readonly op: string;
  readonly hex: string;
  readonly means: Readonly<Record<string, unknown>>;
}

function load<Row>(file: string): Row[] {
  return JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), 'utf8')).cases;
}

const examples = load<Example>('lwm2m-core-examples.json');
const payloadOf = ({ hex: digits, text }: Example) => (digits === undefined ? encodeUtf8(text!) : hex(digits));
const example = (name: string) => examples.find((row) => row.name === name)!;

/** /dp is no path of the data model. */
const baseOf = (path: string): Path => (path === '/dp' ? [] : parsePath(path)!);

/** What the nested `value` of an example means, as path to value. */
function flatten(value: unknown, path: string, into: Record<string, unknown> = {}): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) into[path] = value;
  else for (const [id, below] of Object.entries(value)) flatten(below, id.startsWith('/') ? id : `${path === '/' ? '' : path}/${id}`, into);
  return into;
}

function decoded(cf: number, payload: Uint8Array, base: Path): Record<string, unknown> {
  const result = decodeContent(cf, payload, base, coreModel);
  if (!result.ok) throw new Error(`${result.fault}: ${result.detail}`);
  return Object.fromEntries(result.values.map((value) => [formatPath(value.path), toJsonValue(value)]));
}

const described = examples.filter(({ value }) => value !== null && (typeof value !== 'object' || (Object.keys(value).length > 0 && !('times' in value))));

describe('examples of OMA LwM2M Core', () => {
  it('has them all', () => {
    expect(described).toHaveLength(15);
    expect(examples).toHaveLength(23);
  });

  it.each(described)('reads $name', (row) => {
    expect(decoded(row.contentFormat, payloadOf(row), baseOf(row.path))).toEqual(flatten(row.value, row.path));
  });

  it.each(['TLV read /3/0', 'TLV read /3 (wrapped)', 'TLV read /2 (2 instances, 16-bit id)', 'TLV read /1 (1 instance, still wrapped)', 'TLV Objlnk multi', 'TLV Objlnk null', 'LwM2M CBOR /3/0/0 path-array key', 'LwM2M CBOR /3/0/6', 'LwM2M CBOR /3/0', 'LwM2M CBOR /1', 'LwM2M CBOR composite answer', 'SenML CBOR /3/0', 'SenML JSON /3/0', 'SenML JSON bn only, no n', 'Write-Composite', 'Send'])(
    'writes %s byte for byte',
    (name) => {
      const row = example(name);
      const result = decodeContent(row.contentFormat, payloadOf(row), baseOf(row.path), coreModel);
      expect(result.ok && toHex(encodeContent(row.contentFormat, result.values, baseOf(row.path), coreModel))).toBe(toHex(payloadOf(row)));
    },
  );

  it('keeps the times of a history', () => {
    const row = example('SenML JSON history');
    const result = decodeContent(row.contentFormat, payloadOf(row), baseOf(row.path), coreModel);
    expect(result.ok && result.values.map(({ value, time }) => [value, time])).toEqual([[22.4, 25462629], [22.9, 25462604], [24.1, 25462584]]);
  });

  it('reads object links, the null link in hexadecimal too', () => {
    const row = example('SenML JSON Objlnk');
    expect(decoded(row.contentFormat, payloadOf(row), [])).toEqual({ '/65/0/0/0': '66:0', '/65/0/0/1': '66:1', '/65/0/1': '8613800755500', '/66/1/2': '65535:65535' });
  });

  it('reads the JSON of LwM2M 1.0', () => {
    const row = example('1.0 JSON /3/0');
    const values = { '/3/0/0': 'Open Mobile Alliance', '/3/0/6/0': 1, '/3/0/6/1': 5, '/3/0/11/0': 0, '/3/0/13': 1367491215, '/3/0/16': 'U' };
    expect(decoded(row.contentFormat, payloadOf(row), [3, 0])).toEqual(values);
    expect(decoded(1543, payloadOf(row), [3, 0])).toEqual(values);
  });

  it.each([
    ['Read-Composite request', ['/3/0/0', '/3/0/9', '/1/0/1']],
    ['Read-Composite request, bn changes', ['/4/0/0', '/4/0/1', '/4/0/2', '/6/0']],
    ['Read-Composite root', ['/']],
  ])('reads the paths of %s', (name, paths) => {
    const result = decodePaths(ContentFormat.SENML_JSON, payloadOf(example(name)));
    expect(result.ok && result.paths.map(formatPath)).toEqual(paths);
  });

  it.each(['Read-Composite request', 'Read-Composite root'])('writes the paths of %s byte for byte', (name) => {
    const result = decodePaths(ContentFormat.SENML_JSON, payloadOf(example(name)));
    expect(result.ok && toHex(encodePaths(ContentFormat.SENML_JSON, result.paths))).toBe(toHex(payloadOf(example(name))));
  });

  it('reads Write-Composite and Send', () => {
    expect(decoded(110, payloadOf(example('Write-Composite')), [])).toEqual({ '/3311/0/5850': false, '/3311/1/5850': false, '/3311/2/5851': 20, '/3308/0/5900': 18 });
    expect(decoded(110, payloadOf(example('Send')), [])).toEqual({ '/6/0/0': 43.61092, '/6/0/1': 3.87723, '/4/0/2': -49 });
  });
});

describe('payloads of the ETS', () => {
  const payloads = load<EtsPayload>('ets-payloads.json').filter((row) => row.cf !== undefined);

  it.each(payloads)('reads $case', (row) => {
    expect(decoded(row.cf!, hex(row.hex), parsePath(row.op.split(' ')[1]!)!)).toEqual(row.means);
  });

  it.each(payloads.filter(({ cf }) => cf === ContentFormat.TLV))('writes $case byte for byte', (row) => {
    const base = parsePath(row.op.split(' ')[1]!)!;
    const result = decodeContent(row.cf!, hex(row.hex), base, coreModel);
    expect(result.ok && toHex(encodeContent(row.cf!, result.values, base, coreModel))).toBe(row.hex);
  });
});
