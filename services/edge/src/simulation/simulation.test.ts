/** The edge's promises in all weathers, from seeds. A seed that fails is named; set `ONLY` to run it alone. */
import { describe, expect, it } from 'vitest';
import { play } from './play.ts';

const SEEDS = 250;
const ONLY: number | undefined = undefined;
const BATCH = 20;
/** Beyond them, those that once showed a fault. */
const FURTHER = [354, 4291];

describe('in all weathers', () => {
  const first = ONLY ?? 1;
  const last = ONLY ?? SEEDS;
  for (let from = first; from <= last; from += BATCH) {
    const to = Math.min(from + BATCH - 1, last);
    it(`seeds ${from} to ${to} keep every promise`, { timeout: 300_000 }, async () => {
      for (let seed = from; seed <= to; seed++) expect({ seed, faults: await play(seed) }).toEqual({ seed, faults: [] });
    });
  }
  it.each(ONLY === undefined ? FURTHER : [])('seed %i keeps every promise', async (seed) => {
    expect(await play(seed)).toEqual([]);
  });
});
