/**
 * How many notifications with unknown tokens are looked into and answered with RST. Tokens can be forged, and after a
 * loss of state every device has unknown ones: what is beyond the budget is ignored, and its device repeats it.
 */
import { LRUCache } from 'lru-cache';

const PEERS = 10_000;
/** One peer: so many at once, and one more every so often. */
const PEER_BURST = 16;
const PEER_EVERY_MS = 2_000;
/** All peers of a worker together. */
const RESETS_A_SECOND = 1_000;

interface Bucket {
  left: number;
  atMs: number;
}

export class ResetBudget {
  readonly #nowMs: () => number;
  readonly #peers = new LRUCache<string, Bucket>({ max: PEERS });
  readonly #all: Bucket;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#all = { left: RESETS_A_SECOND, atMs: nowMs() };
  }

  /** Whether the store is asked once more about a token of this peer. */
  mayAsk(peer: string): boolean {
    const bucket = this.#peers.get(peer) ?? { left: PEER_BURST, atMs: this.#nowMs() };
    this.#peers.set(peer, bucket);
    return this.#take(bucket, PEER_BURST, PEER_EVERY_MS);
  }

  /** Whether one more RST may leave. */
  mayReset(): boolean {
    return this.#take(this.#all, RESETS_A_SECOND, 1_000 / RESETS_A_SECOND);
  }

  #take(bucket: Bucket, burst: number, everyMs: number): boolean {
    const nowMs = this.#nowMs();
    bucket.left = Math.min(bucket.left + (nowMs - bucket.atMs) / everyMs, burst);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
