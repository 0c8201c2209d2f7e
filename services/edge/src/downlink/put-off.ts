/** When a device that did not answer about its desired state is asked again. */
import type { DeviceNumber } from '@cluster/session';
import type { Held } from '../held-sessions.ts';
import type { Uplink } from '../uplink/uplink.ts';

/** How long a device that did not answer is left alone, unless it is heard before. */
const RETRY_MS = 60_000;
const RESET_RETRY_MS = 2_000;

export class PutOff {
  readonly #uplink: Uplink;
  readonly #wake: (number: DeviceNumber) => void;

  constructor(uplink: Uplink, wake: (number: DeviceNumber) => void) {
    this.#uplink = uplink;
    this.#wake = wake;
  }

  /** RST says that the device is there and was not ready: it is asked again soon, less soon each time. */
  unanswered(held: Held, reason: string): void {
    const { clock, counters } = this.#uplink;
    counters.unanswered(reason);
    const waitMs = reason === 'reset' ? Math.min(RESET_RETRY_MS * 2 ** held.observeResets, RETRY_MS) : RETRY_MS;
    held.observeNotBeforeMs = clock.storeMs() + waitMs;
    if (reason !== 'reset') return;
    held.observeResets += 1;
    setTimeout(() => {
      // The store's clock may have been corrected meanwhile.
      held.observeNotBeforeMs = Math.min(held.observeNotBeforeMs, clock.storeMs());
      this.#wake(held.number);
    }, waitMs).unref();
  }
}
