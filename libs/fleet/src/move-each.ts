/** Decides on many devices of a job, some at a time, and moves them together. */
import type { DeviceMove, JobStore, StoredDevice } from './ports.ts';

/** Where the device goes, as text; undefined: it stays. */
export type DecideMove = (endpoint: string, value: string) => Promise<string | undefined>;

/** What failed for one is told after the others moved. */
export async function moveEach(jobs: Pick<JobStore, 'moveDevices'>, id: string, devices: readonly StoredDevice[], inParallel: number, decide: DecideMove): Promise<void> {
  const moves: DeviceMove[] = [];
  const left = [...devices];
  const takeTurns = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { endpoint, value } = one;
      const next = await decide(endpoint, value);
      if (next !== undefined) moves.push({ endpoint, expected: value, next });
    }
  };
  const turns = await Promise.allSettled(Array.from({ length: Math.min(inParallel, left.length) }, takeTurns));
  if (moves.length > 0) await jobs.moveDevices(id, moves);
  for (const turn of turns) if (turn.status === 'rejected') throw turn.reason;
}
