import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from './replay-window.ts';

describe('the replay window (RFC 6347 §4.1.2.6)', () => {
  it('takes each number of the last 64 once, as a plain set would', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 300 }), (sequences) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const sequence of sequences) {
          const expected = !seen.has(sequence) && sequence > Math.max(-1, ...seen) - 64;
          expect(window.accepts(sequence)).toBe(expected);
          if (expected) {
            window.mark(sequence);
            seen.add(sequence);
          }
        }
      }),
    );
  });

  it.each([
    ['a jump of 31', 31],
    ['a jump of 32', 32],
    ['a jump of 63', 63],
    ['a jump of 64', 64],
    ['a jump of 2^40', 2 ** 40],
  ])('remembers over %s exactly what is less than 64 old', (_, jump) => {
    const window = new ReplayWindow();
    window.mark(1_000);
    window.mark(1_000 + jump);
    expect(window.accepts(1_000)).toBe(false);
    expect(window.accepts(1_001)).toBe(jump > 1 && jump < 65);
    expect(window.highest).toBe(1_000 + jump);
  });

  it('that begins at a stored ceiling takes what is inside the window below it, once', () => {
    const window = new ReplayWindow(100);
    expect([100, 37, 36].map((sequence) => window.accepts(sequence))).toEqual([true, true, false]);
    window.mark(100);
    expect(window.accepts(100)).toBe(false);
  });
});
