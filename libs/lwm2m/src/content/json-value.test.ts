import type { JsonValue, ValueType } from '@cluster/contracts';
import { hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import type { Value } from '../values.ts';
import { fromJsonValue, toJsonValue } from './json-value.ts';

describe('JSON form of a value', () => {
  it.each<[ValueType, Value, JsonValue]>([
    ['integer', -5, -5], ['integer', 9007199254740991, 9007199254740991], ['integer', 9007199254740992n, '9007199254740992'], ['integer', -(2n ** 63n), '-9223372036854775808'],
    ['unsigned', 2n ** 64n - 1n, '18446744073709551615'], ['time', 1367491215, 1367491215], ['float', 1.5, 1.5], ['float', 1e300, 1e300], ['float', NaN, 'NaN'], ['float', -Infinity, '-Infinity'],
    ['boolean', true, true], ['string', '5', '5'], ['string', '', ''], ['corelnk', '</>', '</>'], ['opaque', hex('00ff'), 'AP8='], ['opaque', hex(''), ''],
    ['objlnk', { object: 66, instance: 1 }, '66:1'], ['objlnk', { object: 65535, instance: 65535 }, '65535:65535'], ['unknown', 5, 5], ['unknown', null, null], ['unknown', 'AP8=', 'AP8='],
  ])('of %s %s', (type, value, json) => {
    expect(toJsonValue({ value })).toEqual(json);
    expect(fromJsonValue(json, type)).toEqual(value);
  });

  it.each<[ValueType, JsonValue]>([
    ['integer', 1.5], ['integer', ''], ['integer', '1.0'], ['integer', ' 1'], ['integer', '01'], ['integer', '-0'], ['integer', '0x1'], ['integer', '9223372036854775808'], ['integer', '9'.repeat(10_000)], ['integer', true], ['integer', null],
    ['integer', 1e19], ['unsigned', -1], ['unsigned', '-1'], ['unsigned', '18446744073709551616'], ['time', 'now'], ['float', '1.5'], ['float', 'toString'], ['float', true],
    ['boolean', 1], ['boolean', 'true'], ['string', 5], ['string', '\ud800'], ['opaque', 'AP8'], ['opaque', 'AP8_'], ['opaque', 'AP9='], ['opaque', ' AP8='], ['opaque', 5],
    ['objlnk', '66'], ['objlnk', '65536:0'], ['objlnk', '1:-1'], ['objlnk', 66], ['corelnk', 5], ['string', null],
  ])('of a %s is not %j', (type, json) => {
    expect(fromJsonValue(json, type)).toBeUndefined();
  });

  it('takes small integers as text too, for callers whose numbers are doubles', () => {
    expect(fromJsonValue('-42', 'integer')).toBe(-42);
  });
});
