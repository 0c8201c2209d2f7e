/** The one timer structure of an engine: a binary heap of deadlines, each of which can be moved or cancelled. */

/** One deadline; it may be set, moved, cancelled and set again. */
export class Timer {
  /** Place in the heap; -1 while not set. Owned by the queue. */
  index = -1;
  atMs = 0;
  readonly fire: (nowMs: number) => void;

  constructor(fire: (nowMs: number) => void) {
    this.fire = fire;
  }
}

/** Timers in order of their deadlines. */
export class TimerQueue {
  readonly #heap: Timer[] = [];

  /** How many timers are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest deadline. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  /** Sets a timer, or moves it. */
  set(timer: Timer, atMs: number): void {
    timer.atMs = atMs;
    if (timer.index < 0) timer.index = this.#heap.push(timer) - 1;
    this.#sift(timer);
  }

  /** Cancels a timer; one that is not set stays so. */
  cancel(timer: Timer): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#place(last, index);
    this.#sift(last);
  }

  /** Fires what is due, earliest first. What is set for a time already past while firing fires too. */
  runDue(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.cancel(first);
      first.fire(nowMs);
    }
  }

  #sift(timer: Timer): void {
    this.#siftUp(timer);
    this.#siftDown(timer);
  }

  #siftUp(timer: Timer): void {
    while (timer.index > 0) {
      const parent = this.#heap[(timer.index - 1) >> 1]!;
      if (parent.atMs <= timer.atMs) return;
      this.#swap(parent, timer);
    }
  }

  #siftDown(timer: Timer): void {
    for (;;) {
      const left = this.#heap[2 * timer.index + 1];
      const right = this.#heap[2 * timer.index + 2];
      const child = right !== undefined && right.atMs < left!.atMs ? right : left;
      if (child === undefined || child.atMs >= timer.atMs) return;
      this.#swap(timer, child);
    }
  }

  #swap(upper: Timer, lower: Timer): void {
    const { index } = upper;
    this.#place(upper, lower.index);
    this.#place(lower, index);
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }
}
