import { decodeUtf8, encodeUtf8, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { model } from '../../testing/model.ts';
import type { Path } from '../path.ts';
import type { ResourceValue, Value } from '../values.ts';
import { decodeContent, encodeContent } from './content.ts';
import { ContentFormat } from './format.ts';

const lookup = model({ '9/0': 'integer', '9/1': 'unsigned', '9/2': 'float', '9/3': 'boolean', '9/4': 'string', '9/5': 'opaque', '9/6': 'time', '9/7': 'objlnk', '9/8': 'corelnk' });

function read(cf: number, payload: Uint8Array, base: Path): unknown {
  const result = decodeContent(cf, payload, base, lookup);
  return result.ok ? result.values.map(({ path, value, type }) => (expect(path).toEqual(base), [value, type])) : result.fault;
}

const value = (id: number, of: Value, type: ResourceValue['type'] = lookup(9, id)!.type as ResourceValue['type']): ResourceValue => ({ path: [9, 0, id], value: of, type });

// OMA LwM2M Core 1.1 appendix C
const TEXTS: [string, number, Value][] = [
  ['0', 0, 0], ['-7', 0, -7], ['9223372036854775807', 0, 9223372036854775807n], ['-9223372036854775808', 0, -9223372036854775808n], ['9007199254740993', 0, 9007199254740993n],
  ['18446744073709551615', 1, 18446744073709551615n], ['1.5', 2, 1.5], ['-0.1', 2, -0.1], ['1e-7', 2, 1e-7], ['5', 2, 5], ['-0', 2, -0], ['1', 3, true], ['0', 3, false],
  ['', 4, ''], ['ü 水', 4, 'ü 水'], ['AP8B', 5, hex('00ff01')], ['', 5, hex('')], ['1367491215', 6, 1367491215], ['66:1', 7, { object: 66, instance: 1 }],
  ['65535:65535', 7, { object: 65535, instance: 65535 }], ['</3/0>', 8, '</3/0>'],
];

describe('text/plain', () => {
  it.each(TEXTS)('reads %j of resource %i', (text, id, expected) => {
    const asBefore = [[expected, lookup(9, id)!.type]];
    expect(read(ContentFormat.TEXT, encodeUtf8(text), [9, 0, id])).toEqual(asBefore);
    expect(read(1541, encodeUtf8(text), [9, 0, id])).toEqual(asBefore);
  });

  it.each(TEXTS)('writes %j of resource %i', (text, id, of) => {
    expect(decodeUtf8(encodeContent(ContentFormat.TEXT, [value(id, of)], [9, 0, id], lookup))).toBe(text);
  });

  it('reads what some clients write for integers', () => {
    expect(read(0, encodeUtf8('42.0'), [9, 0, 0])).toEqual([[42, 'integer']]);
  });

  it.each([
    ['', 0], ['+1', 0], [' 1', 0], ['1 ', 0], ['1.5', 0], ['0x10', 0], ['9223372036854775808', 0], ['-1', 1], ['18446744073709551616', 1], ['NaN', 2], ['1e99999', 2], ['.5', 2],
    ['true', 3], ['2', 3], ['AP8', 5], ['AP8B\n', 5], ['A===', 5], ['AP9=', 5], ['66', 7], ['66:65536', 7], ['066:1', 7], ['66:1:2', 7], ['-1:0', 7],
  ])('keeps %j, which is none of the type of resource %i', (text, id) => {
    expect(read(0, encodeUtf8(text), [9, 0, id])).toEqual([[text, 'unknown']]);
  });

  it('keeps the text of a resource that nobody defined, and bytes that are no text', () => {
    expect(read(0, encodeUtf8('5'), [9, 0, 99])).toEqual([['5', 'unknown']]);
    expect(read(0, hex('ff'), [9, 0, 4])).toEqual([[hex('ff'), 'unknown']]);
  });

  it.each<[Path]>([[[]], [[9]], [[9, 0]]])('holds no more than a resource: %j', (base) => {
    expect(read(0, encodeUtf8('5'), base)).toBe('BASE_NEEDED');
    expect(read(42, encodeUtf8('5'), base)).toBe('BASE_NEEDED');
    expect(read(60, hex('05'), base)).toBe('BASE_NEEDED');
  });

  it.each<[string, ResourceValue[], Path, string]>([
    ['nothing', [], [9, 0, 0], 'CONTENT_FORMAT'],
    ['two values', [value(0, 1), value(1, 1)], [9, 0], 'CONTENT_FORMAT'],
    ['a resource of an instance', [value(0, 1)], [9, 0], 'CONTENT_PATH'],
    ['infinity', [value(2, Infinity)], [9, 0, 2], 'CONTENT_VALUE'],
    ['null', [value(2, null)], [9, 0, 2], 'CONTENT_VALUE'],
  ])('does not write %s', (_, values, base, code) => {
    expect(() => encodeContent(ContentFormat.TEXT, values, base, lookup)).toThrow(expect.objectContaining({ code }));
  });
});

describe('opaque', () => {
  it('holds the bytes of an opaque resource', () => {
    expect(read(ContentFormat.OPAQUE, hex('00ff'), [9, 0, 5])).toEqual([[hex('00ff'), 'opaque']]);
    expect(toHex(encodeContent(ContentFormat.OPAQUE, [value(5, hex('00ff'))], [9, 0, 5], lookup))).toBe('00ff');
  });

  it('keeps the bytes of any other', () => {
    expect(read(ContentFormat.OPAQUE, hex('00ff'), [9, 0, 0])).toEqual([[hex('00ff'), 'unknown']]);
    expect(() => encodeContent(ContentFormat.OPAQUE, [value(0, 1)], [9, 0, 0], lookup)).toThrow(expect.objectContaining({ code: 'CONTENT_VALUE' }));
  });

  it('gives bytes that do not change with the buffer they came in', () => {
    const payload = hex('0102');
    const result = decodeContent(ContentFormat.OPAQUE, payload, [9, 0, 5], lookup);
    payload.fill(0);
    expect(result.ok && result.values[0]!.value).toEqual(hex('0102'));
    const cbor = hex('420102');
    const fromCbor = decodeContent(ContentFormat.CBOR, cbor, [9, 0, 5], lookup);
    cbor.fill(0);
    expect(fromCbor.ok && fromCbor.values[0]!.value).toEqual(hex('0102'));
  });
});

describe('CBOR', () => {
  it.each<[string, number, Value, string]>([
    ['1865', 0, 101, 'integer'], ['3b7fffffffffffffff', 0, -9223372036854775808n, 'integer'], ['f95640', 0, 100, 'integer'], ['1bffffffffffffffff', 1, 18446744073709551615n, 'unsigned'],
    ['f93e00', 2, 1.5, 'float'], ['05', 2, 5, 'float'], ['c48221196ab3', 2, 273.15, 'float'], ['f5', 3, true, 'boolean'], ['6155', 4, 'U', 'string'], ['4200ff', 5, hex('00ff'), 'opaque'],
    ['c11a5182428f', 6, 1367491215, 'time'], ['1a5182428f', 6, 1367491215, 'time'], ['6436363a31', 7, { object: 66, instance: 1 }, 'objlnk'], ['63666f6f', 8, 'foo', 'corelnk'],
    ['f93e00', 0, 1.5, 'unknown'], ['6131', 0, '1', 'unknown'], ['3b7fffffffffffffff', 1, -9223372036854775808n, 'unknown'], ['01', 3, 1, 'unknown'], ['4155', 4, hex('55'), 'unknown'],
    ['05', 99, 5, 'unknown'], ['f5', 99, true, 'unknown'],
  ])('reads %s of resource %i', (digits, id, expected, type) => {
    expect(read(ContentFormat.CBOR, hex(digits), [9, 0, id])).toEqual([[expected, type]]);
  });

  it.each<[string, number, Value]>([
    ['1865', 0, 101], ['1bffffffffffffffff', 1, 18446744073709551615n], ['fa3fc00000', 2, 1.5], ['f4', 3, false], ['6155', 4, 'U'], ['4200ff', 5, hex('00ff')], ['1a5182428f', 6, 1367491215], ['6436363a31', 7, { object: 66, instance: 1 }],
  ])('writes %s of resource %i', (digits, id, of) => {
    expect(toHex(encodeContent(ContentFormat.CBOR, [value(id, of)], [9, 0, id], lookup))).toBe(digits);
  });

  it.each([['no bytes', '', 'TRUNCATED'], ['a map', 'a0', 'MALFORMED'], ['two items', '0505', 'TRAILING_BYTES'], ['text that is no UTF-8', '61ff', 'NOT_UTF8']])('refuses %s', (_, digits, fault) => {
    expect(read(ContentFormat.CBOR, hex(digits), [9, 0, 0])).toBe(fault);
  });
});

describe('link-format', () => {
  it('passes the text through', () => {
    const links = '</3/0>;pmin=1';
    expect(read(ContentFormat.LINK, encodeUtf8(links), [3, 0])).toEqual([[links, 'corelnk']]);
    expect(read(ContentFormat.LINK, hex('ff'), [3, 0])).toBe('NOT_UTF8');
    expect(decodeUtf8(encodeContent(ContentFormat.LINK, [{ path: [3, 0], value: links, type: 'corelnk' }], [3, 0], lookup))).toBe(links);
  });
});

describe('any other format', () => {
  it('is refused, and not written', () => {
    expect(read(50, hex(''), [9, 0, 0])).toBe('FORMAT_UNSUPPORTED');
    expect(() => encodeContent(50, [value(0, 1)], [9, 0, 0], lookup)).toThrow(expect.objectContaining({ code: 'CONTENT_FORMAT' }));
    expect(() => encodeContent(1542, [value(0, 1)], [9, 0, 0], lookup)).toThrow(expect.objectContaining({ code: 'CONTENT_FORMAT' }));
  });

  it('is refused beyond a megabyte', () => {
    expect(read(42, new Uint8Array(1_048_577), [9, 0, 5])).toBe('TOO_LARGE');
  });
});
