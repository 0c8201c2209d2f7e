/** The worker's two clocks: a monotonic one for leases and retransmissions, and the store's, by which deadlines are told. */
import { monotonicNowMs } from '@cluster/transport';

export class WorkerClock {
  #offsetMs = 0;

  /** Milliseconds since 1970 when the process began, and never backwards since. */
  monotonicMs(): number {
    return monotonicNowMs();
  }

  /** The store's clock, as far as the last answer of the store tells. */
  storeMs(): number {
    return Math.round(this.monotonicMs() + this.#offsetMs);
  }

  /** Takes a reading of the store's clock that was asked for at `askedMs` and came now. Returns by how much it moved. */
  correct(storeMs: number, askedMs: number): number {
    const offsetMs = storeMs - (askedMs + this.monotonicMs()) / 2;
    const movedMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    return movedMs;
  }
}
