/** Deadlines of an engine in one heap; a deadline that was moved leaves its old entry behind, which is skipped when it comes up. */

/** Something that wants to be woken; set `wakeAtMs` by {@link Deadlines.set} only. */
export interface Waking {
  /** Infinity: never. */
  wakeAtMs: number;
  /** What of it lies in the heap. Owned by the queue. */
  queuedAtMs: number;
  wake(nowMs: number): void;
}

interface Entry {
  readonly atMs: number;
  readonly of: Waking;
}

export class Deadlines {
  readonly #heap: Entry[] = [];

  /** Sets when something is woken; Infinity cancels. */
  set(of: Waking, atMs: number): void {
    of.wakeAtMs = atMs;
    // An entry that comes up too early is put back; only an earlier one must be added.
    if (atMs < of.queuedAtMs) this.#push(of, atMs);
  }

  /** No later than the earliest deadline. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  runDue(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.#pop();
      const { of } = first;
      if (of.queuedAtMs !== first.atMs) continue;
      of.queuedAtMs = Infinity;
      if (of.wakeAtMs > nowMs) {
        if (of.wakeAtMs < Infinity) this.#push(of, of.wakeAtMs);
        continue;
      }
      of.wakeAtMs = Infinity;
      of.wake(nowMs);
    }
  }

  #push(of: Waking, atMs: number): void {
    of.queuedAtMs = atMs;
    const heap = this.#heap;
    let at = heap.push({ atMs, of }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= heap[at]!.atMs) return;
      [heap[parent], heap[at]] = [heap[at]!, heap[parent]!];
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.atMs < heap[left]!.atMs ? right : left;
      if (child >= heap.length || heap[child]!.atMs >= heap[at]!.atMs) return;
      [heap[child], heap[at]] = [heap[at]!, heap[child]!];
      at = child;
    }
  }
}
