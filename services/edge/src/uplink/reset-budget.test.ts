import { expect, it } from 'vitest';
import { ResetBudget } from './reset-budget.ts';

it('one peer gets sixteen at once and one every two seconds, whatever others do', () => {
  let nowMs = 0;
  const budget = new ResetBudget(() => nowMs);
  const asked = (peer: string) => Array.from({ length: 50 }, () => budget.mayAsk(peer)).filter(Boolean).length;
  expect(asked('a')).toBe(16);
  expect(asked('b')).toBe(16);
  nowMs = 1_999;
  expect(asked('a')).toBe(0);
  nowMs = 2_001;
  expect(asked('a')).toBe(1);
  nowMs = 3_600_000;
  expect(asked('a')).toBe(16);
});

it('all peers together get a thousand resets a second', () => {
  let nowMs = 0;
  const budget = new ResetBudget(() => nowMs);
  const resets = () => Array.from({ length: 5_000 }, () => budget.mayReset()).filter(Boolean).length;
  expect(resets()).toBe(1_000);
  nowMs = 500;
  expect(resets()).toBe(500);
});
