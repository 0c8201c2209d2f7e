/** Gathers work that comes often into ticks: a batch costs little more than one message. Adds no wait after a pause. */
import { monotonicNowMs } from './clock.ts';

/**
 * Does `work` once for all that was asked for since the last time: at the end of this turn of the event loop if the last
 * tick is over, else when it is.
 */
export class Ticks {
  readonly #tickMs: number;
  readonly #work: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #asked = false;

  /** `tickMs` 0: at the end of each turn. */
  constructor(tickMs: number, work: () => void) {
    this.#tickMs = tickMs;
    this.#work = work;
  }

  /** There is something to do. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    const waitMs = this.#lastMs + this.#tickMs - monotonicNowMs();
    // The check phase comes when the poll phase has read all that is there.
    if (waitMs <= 0) setImmediate(this.#run);
    else setTimeout(() => setImmediate(this.#run), waitMs);
  }

  readonly #run = (): void => {
    this.#asked = false;
    this.#lastMs = monotonicNowMs();
    this.#work();
  };
}
