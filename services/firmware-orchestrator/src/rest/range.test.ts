import { expect, test } from 'vitest';
import { rangeOf } from './range.ts';

// RFC 9110 §14.1.2: its examples, for a representation of 10,000 bytes, and what is malformed.
test.each<[string | undefined, ReturnType<typeof rangeOf>]>([
  [undefined, undefined],
  ['bytes=0-499', [0, 499]],
  ['bytes=500-999', [500, 999]],
  ['bytes=-500', [9_500, 9_999]],
  ['bytes=9500-', [9_500, 9_999]],
  ['bytes=-20000', [0, 9_999]],
  ['bytes=9999-20000', [9_999, 9_999]],
  ['bytes=10000-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-4', undefined],
  ['bytes=0-0,-1', undefined],
  ['lines=1-2', undefined],
  ['bytes=-', undefined],
])('%s', (header, expected) => {
  expect(rangeOf(header, 10_000)).toEqual(expected);
});
