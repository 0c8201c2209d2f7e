/** The worker of a device with a full queue, killed between any two of its steps. */
import { describe, expect, it } from 'vitest';
import { KillWalk, type Kill } from './kill-walk.ts';
import { inOwnTime } from './play.ts';

async function walk(kill: Kill): Promise<{ faults: string[]; moments: string[] }> {
  let run: KillWalk | undefined;
  const faults = await inOwnTime(() => (run = new KillWalk(kill)).play());
  return { faults, moments: run?.moments ?? [] };
}

/** The next worker starts at once, soon enough to go on with the exchange, or too late for it. */
const RESTARTS_MS = [1, 5_000, 50_000];
const PARTS = 3;

describe('a worker that is killed between two steps, while it empties the queue of a device', () => {
  it.each(Array.from({ length: PARTS }, (_, part) => part))('loses and repeats nothing, wherever it was (part %i)', { timeout: 400_000 }, async (part) => {
    const { faults, moments } = await walk({ afterMoments: Infinity, restartMs: 0 });
    expect(faults).toEqual([]);
    expect(moments.length).toBeGreaterThan(200);
    for (let k = part; k < moments.length; k += PARTS) {
      const restartMs = RESTARTS_MS[Math.floor(k / PARTS) % RESTARTS_MS.length] ?? 0;
      const killed = await walk({ afterMoments: k, restartMs });
      expect({ k, moment: moments[k], restartMs, faults: killed.faults }).toEqual({ k, moment: moments[k], restartMs, faults: [] });
    }
  });
});
