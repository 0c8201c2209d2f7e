import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pace } from './pace.ts';

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

/** A pace whose devices take their turn as soon as they are woken; `left` tells when. */
function paced(perSecond: number) {
  const left = new Map<string, number>();
  const pace: Pace = new Pace({ perSecond, nowMs: () => Date.now(), wake: (number) => ask(number) });
  const ask = (number: string) => pace.turn(number) && left.set(number, Date.now());
  return { pace, left, ask };
}

it('lets a second\'s worth through at once, and the others at the rate, each once and in their order', async () => {
  const { pace, left, ask } = paced(10);
  const numbers = Array.from({ length: 35 }, (_, i) => `d${i}`);
  for (const number of numbers) ask(number);
  expect(left.size).toBe(10);
  expect(pace.waiting).toBe(25);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(left.size).toBe(20);
  await vi.advanceTimersByTimeAsync(1_500);
  expect([...left.keys()]).toEqual(numbers);
  expect(pace.waiting).toBe(0);
});

it('who comes later waits behind those who wait, also when there is room again', async () => {
  const { left, ask } = paced(2);
  for (const number of ['a', 'b', 'c']) ask(number);
  await vi.advanceTimersByTimeAsync(499);
  ask('late');
  expect([...left.keys()]).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(1_001);
  expect([...left.keys()]).toEqual(['a', 'b', 'c', 'late']);
});

it('a turn that nobody takes is forgotten, and nothing runs on', async () => {
  const pace = new Pace({ perSecond: 1, nowMs: () => Date.now(), wake: () => undefined });
  expect(pace.turn('a')).toBe(true);
  expect(pace.turn('b')).toBe(false);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(pace.waiting).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
