import { expect, it } from 'vitest';
import { cameLate } from './observe-order.ts';

it('a value that a newer one overtook came late, its repeat did not, and each observation counts by itself', () => {
  const held = { lastObserve: new Map<number, { value: number; atMs: number }>() };
  expect(cameLate(held, 1, 12, 1_000)).toBe(false);
  expect(cameLate(held, 1, 11, 1_001)).toBe(true);
  expect(cameLate(held, 1, 12, 1_002)).toBe(false);
  expect(cameLate(held, 2, 3, 1_003)).toBe(false);
  expect(cameLate(held, 1, 13, 1_004)).toBe(false);
  // After 128 s any value is new: the device may have begun anew.
  expect(cameLate(held, 1, 2, 1_004 + 129_000)).toBe(false);
});
