/** How many devices may get a command now: a token bucket that holds a second's worth at most. */
export class Pace {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    // The first one goes at once; what another replica sent just before is not known.
    this.#tokens = 1;
    this.#atMs = nowMs;
  }

  /** Whole tokens at hand. */
  available(nowMs: number): number {
    const gained = (Math.max(0, nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + gained);
    this.#atMs = nowMs;
    return Math.floor(this.#tokens);
  }

  take(count: number): void {
    this.#tokens -= count;
  }
}
