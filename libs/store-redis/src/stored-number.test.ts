import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromStored, toStored } from './stored-number.ts';

test.each([
  ['AAAAAAAA', '0'],
  ['AAAAAAAB', '1'],
  ['________', '281474976710655'],
  ['12345678', '236867327340284'],
  ['', '='],
  ['short', '=short'],
  ['=AAAAAAA', '==AAAAAAA'],
])('%j is stored as %s', (number, stored) => {
  expect(toStored(number)).toBe(stored);
  expect(fromStored(Buffer.from(stored))).toBe(number);
});

test('every number comes back, and no two are stored alike', () => {
  const number = fc.oneof(fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('base64url')), fc.string({ unit: 'grapheme' }));
  fc.assert(fc.property(number, (one) => fromStored(Buffer.from(toStored(one))) === one));
});
