import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { model } from '../../testing/model.ts';
import { type Path, formatPath } from '../path.ts';
import type { ResourceValue, Value } from '../values.ts';
import { decodeContent, encodeContent } from './content.ts';
import { ContentError } from './faults.ts';
import { ContentFormat } from './format.ts';

const lookup = model({
  '9/0': 'integer', '9/1': 'unsigned', '9/2': 'float', '9/3': 'boolean', '9/4': 'string', '9/5': 'opaque', '9/6': 'time', '9/7': 'objlnk',
  '9/8': 'corelnk', '9/10': 'integer[]', '9/300': 'string',
});

function read(digits: string, base: Path): [string, Value, string][] | string {
  const result = decodeContent(ContentFormat.TLV, hex(digits), base, lookup);
  return result.ok ? result.values.map(({ path, value, type }) => [formatPath(path), value, type]) : result.fault;
}

const value = (path: Path, of: Value, type: ResourceValue['type']): ResourceValue => ({ path, value: of, type });
const write = (values: ResourceValue[], base: Path) => toHex(encodeContent(ContentFormat.TLV, values, base, lookup));

// OMA LwM2M Core 1.1 §7.4.4 (header), appendix C (values)
const RESOURCES: [name: string, digits: string, id: number, value: Value, type: ResourceValue['type']][] = [
  ['integer of 1 byte', 'c1007f', 0, 127, 'integer'],
  ['negative integer of 1 byte', 'c10080', 0, -128, 'integer'],
  ['integer of 2 bytes', 'c2000080', 0, 128, 'integer'],
  ['negative integer of 2 bytes', 'c2008000', 0, -32768, 'integer'],
  ['integer of 4 bytes', 'c40000008000', 0, 32768, 'integer'],
  ['integer of 8 bytes', 'c800080000000080000000', 0, 2147483648, 'integer'],
  ['largest integer', 'c800087fffffffffffffff', 0, 9223372036854775807n, 'integer'],
  ['smallest integer', 'c800088000000000000000', 0, -9223372036854775808n, 'integer'],
  ['unsigned of 1 byte', 'c101ff', 1, 255, 'unsigned'],
  ['unsigned of 2 bytes', 'c2010100', 1, 256, 'unsigned'],
  ['unsigned of 4 bytes', 'c401ffffffff', 1, 4294967295, 'unsigned'],
  ['unsigned of 8 bytes', 'c80108ffffffffffffffff', 1, 18446744073709551615n, 'unsigned'],
  ['float of 4 bytes', 'c4023fc00000', 2, 1.5, 'float'],
  ['float of 8 bytes', 'c802083ff199999999999a', 2, 1.1, 'float'],
  ['true', 'c10301', 3, true, 'boolean'],
  ['false', 'c10300', 3, false, 'boolean'],
  ['empty string', 'c004', 4, '', 'string'],
  ['string', 'c204c3bc', 4, 'ü', 'string'],
  ['string of 8 bytes', 'c804083132333435363738', 4, '12345678', 'string'],
  ['empty opaque', 'c005', 5, hex(''), 'opaque'],
  ['opaque', 'c30500ff01', 5, hex('00ff01'), 'opaque'],
  ['opaque of 256 bytes', `d0050100${'ab'.repeat(256)}`, 5, hex('ab'.repeat(256)), 'opaque'],
  ['opaque of 65536 bytes', `d805010000${'cd'.repeat(65536)}`, 5, hex('cd'.repeat(65536)), 'opaque'],
  ['time', 'c4065182428f', 6, 1367491215, 'time'],
  ['time after 2038', 'c80608000000012345678a', 6, 0x1_2345_678a, 'time'],
  ['object link', 'c40700420001', 7, { object: 66, instance: 1 }, 'objlnk'],
  ['null link', 'c407ffffffff', 7, { object: 65535, instance: 65535 }, 'objlnk'],
  ['core link', 'c3083c2f3e', 8, '</>', 'corelnk'],
  ['resource with an id of 2 bytes', 'e1012c41', 300, 'A', 'string'],
];

describe('a resource in TLV', () => {
  it.each(RESOURCES)('reads %s', (_, digits, id, expected, type) => {
    expect(read(digits, [9, 0])).toEqual([[`/9/0/${id}`, expected, type]]);
    expect(read(digits, [9, 0, id])).toEqual([[`/9/0/${id}`, expected, type]]);
  });

  it.each(RESOURCES)('writes %s', (_, digits, id, of, type) => {
    expect(write([value([9, 0, id], of, type)], [9, 0])).toBe(digits);
    expect(write([value([9, 0, id], of, type)], [9, 0, id])).toBe(digits);
  });

  it.each<[string, string, string]>([
    ['integer of 3 bytes', 'c300010203', '010203'],
    ['integer without bytes', 'c000', ''],
    ['integer of 5 bytes', 'c5000102030405', '0102030405'],
    ['unsigned of 16 bytes', `c80110${'01'.repeat(16)}`, '01'.repeat(16)],
    ['float of 2 bytes', 'c2023e00', '3e00'],
    ['boolean 2', 'c10302', '02'],
    ['boolean of 2 bytes', 'c2030001', '0001'],
    ['string that is no UTF-8', 'c104ff', 'ff'],
    ['object link of 2 bytes', 'c2070042', '0042'],
  ])('keeps the bytes of an %s', (_, digits, raw) => {
    expect(read(digits, [9, 0])).toEqual([[`/9/0/${parseInt(digits.slice(2, 4), 16)}`, hex(raw), 'unknown']]);
  });

  it('keeps the other values beside one that contradicts its type, and those of resources that nobody defined', () => {
    expect(read('c10302c10005c26301ff', [9, 0])).toEqual([['/9/0/3', hex('02'), 'unknown'], ['/9/0/0', 5, 'integer'], ['/9/0/99', hex('01ff'), 'unknown']]);
  });
});

describe('levels of TLV', () => {
  it.each<[string, string, Path, [string, Value][]]>([
    ['object: instances', '080003c10005080103c10006', [9], [['/9/0/0', 5], ['/9/1/0', 6]]],
    ['object: instance with an id of 2 bytes', '2803e803c10005', [9], [['/9/1000/0', 5]]],
    ['object: instance without resources', '0001', [9], [['/9/1', null]]],
    ['object: no instance', '', [9], []],
    ['instance: wrapped', '0300c10005', [9, 0], [['/9/0/0', 5]]],
    ['instance: not wrapped', 'c10005', [9, 0], [['/9/0/0', 5]]],
    ['instance: wrapped and empty', '0000', [9, 0], [['/9/0', null]]],
    ['multiple resource', '860a410001410102', [9, 0], [['/9/0/10/0', 1], ['/9/0/10/1', 2]]],
    ['multiple resource of one', '830a410001', [9, 0], [['/9/0/10/0', 1]]],
    ['multiple resource of none', '800a', [9, 0], [['/9/0/10', null]]],
    ['multiple resource, wrapped in its instance', '0500830a410001', [9, 0, 10], [['/9/0/10/0', 1]]],
    ['multiple resource as bare resource instances', '410001410102', [9, 0, 10], [['/9/0/10/0', 1], ['/9/0/10/1', 2]]],
    ['resource instance', '410102', [9, 0, 10, 1], [['/9/0/10/1', 2]]],
    ['resource instance in its resource', '830a410102', [9, 0, 10, 1], [['/9/0/10/1', 2]]],
    ['resource instance as a resource with its id', 'c10102', [9, 0, 10, 1], [['/9/0/10/1', 2]]],
    ['resource instance as a resource with the id of the resource', 'c10a02', [9, 0, 10, 1], [['/9/0/10/1', 2]]],
    ['inline length bits beside a length field', 'cf000105', [9, 0], [['/9/0/0', 5]]],
    ['a length field where none is needed', 'c8000105', [9, 0], [['/9/0/0', 5]]],
    ['an id of 2 bytes where one is enough', 'e1000005', [9, 0], [['/9/0/0', 5]]],
  ])('reads %s', (_, digits, base, expected) => {
    const found = read(digits, base);
    expect(typeof found === 'string' ? found : found.map(([path, of]) => [path, of])).toEqual(expected);
  });

  it.each<[string, string, Path, string]>([
    ['the root', 'c10005', [], 'BASE_NEEDED'],
    ['a resource of an object', 'c10005', [9], 'MALFORMED'],
    ['a resource instance of an instance', '410005', [9, 0], 'MALFORMED'],
    ['an instance in an instance', '05000300c10005', [9, 0], 'MALFORMED'],
    ['a resource instance in an instance', '0300410005', [9, 0], 'MALFORMED'],
    ['a resource in a multiple resource', '830ac10005', [9, 0], 'MALFORMED'],
    ['another instance than was asked for', '0301c10005', [9, 0], 'OUTSIDE_BASE'],
    ['another resource than was asked for', 'c10105', [9, 0, 0], 'OUTSIDE_BASE'],
    ['another resource instance than was asked for', '410205', [9, 0, 10, 1], 'OUTSIDE_BASE'],
    ['a type byte alone', 'c1', [9, 0], 'TRUNCATED'],
    ['an id cut', 'e101', [9, 0], 'TRUNCATED'],
    ['a length cut', 'd00001', [9, 0], 'TRUNCATED'],
    ['a value cut', 'c200ff', [9, 0], 'TRUNCATED'],
    ['an entry longer than its instance', '0300c20005ff', [9, 0], 'TRUNCATED'],
    ['a header beyond its instance', '0100c10005', [9, 0], 'TRUNCATED'],
    ['the longest length', 'd800ffffff00', [9, 0], 'TRUNCATED'],
    ['the reserved id', 'e1ffff05', [9, 0], 'BAD_PATH'],
    ['a resource twice', 'c10005c10006', [9, 0], 'DUPLICATE'],
    ['a resource twice, out of order', 'c10105c10006c10107', [9, 0], 'DUPLICATE'],
    ['a resource instance twice', '860a410001410002', [9, 0], 'DUPLICATE'],
    ['an instance twice', '00010001', [9], 'DUPLICATE'],
    ['a resource both single and multiple', 'c10a01830a410001', [9, 0], 'DUPLICATE'],
    ['more values than anyone has', 'e00001'.repeat(20_000), [9, 0], 'TOO_MANY_VALUES'],
  ])('refuses %s', (_, digits, base, fault) => {
    expect(read(digits, base)).toBe(fault);
  });

  it.each<[string, string, Path, ResourceValue[]]>([
    ['an object', '0300c100050301c10006', [9], [value([9, 0, 0], 5, 'integer'), value([9, 1, 0], 6, 'integer')]],
    ['an instance without resources', '0001', [9], [value([9, 1], null, 'unknown')]],
    ['nothing for an instance to be made without resources', '', [9, 1], [value([9, 1], null, 'unknown')]],
    ['resource instances that do not come together', '860a410001410102c10005', [9, 0], [value([9, 0, 10, 0], 1, 'integer'), value([9, 0, 0], 5, 'integer'), value([9, 0, 10, 1], 2, 'integer')]],
    ['a multiple resource of none', '800a', [9, 0], [value([9, 0, 10], null, 'integer')]],
    ['a resource instance', '410102', [9, 0, 10, 1], [value([9, 0, 10, 1], 2, 'integer')]],
    ['an id of 2 bytes', '61010102', [9, 0, 10, 257], [value([9, 0, 10, 257], 2, 'integer')]],
    ['a type that only the model knows', 'c10005', [9, 0], [value([9, 0, 0], 5, 'unknown')]],
    ['a float as the model asks, though it has no fraction', 'c40240a00000', [9, 0], [value([9, 0, 2], 5, 'unknown')]],
    ['text of a resource that nobody defined', 'c16341', [9, 0], [value([9, 0, 99], 'A', 'unknown')]],
  ])('writes %s', (_, digits, base, values) => {
    expect(write(values, base)).toBe(digits);
  });

  it.each<[string, Path, ResourceValue[], string]>([
    ['without an object', [], [value([9, 0, 0], 5, 'integer')], 'CONTENT_PATH'],
    ['outside the base', [9, 1], [value([9, 0, 0], 5, 'integer')], 'CONTENT_PATH'],
    ['twice', [9, 0], [value([9, 0, 0], 5, 'integer'), value([9, 0, 0], 6, 'integer')], 'CONTENT_PATH'],
    ['single and multiple', [9, 0], [value([9, 0, 10], 5, 'integer'), value([9, 0, 10, 1], 6, 'integer')], 'CONTENT_PATH'],
    ['with a time', [9, 0], [{ ...value([9, 0, 0], 5, 'integer'), time: 1 }], 'CONTENT_FORMAT'],
    ['of another type', [9, 0], [value([9, 0, 0], 'five', 'integer')], 'CONTENT_VALUE'],
    ['beyond 64 bits', [9, 0], [value([9, 0, 0], 2n ** 63n, 'integer')], 'CONTENT_VALUE'],
    ['deleted', [9, 0], [value([9, 0, 0], null, 'integer')], 'CONTENT_VALUE'],
    ['with half a character', [9, 0], [value([9, 0, 4], '\ud800', 'string')], 'CONTENT_VALUE'],
  ])('does not write a value %s', (_, base, values, code) => {
    expect(() => write(values, base)).toThrow(expect.objectContaining({ code, constructor: ContentError }));
  });
});
