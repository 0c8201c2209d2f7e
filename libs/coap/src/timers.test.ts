import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timer, TimerQueue } from './timers.ts';

describe('TimerQueue', () => {
  it('fires in order of the deadlines, whatever was set, moved and cancelled before', () => {
    const step = fc.record({ timer: fc.nat(15), atMs: fc.option(fc.nat(100), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = new TimerQueue();
        const fired: number[] = [];
        const timers = Array.from({ length: 16 }, (_, index) => new Timer(() => void fired.push(index)));
        const expected = new Map<number, number>();
        for (const { timer, atMs } of steps) {
          if (atMs === undefined) queue.cancel(timers[timer]!);
          else queue.set(timers[timer]!, atMs);
          expected.delete(timer);
          if (atMs !== undefined) expected.set(timer, atMs);
          expect(queue.size).toBe(expected.size);
          expect(queue.nextAtMs).toBe(expected.size === 0 ? undefined : Math.min(...expected.values()));
        }
        queue.runDue(100);
        expect(fired.toSorted()).toEqual([...expected.keys()].toSorted());
        const deadlines = fired.map((index) => expected.get(index)!);
        expect(deadlines).toEqual(deadlines.toSorted((left, right) => left - right));
      }),
    );
  });

  it('fires nothing before its time, each once, and lets a timer set itself again', () => {
    const queue = new TimerQueue();
    const fired: number[] = [];
    const timer: Timer = new Timer((nowMs) => {
      fired.push(nowMs);
      queue.set(timer, nowMs + 10);
    });
    queue.set(timer, 10);
    for (const nowMs of [9, 10, 10, 19, 25]) queue.runDue(nowMs);
    expect(fired).toEqual([10, 25]);
    expect(queue.nextAtMs).toBe(35);
  });
});
