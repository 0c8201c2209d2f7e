/** What is stored is read by this version and by those before it, which wrote and read it by cbor-x. */
import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlain } from './read.ts';
import { writePlain } from './write.ts';

const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme', maxLength: 60 }), fc.nat(300).map((length) => 'é'.repeat(length)), fc.nat(70_000).map((length) => 'x'.repeat(length)));
const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger(), fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 31), -(2 ** 31) - 1, NaN)).map((one) => one + 0); // cbor-x knows no -0
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 }, text, number, fc.boolean(), fc.constantFrom(null, undefined),
    fc.array(tie('value'), { maxLength: 30 }), fc.dictionary(fc.string().filter((key) => key !== '__proto__'), tie('value'), { maxKeys: 30, noNullPrototype: true }),
  ),
}));

test('a value is read back, by either reader, whichever wrote it', () => {
  fc.assert(fc.property(value, (one) => {
    const written = writePlain(one);
    expect(readPlain(written)).toEqual(one);
    expect(decoder.decode(written)).toEqual(one);
    expect(readPlain(encoder.encode(one))).toEqual(one);
  }), { numRuns: 500 });
});

test('bytes are read back, from a part of a buffer too', () => {
  const written = writePlain([Uint8Array.of(1, 2, 3), 'a']);
  const within = Buffer.concat([Buffer.alloc(3), written, Buffer.alloc(3)]).subarray(3, 3 + written.length);
  for (const bytes of [written, within, new Uint8Array(written)]) expect(readPlain(bytes)).toEqual([Buffer.of(1, 2, 3), 'a']);
  expect(readPlain(encoder.encode([Uint8Array.of(1)]))).toEqual([Buffer.of(1)]);
});

test('texts that follow each other under one hash stay apart', () => {
  const texts = Array.from({ length: 10_000 }, (_, i) => `text ${i}`);
  expect(readPlain(writePlain([...texts, ...texts]))).toEqual([...texts, ...texts]);
});

test('a member named __proto__ is no prototype', () => {
  const read = readPlain(writePlain(JSON.parse('{"__proto__":{"polluted":true}}'))) as Record<string, unknown>;
  expect(read['polluted']).toBeUndefined();
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

test('damaged bytes throw, and nothing else', () => {
  expect(() => writePlain([1n])).toThrow(TypeError);
  for (const hex of ['', '61', 'ff', 'c0', '9bffffffffffffffff', '9affffffff', 'b90001', 'b9000101f6', '0000', '1b0000000000000001', '5f']) {
    expect(() => readPlain(Buffer.from(hex, 'hex'))).toThrow(RangeError);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      readPlain(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }), { numRuns: 2_000 });
});
