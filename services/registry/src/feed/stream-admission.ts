/** Bounds how many event streams a replica serves, and how fast they are opened. */
import { ApiError } from '@cluster/nest-kit';

export interface StreamLimits {
  readonly streams: number;
  readonly opensPerSecond: number;
}

export class StreamAdmission {
  readonly #limits: StreamLimits;
  readonly #nowMs: () => number;
  #open = 0;
  #tokens: number;
  #filledAtMs: number;

  constructor(limits: StreamLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#tokens = limits.opensPerSecond;
    this.#filledAtMs = nowMs();
  }

  get open(): number {
    return this.#open;
  }

  /** Takes a place, or throws what the caller is answered. Returns what gives the place back, once. */
  enter(): () => void {
    this.#fill();
    if (this.#tokens < 1) throw new ApiError(429, 'STREAM_RATE', 'Event streams are opened too fast', { retryAfterS: 1 });
    if (this.#open >= this.#limits.streams) {
      throw new ApiError(503, 'STREAMS_FULL', 'This replica serves as many event streams as it can', { retryAfterS: 5 });
    }
    this.#tokens--;
    this.#open++;
    let left = false;
    return () => {
      if (!left) this.#open--;
      left = true;
    };
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    const { opensPerSecond } = this.#limits;
    this.#tokens = Math.min(opensPerSecond, this.#tokens + ((nowMs - this.#filledAtMs) * opensPerSecond) / 1_000);
    this.#filledAtMs = nowMs;
  }
}
