/** Deadlines of an engine: a binary heap in which each can be moved or taken out, so that what is over is held by nothing. */

/** Something that wants to be woken; set by {@link Deadlines.set} only. */
export interface Waking {
  /** Infinity: never. */
  wakeAtMs: number;
  /** Place in the heap; -1 while not set. Owned by the queue. */
  heapIndex: number;
  wake(nowMs: number): void;
}

export class Deadlines {
  readonly #heap: Waking[] = [];

  /** How many are set. */
  get size(): number {
    return this.#heap.length;
  }

  get nextAtMs(): number | undefined {
    return this.#heap[0]?.wakeAtMs;
  }

  /** Sets when something is woken, or moves it; Infinity takes it out. */
  set(of: Waking, atMs: number): void {
    of.wakeAtMs = atMs;
    if (atMs === Infinity) this.#remove(of);
    else {
      if (of.heapIndex < 0) of.heapIndex = this.#heap.push(of) - 1;
      this.#sift(of);
    }
  }

  /** Wakes what is due, the earliest first. */
  runDue(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.wakeAtMs <= nowMs; first = this.#heap[0]) {
      this.set(first, Infinity);
      first.wake(nowMs);
    }
  }

  #remove(of: Waking): void {
    const { heapIndex } = of;
    if (heapIndex < 0) return;
    of.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === of) return;
    this.#place(last, heapIndex);
    this.#sift(last);
  }

  #sift(of: Waking): void {
    for (let parent = this.#heap[(of.heapIndex - 1) >> 1]; of.heapIndex > 0 && parent!.wakeAtMs > of.wakeAtMs; parent = this.#heap[(of.heapIndex - 1) >> 1]) {
      this.#swap(parent!, of);
    }
    for (;;) {
      const left = this.#heap[2 * of.heapIndex + 1];
      const right = this.#heap[2 * of.heapIndex + 2];
      const child = right !== undefined && right.wakeAtMs < left!.wakeAtMs ? right : left;
      if (child === undefined || child.wakeAtMs >= of.wakeAtMs) return;
      this.#swap(of, child);
    }
  }

  #swap(upper: Waking, lower: Waking): void {
    const { heapIndex } = upper;
    this.#place(upper, lower.heapIndex);
    this.#place(lower, heapIndex);
  }

  #place(of: Waking, index: number): void {
    this.#heap[index] = of;
    of.heapIndex = index;
  }
}
