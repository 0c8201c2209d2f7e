/** The audit log while the broker is away: nothing is told twice or out of order, and memory is bounded. */
import type { AuditValue } from '@cluster/contracts';
import type { EventRecord } from '@cluster/events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AuditLog } from './audit-log.ts';

let away: boolean;
let told: string[];
let lines: number;
let dropped: number;
let log: AuditLog;

beforeEach(() => {
  vi.useFakeTimers();
  [away, told, lines, dropped] = [true, [], 0, 0];
  const publish = async (records: readonly EventRecord[]) => {
    if (away) throw new Error('away');
    told.push(...records.map(({ key }) => key));
  };
  log = new AuditLog({ log: { info: () => void lines++ }, publisher: { publish }, service: 'test', dropped: () => void dropped++ });
});
afterEach(() => vi.useRealTimers());

const entry = (caller: string): AuditValue => ({ at: '2026-03-01T09:00:00.000Z', caller, method: 'PUT', route: '/x', parameters: {}, from: '::1', status: 200 });

test('what happened while the broker was away is told once it is back, in order', async () => {
  log.keep(entry('a'));
  await vi.advanceTimersByTimeAsync(2_500);
  log.keep(entry('b'));
  expect([lines, told]).toEqual([2, []]);
  away = false;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual(['a', 'b']);
});

test('beyond its bound the oldest entries are in the log alone, and counted', async () => {
  for (let i = 0; i < 10_003; i++) log.keep(entry(String(i)));
  expect([lines, dropped]).toEqual([10_003, 3]);
  away = false;
  await log.close();
  expect([told.length, told[0]]).toEqual([10_000, '3']);
});

test('what waits is told when the service ends', async () => {
  log.keep(entry('a'));
  await vi.advanceTimersByTimeAsync(1);
  away = false;
  await log.close();
  expect(told).toEqual(['a']);
});
