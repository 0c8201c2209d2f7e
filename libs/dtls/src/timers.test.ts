import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from './timers.ts';
import type { Waking } from './timers.ts';

const waking = (woken: string[], name: string): Waking => ({ wakeAtMs: Infinity, heapIndex: -1, wake: (nowMs) => void woken.push(`${name} ${nowMs}`) });

describe('deadlines', () => {
  it('wake in order, at the time last set, and hold nothing that is over', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.oneof(fc.nat(50), fc.constant(Infinity))), { maxLength: 60 }), (settings) => {
        const deadlines = new Deadlines();
        const woken: string[] = [];
        const all = Array.from({ length: 10 }, (_, index) => waking(woken, `${index}`));
        for (const [index, atMs] of settings) deadlines.set(all[index]!, atMs);
        const expected = all.map(({ wakeAtMs }) => wakeAtMs);
        expect(deadlines.size).toBe(expected.filter((atMs) => atMs < Infinity).length);
        expect(deadlines.nextAtMs).toBe(deadlines.size === 0 ? undefined : Math.min(...expected));
        const seen: number[] = [];
        for (let nowMs = 0; nowMs <= 50; nowMs++) {
          deadlines.runDue(nowMs);
          seen.push(...woken.splice(0).map((text) => Number(text.split(' ')[0])));
        }
        expect(seen.map((index) => expected[index])).toEqual(expected.filter((atMs) => atMs < Infinity).toSorted((left, right) => left - right));
        expect(deadlines.size).toBe(0);
      }),
    );
  });

  it('may be set again while they wake', () => {
    const deadlines = new Deadlines();
    let times = 0;
    const again: Waking = { wakeAtMs: Infinity, heapIndex: -1, wake: (nowMs) => { if (++times < 3) deadlines.set(again, nowMs); } };
    deadlines.set(again, 5);
    deadlines.runDue(5);
    expect([times, deadlines.size]).toEqual([3, 0]);
  });
});
