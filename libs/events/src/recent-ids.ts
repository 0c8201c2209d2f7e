/** Remembers ids for a while, so that consumers take an event that comes twice once. Time comes in as an argument. */

/** Equal ids within ten minutes are one event. */
export const SAME_EVENT_MS = 600_000;

export interface RecentIdsOptions {
  /** {@link SAME_EVENT_MS} unless told. */
  readonly windowMs?: number;
  /** The oldest ids go when there are more. 1,000,000 unless told. */
  readonly capacity?: number;
}

export class RecentIds {
  readonly #windowMs: number;
  readonly #capacity: number;
  /** Time of the first sight, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(options: RecentIdsOptions = {}) {
    this.#windowMs = options.windowMs ?? SAME_EVENT_MS;
    this.#capacity = options.capacity ?? 1_000_000;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Whether the id was added within the window. */
  has(id: string, nowMs: number): boolean {
    const seenMs = this.#seen.get(id);
    return seenMs !== undefined && nowMs - seenMs < this.#windowMs;
  }

  /** Remembers the id: call it when the event was handled, so that one that failed is not taken for a repetition. */
  add(id: string, nowMs: number): void {
    if (this.has(id, nowMs)) return;
    this.#seen.delete(id);
    this.#seen.set(id, nowMs);
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    for (const [id, seenMs] of this.#seen) {
      if (this.#seen.size <= this.#capacity && nowMs - seenMs < this.#windowMs) return;
      this.#seen.delete(id);
    }
  }
}
