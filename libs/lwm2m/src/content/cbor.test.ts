import { hex, toHex } from '@cluster/bytes';
import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Value } from '../values.ts';
import { CborReader, Major } from './cbor-reader.ts';
import { CborWriter } from './cbor-writer.ts';
import { Malformed } from './faults.ts';

function scalar(digits: string): Value {
  const reader = new CborReader(hex(digits));
  const value = reader.scalar();
  reader.end();
  return value;
}

function written(write: (writer: CborWriter) => void): string {
  const writer = new CborWriter();
  write(writer);
  return toHex(writer.finish());
}

describe('CborReader', () => {
  // RFC 8949 appendix A
  it.each<[string, Value]>([
    ['00', 0], ['17', 23], ['1818', 24], ['1903e8', 1000], ['1a000f4240', 1000000], ['1b000000e8d4a51000', 1000000000000],
    ['1bffffffffffffffff', 18446744073709551615n], ['c249010000000000000000', 18446744073709551616n],
    ['3bffffffffffffffff', -18446744073709551616n], ['c349010000000000000000', -18446744073709551617n],
    ['20', -1], ['3863', -100], ['3903e7', -1000], ['f90000', 0], ['f98000', -0], ['f93c00', 1], ['fb3ff199999999999a', 1.1],
    ['f93e00', 1.5], ['f97bff', 65504], ['fa47c35000', 100000], ['fa7f7fffff', 3.4028234663852886e38], ['fb7e37e43c8800759c', 1e300],
    ['f90001', 5.960464477539063e-8], ['f90400', 0.00006103515625], ['f9c400', -4], ['fbc010666666666666', -4.1],
    ['f97c00', Infinity], ['f97e00', NaN], ['f9fc00', -Infinity], ['fa7f800000', Infinity], ['fb7ff8000000000000', NaN],
    ['f4', false], ['f5', true], ['f6', null], ['c11a514b67b0', 1363896240], ['c1fb41d452d9ec200000', 1363896240.5],
    ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'], ['d74401020304', hex('01020304')],
    ['40', hex('')], ['4401020304', hex('01020304')], ['60', ''], ['6449455446', 'IETF'], ['62c3bc', 'ü'], ['63e6b0b4', '水'],
    ['5f42010243030405ff', hex('0102030405')], ['7f657374726561646d696e67ff', 'streaming'],
    // integers next to 2^53
    ['1b001fffffffffffff', 9007199254740991], ['1b0020000000000000', 9007199254740992n],
    ['3b001ffffffffffffe', -9007199254740991], ['3b001fffffffffffff', -9007199254740992n],
    // RFC 8949 §3.4.4: decimal fractions
    ['c48221196ab3', 273.15], ['c4822003', 0.3], ['c482020f', 1500], ['c4822219fa00', 64], ['c482121b7fffffffffffffff', 9223372036854775807n * 10n ** 18n],
    ['c49f21196ab3ff', 273.15], ['c4823903e701', 0], ['c48221c24203e8', 10],
    // lengths longer than needed are well-formed
    ['1800', 0], ['1b0000000000000001', 1], ['780161', 'a'],
  ])('reads %s', (digits, value) => {
    expect(scalar(digits)).toEqual(value);
  });

  it.each([
    ['no bytes', ''], ['an argument cut', '18'], ['an argument cut', '1b00000000000000'], ['a text cut', '6261'], ['bytes cut', '4401'],
    ['a length beyond all memory', '5bffffffffffffffff'], ['bytes after the item', '0000'], ['reserved length 28', '1c'], ['reserved length 30', '7e'],
    ['a break alone', 'ff'], ['an indefinite integer', '1f'], ['a chunk of another type', '7f4161ff'], ['a chunk in a chunk', '5f5f4100ffff'],
    ['chunks without end', '5f4100'], ['text that is no UTF-8', '61ff'], ['a surrogate in UTF-8', '63eda080'], ['undefined', 'f7'], ['a simple value', 'f8ff'],
    ['an array', '80'], ['a map', 'a0'], ['a tag without item', 'c1'], ['tags on tags', 'c1c1c1c100'], ['an endless bignum', `c258ff${'ff'.repeat(255)}`],
    ['a bignum of text', 'c26161'], ['a decimal fraction of one', 'c48100'], ['a decimal fraction of three', 'c483000000'], ['a decimal fraction without end', 'c49f0000'],
    ['a decimal fraction of texts', 'c482616100'], ['a fraction of a fraction', 'c482f93e0001'], ['a decimal fraction of floats', 'c48200f93e00'],
  ])('refuses %s', (_, digits) => {
    expect(() => scalar(digits)).toThrow(Malformed);
  });

  it.each(['9b00000000ffffffff', 'bb0000000000000001', '9a06000000', 'ba06000000', 'a300000000'])('does not believe the count of %s', (digits) => {
    const reader = new CborReader(hex(digits));
    expect(() => reader.open(reader.major as typeof Major.ARRAY)).toThrow(Malformed);
  });

  it('passes over what it need not know', () => {
    const reader = new CborReader(hex('a26161830102a1f7f8ff6162bf61639f5f41aaffffff' + '07'));
    reader.skip();
    expect(reader.scalar()).toBe(7);
  });

  it.each([['arrays', '81'], ['maps', 'a100'], ['tags', 'c1'], ['indefinite arrays', '9f']])('does not follow %s for ever', (_, level) => {
    expect(() => new CborReader(hex(level.repeat(100_000))).skip()).toThrow(expect.objectContaining({ code: 'TOO_DEEP' }));
  });
});

describe('CborWriter', () => {
  it.each<[string, (writer: CborWriter) => void]>([
    ['17', (writer) => writer.integer(23)], ['1818', (writer) => writer.integer(24)], ['18ff', (writer) => writer.integer(255)], ['190100', (writer) => writer.integer(256)],
    ['19ffff', (writer) => writer.integer(65535)], ['1a00010000', (writer) => writer.integer(65536)], ['1affffffff', (writer) => writer.integer(4294967295)],
    ['1b0000000100000000', (writer) => writer.integer(4294967296)], ['1bffffffffffffffff', (writer) => writer.integer(18446744073709551615n)],
    ['20', (writer) => writer.integer(-1)], ['3903e7', (writer) => writer.integer(-1000)], ['3b7fffffffffffffff', (writer) => writer.integer(-9223372036854775808n)],
    ['fa3fc00000', (writer) => writer.float(1.5)], ['fb3ff199999999999a', (writer) => writer.float(1.1)], ['fa7fc00000', (writer) => writer.float(NaN)],
    ['fa80000000', (writer) => writer.float(-0)], ['fa7f800000', (writer) => writer.float(Infinity)],
    ['f6', (writer) => writer.simple(null)], ['62c3bc', (writer) => writer.text('ü')], ['4401020304', (writer) => writer.bytes(hex('01020304'))],
  ])('writes %s', (digits, write) => {
    expect(written(write)).toBe(digits);
  });

  it('grows as long as it must', () => {
    const long = 'a'.repeat(100_000);
    expect(scalar(written((writer) => writer.text(long)))).toBe(long);
  });
});

describe('beside another implementation', () => {
  const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
  const decoder = new Decoder({ useRecords: false });
  const integer = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).filter((value) => value > 2n ** 53n || value < -(2n ** 53n)));

  it('reads what it writes', () => {
    // it writes -0 as 0
    const float = fc.double().filter((value) => !Object.is(value, -0));
    fc.assert(
      fc.property(fc.oneof(integer, float, fc.boolean(), fc.string({ unit: 'grapheme' }), fc.uint8Array()), (value) => {
        expect(scalar(toHex(encoder.encode(value)))).toEqual(value);
      }),
    );
  });

  it('writes what it reads', () => {
    fc.assert(
      fc.property(integer, fc.double({ noNaN: true }), fc.string({ unit: 'grapheme' }), (whole, float, text) => {
        const items = [written((writer) => writer.integer(whole)), written((writer) => writer.float(float)), written((writer) => writer.text(text))];
        const read = items.map((digits) => decoder.decode(hex(digits)) as unknown);
        expect(BigInt(read[0] as number)).toBe(BigInt(whole));
        expect(read.slice(1)).toEqual([float, text]);
      }),
    );
  });
});
