import { expect, test } from 'vitest';
import { SubmissionRate } from './submission-rate.ts';

test('a tenant has a second\'s worth at once, and then so many a second; others are not held up', () => {
  const rate = new SubmissionRate(4);
  const taken = (atMs: number, tenant = 'a') => rate.take(tenant, atMs);
  expect([0, 0, 0, 0].map(() => taken(1_000))).toEqual([0, 0, 0, 0]);
  expect(taken(1_000)).toBe(250);
  expect(taken(1_000, 'b')).toBe(0);
  expect(taken(1_249)).toBeGreaterThan(0);
  expect(taken(1_500)).toBe(0);
  expect([0, 0, 0, 0, 0].map(() => taken(9_000) === 0)).toEqual([true, true, true, true, false]);
});

test('without a rate all may come', () => {
  const rate = new SubmissionRate(0);
  expect(Array.from({ length: 100 }, () => rate.take('a', 0)).every((waitMs) => waitMs === 0)).toBe(true);
});
