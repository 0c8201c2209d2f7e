/** Whether memory stays flat over a long run: what is in use at a tenth, at half and at the end of it, each after a full collection. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PARTS = [0.1, 0.5, 1] as const;
/** Far below what a leak of one small object a record would take in a run of a million. */
const SLACK_BYTES = 8_000_000;
/** Short runs don't tell. */
const LONG = 100_000;

export class MemoryWatch {
  readonly #rounds: number;
  readonly #inUse: number[] = [];

  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  /** So many rounds are over. */
  passed(round: number): void {
    const next = PARTS[this.#inUse.length];
    if (next !== undefined && round >= next * this.#rounds) this.#inUse.push(bytesInUse());
  }

  /** At the end of the run. */
  expectFlat(what: string): void {
    const [first, ...later] = this.#inUse;
    expect(this.#inUse).toHaveLength(PARTS.length);
    for (const bytes of later) expect(bytes - first!).toBeLessThan(SLACK_BYTES);
    if (this.#rounds >= LONG) console.info(`${what}: ${this.#rounds}; in use at ${PARTS.map((part, i) => `${part * 100} %: ${(this.#inUse[i]! / 1e6).toFixed(1)} MB`).join(', ')}`);
  }
}

function bytesInUse(): number {
  // What native handles held is freed by the next one.
  for (let times = 0; times < 3; times++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
