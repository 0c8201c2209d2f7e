import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { meetsCondition, Observations, type Observation } from './observations.ts';

// Transport 1.1.1 §6.4.4, examples 4 and 5 of notification attributes: the last three rows; the others follow its rules
describe('B96 meetsCondition', () => {
  it.each([
    { attributes: {}, before: 20, now: 20, told: 20, met: true },
    { attributes: { gt: 45 }, before: 45, now: 46, told: 45, met: true },
    { attributes: { gt: 45 }, before: 46, now: 47, told: 46, met: false },
    { attributes: { lt: 20 }, before: 20, now: 19, told: 20, met: true },
    { attributes: { lt: 20 }, before: 19, now: 18, told: 19, met: false },
    { attributes: { st: 10 }, before: 28, now: 30, told: 20, met: true },
    { attributes: { st: 10 }, before: 28, now: 29, told: 20, met: false },
    { attributes: { gt: 45, st: 10 }, before: 45, now: 50, told: 45, met: true },
    { attributes: { gt: 45, st: 10 }, before: 48, now: 42, told: 48, met: false },
    { attributes: { lt: 20, gt: 85 }, before: 17, now: 24, told: 17, met: false },
  ])('$attributes: $before → $now, told $told: $met', ({ attributes, before, now, told, met }) => {
    expect(meetsCondition(attributes, { before, now, told })).toBe(met);
  });
});

describe('periods', () => {
  const observation: Observation = { token: Buffer.of(1), paths: [[3303, 0, 5700]], composite: false, format: 0, key: 'k' };
  let value = 20;
  let sent: number[];
  let observations: Observations;

  function watch(attributes: Record<string, number>): void {
    sent = [];
    observations = new Observations({
      attributesOf: () => attributes, numberAt: () => value, notify: (_, observe) => sent.push(observe),
    });
    observations.add(observation);
  }

  function change(to: number): void {
    value = to;
    observations.changed([[3303, 0, 5700]]);
  }

  beforeEach(() => {
    value = 20;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });

  afterEach(() => {
    observations.clear();
    vi.useRealTimers();
  });

  it('holds changes back until pmin is over, then tells once', () => {
    watch({ pmin: 10 });
    change(21);
    change(22);
    vi.advanceTimersByTime(9_999);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([2]);
  });

  it('tells at once when pmin is over', () => {
    watch({ pmin: 10 });
    vi.advanceTimersByTime(10_000);
    change(21);
    expect(sent).toEqual([2]);
  });

  it('tells at pmax without a change, counted from the last notification', () => {
    watch({ pmax: 30 });
    vi.advanceTimersByTime(20_000);
    change(21);
    expect(sent).toEqual([2]);
    vi.advanceTimersByTime(29_999);
    expect(sent).toEqual([2]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([2, 3]);
  });

  it('ignores pmax below pmin', () => {
    watch({ pmin: 10, pmax: 5 });
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual([]);
  });

  it('judges a step by what was told last', () => {
    watch({ st: 5 });
    change(23);
    expect(sent).toEqual([]);
    change(25);
    expect(sent).toEqual([2]);
    change(29);
    expect(sent).toEqual([2]);
  });
});
