/** Plays a run in a time of its own, as fast as its steps can be taken. */
import { vi } from 'vitest';
import { Run } from './run.ts';

const START_MS = 1_700_000_000_000;
const turnOver = setImmediate;
const faked = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'performance', 'Date'] as const;

/** Plays the run of a seed; returns what was not as promised. */
export function play(seed: number): Promise<string[]> {
  return inOwnTime(() => new Run(seed).play());
}

/** Returns the faults that `run` finds, in a time that begins with it. */
export async function inOwnTime(run: () => Promise<string[]>): Promise<string[]> {
  const rejections: unknown[] = [];
  const rejected = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', rejected);
  vi.useFakeTimers({ now: START_MS, toFake: [...faked] });
  try {
    const faults = await finished(run());
    return [...faults, ...rejections.map((reason) => `unhandled rejection: ${String(reason)}`)];
  } finally {
    vi.useRealTimers();
    process.off('unhandledRejection', rejected);
  }
}

/** One timer at a time, and whatever follows from it, until the result is there. */
async function finished<T>(result: Promise<T>): Promise<T> {
  let over = false;
  const ended = result.finally(() => (over = true));
  ended.catch(() => undefined);
  while (!over) {
    if (vi.getTimerCount() === 0) throw new Error('nothing is left to happen, but the run is not over');
    vi.advanceTimersToNextTimer();
    await new Promise<void>((resolve) => void turnOver(resolve));
  }
  return ended;
}
