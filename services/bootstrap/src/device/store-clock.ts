/** Keeps the worker's reading of the store's clock right, and knows whether the store answers. */
import type { WorkerClock } from '@cluster/coap-kit';
import type { SessionStore } from '@cluster/session';

const EVERY_MS = 2_000;

export class StoreClock {
  readonly #sessions: Pick<SessionStore, 'timeMs'>;
  readonly #clock: WorkerClock;
  #timer: NodeJS.Timeout | undefined;
  #answers = false;

  constructor(sessions: Pick<SessionStore, 'timeMs'>, clock: WorkerClock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** Whether the store answered when it was last asked. */
  get answers(): boolean {
    return this.#answers;
  }

  /** Asks now, and then every two seconds. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#ask(), EVERY_MS).unref();
    await this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    try {
      this.#clock.correct(await this.#sessions.timeMs(), askedMs);
      this.#answers = true;
    } catch {
      this.#answers = false;
    }
  }
}
