import { expect, test } from 'vitest';
import { RecentIds, SAME_EVENT_MS } from './recent-ids.ts';

test('an id is known for ten minutes from its first sight', () => {
  const ids = new RecentIds();
  expect(ids.has('a', 0)).toBe(false);
  ids.add('a', 0);
  ids.add('a', SAME_EVENT_MS - 1);
  expect(ids.has('a', SAME_EVENT_MS - 1)).toBe(true);
  expect(ids.has('a', SAME_EVENT_MS)).toBe(false);
});

test('ids that are too old are forgotten, so memory follows the rate of events', () => {
  const ids = new RecentIds({ windowMs: 100 });
  for (let nowMs = 0; nowMs < 1_000; nowMs++) ids.add(`id-${nowMs}`, nowMs);
  expect(ids.size).toBe(100);
});

test('beyond the capacity the oldest go', () => {
  const ids = new RecentIds({ capacity: 2 });
  for (const id of ['a', 'b', 'c']) ids.add(id, 0);
  expect(['a', 'b', 'c'].map((id) => ids.has(id, 0))).toEqual([false, true, true]);
});

test('an id that comes again after the window is as new as any other', () => {
  const ids = new RecentIds({ windowMs: 100, capacity: 2 });
  ids.add('a', 0);
  ids.add('b', 99);
  ids.add('a', 150);
  ids.add('c', 150);
  expect(ids.has('a', 160)).toBe(true);
});
