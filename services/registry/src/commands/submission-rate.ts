/** How fast each tenant may submit commands to this process: a token bucket a tenant, which holds a second's worth. */

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets that are full again need not be remembered. */
const MOST_BUCKETS = 10_000;

export class SubmissionRate {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  /** 0: as fast as they come. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Takes a token: 0; or how long until there is one, in ms. */
  take(tenant: string, nowMs: number): number {
    if (this.#perSecond === 0) return 0;
    const bucket = this.#buckets.get(tenant) ?? { tokens: this.#perSecond, atMs: nowMs };
    const gained = ((nowMs - bucket.atMs) * this.#perSecond) / 1_000;
    const tokens = Math.min(this.#perSecond, bucket.tokens + gained);
    const granted = tokens >= 1;
    if (!this.#buckets.has(tenant)) this.#makeRoom(nowMs);
    this.#buckets.set(tenant, { tokens: granted ? tokens - 1 : tokens, atMs: nowMs });
    return granted ? 0 : Math.ceil(((1 - tokens) * 1_000) / this.#perSecond);
  }

  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < MOST_BUCKETS) return;
    for (const [tenant, { atMs }] of this.#buckets) if (nowMs - atMs >= 1_000) this.#buckets.delete(tenant);
  }
}
