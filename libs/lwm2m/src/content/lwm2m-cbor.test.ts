import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { model } from '../../testing/model.ts';
import { type Path, formatPath } from '../path.ts';
import type { ResourceValue, Value } from '../values.ts';
import { decodeContent, encodeContent } from './content.ts';
import { ContentFormat } from './format.ts';

const lookup = model({ '9/0': 'integer', '9/1': 'unsigned', '9/2': 'float', '9/3': 'boolean', '9/4': 'string', '9/5': 'opaque', '9/6': 'time', '9/7': 'objlnk', '9/10': 'integer[]' });

function read(digits: string, base: Path = [], relative = false): [string, Value, string][] | string {
  const result = decodeContent(ContentFormat.LWM2M_CBOR, hex(digits), base, lookup, { relative });
  return result.ok ? result.values.map(({ path, value, type }) => [formatPath(path), value, type]) : result.fault;
}

const value = (path: Path, of: Value, type: ResourceValue['type']): ResourceValue => ({ path, value: of, type });
const write = (values: ResourceValue[], base: Path = [], relative = false) => toHex(encodeContent(ContentFormat.LWM2M_CBOR, values, base, lookup, { relative }));

// OMA LwM2M Core 1.2 §7.4.4
describe('LwM2M CBOR', () => {
  it.each<[string, string, [string, Value, string][]]>([
    ['nested maps', 'a109a100a10005', [['/9/0/0', 5, 'integer']]],
    ['a key of three ids', 'a18309000005', [['/9/0/0', 5, 'integer']]],
    ['a key of four ids', 'a18409000a0105', [['/9/0/10/1', 5, 'integer']]],
    ['an id, then a key of two', 'a109a182000005', [['/9/0/0', 5, 'integer']]],
    ['keys of two ids at each level', 'a1820900a1820a0105', [['/9/0/10/1', 5, 'integer']]],
    ['a key of one id in an array', 'a18109a18100a1810005', [['/9/0/0', 5, 'integer']]],
    ['indefinite maps and keys', 'bf9f0900ffbf0005ffff', [['/9/0/0', 5, 'integer']]],
    ['one object in two keys', 'a283090000058309000106', [['/9/0/0', 5, 'integer'], ['/9/0/1', 6, 'unsigned']]],
    ['an id of 2 bytes', 'a183190ce40000f93c00', [['/3300/0/0', 1, 'unknown']]],
    ['64-bit integers', 'a1820900a2001b7fffffffffffffff011bffffffffffffffff', [['/9/0/0', 9223372036854775807n, 'integer'], ['/9/0/1', 18446744073709551615n, 'unsigned']]],
    ['every type', 'a1820900a602f93e0003f504614105410006c11a5182428f076436363a31', [['/9/0/2', 1.5, 'float'], ['/9/0/3', true, 'boolean'], ['/9/0/4', 'A', 'string'], ['/9/0/5', hex('00'), 'opaque'], ['/9/0/6', 1367491215, 'time'], ['/9/0/7', { object: 66, instance: 1 }, 'objlnk']]],
    ['a value that contradicts its type, and the others', 'a1820900a200613103f4', [['/9/0/0', '1', 'unknown'], ['/9/0/3', false, 'boolean']]],
    ['an instance without resources', 'a1820900a0', [['/9/0', null, 'unknown']]],
    ['a multiple resource of none', 'a18309000aa0', [['/9/0/10', null, 'unknown']]],
    ['an object without instances', 'a109a0', []],
    ['nothing', 'a0', []],
    ['no bytes at all', '', []],
    ['null, as in the request of a composite operation', 'a1820900f6', [['/9/0', null, 'unknown']]],
  ])('reads %s', (_, digits, expected) => {
    expect(read(digits)).toEqual(expected);
  });

  it.each<[string, string, string]>([
    ['a value alone', '05', 'BAD_PATH'], ['an array', '80', 'MALFORMED'], ['a value of an instance', 'a182090005', 'BAD_PATH'], ['a negative id', 'a12005', 'BAD_PATH'], ['the reserved id', 'a119ffff05', 'BAD_PATH'],
    ['an id of 64 bits', 'a11bffffffffffffffff05', 'BAD_PATH'], ['text as id', 'a1613905', 'BAD_PATH'], ['an empty key', 'a18005', 'BAD_PATH'], ['text in a key', 'a18209613005', 'BAD_PATH'], ['a key of five ids', 'a185090000000005', 'TOO_DEEP'],
    ['five levels', 'a109a100a10aa100a10005', 'TOO_DEEP'], ['an array as value', 'a1830900008105', 'MALFORMED'], ['a path twice', 'a283090000058309000006', 'DUPLICATE'], ['a key twice', 'a1820900a200050006', 'DUPLICATE'],
    ['a path twice by different keys', 'a2830900000509a100a10006', 'DUPLICATE'], ['single and multiple', 'a28309000a058409000a0006', 'DUPLICATE'],
    ['a map cut', 'a1830900', 'TRUNCATED'], ['a count that lies', 'ba0fffffff8309000005', 'TRUNCATED'], ['bytes behind', 'a000', 'TRAILING_BYTES'], ['keys without end', `a1${'9f'.repeat(1000)}`, 'BAD_PATH'],
  ])('refuses %s', (_, digits, fault) => {
    expect(read(digits)).toBe(fault);
  });

  it.each<[string, string, ResourceValue[]]>([
    ['one value', 'a18309000005', [value([9, 0, 0], 5, 'integer')]],
    ['one resource instance', 'a18409000a0105', [value([9, 0, 10, 1], 5, 'integer')]],
    ['two instances', 'a109a200a1000501a10006', [value([9, 0, 0], 5, 'integer'), value([9, 1, 0], 6, 'integer')]],
    ['two objects', 'a283090000058308000006', [value([9, 0, 0], 5, 'integer'), value([8, 0, 0], 6, 'integer')]],
    ['an instance without resources', 'a1820900a0', [value([9, 0], null, 'unknown')]],
    ['nothing', 'a0', []],
  ])('writes %s', (_, digits, values) => {
    expect(write(values)).toBe(digits);
  });

  it('may leave out what the target of a Write tells', () => {
    const values = [value([9, 0, 0], 5, 'integer'), value([9, 0, 10, 1], 6, 'integer')];
    expect(write(values, [9, 0], true)).toBe('a20005820a0106');
    expect(read('a20005820a0106', [9, 0], true)).toEqual([['/9/0/0', 5, 'integer'], ['/9/0/10/1', 6, 'integer']]);
    expect(write([values[0]!], [9, 0, 0], true)).toBe('05');
    expect(read('05', [9, 0, 0], true)).toEqual([['/9/0/0', 5, 'integer']]);
    expect(write(values, [9, 0])).toBe('a1820900a200050aa10106');
    expect(read('a109a100a10005', [9, 0])).toEqual([['/9/0/0', 5, 'integer']]);
    expect(read('a109a100a10005', [9, 1])).toBe('OUTSIDE_BASE');
  });

  it.each<[string, ResourceValue[], string]>([
    ['a path twice', [value([9, 0, 0], 5, 'integer'), value([9, 0, 0], 5, 'integer')], 'CONTENT_PATH'],
    ['a resource and an instance of it', [value([9, 0, 10, 1], 5, 'integer'), value([9, 0, 10], 5, 'integer')], 'CONTENT_PATH'],
    ['a history', [{ ...value([9, 0, 0], 5, 'integer'), time: 1 }], 'CONTENT_FORMAT'],
  ])('does not write %s', (_, values, code) => {
    expect(() => write(values)).toThrow(expect.objectContaining({ code }));
  });
});
