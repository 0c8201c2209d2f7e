/** The machine's random numbers, drawn many at a time. */
import { getRandomValues } from 'node:crypto';
import type { Rng } from '@cluster/session';

export class SystemRng implements Rng {
  readonly #drawn = new Uint32Array(1_024);
  #next = this.#drawn.length;

  uint32(): number {
    if (this.#next === this.#drawn.length) {
      getRandomValues(this.#drawn);
      this.#next = 0;
    }
    return this.#drawn[this.#next++] ?? 0;
  }
}
