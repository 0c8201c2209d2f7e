/** Instruments for the hot path: an increment is one addition in a typed array that never moves. */

export class Counter {
  readonly #cells: Float64Array;
  readonly #index: number;

  constructor(cells: Float64Array, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  /** Counts one. */
  inc(): void {
    this.#cells[this.#index]! += 1;
  }

  /** Counts `amount`, which must not be negative: a counter only grows. */
  add(amount: number): void {
    this.#cells[this.#index]! += amount;
  }

  get value(): number {
    return this.#cells[this.#index]!;
  }
}

export interface HistogramState {
  /** Upper bounds, ascending; the last bucket (+Inf) is not in it. */
  readonly bounds: readonly number[];
  /** For each bound and +Inf: observations up to it. Ascending. */
  readonly cumulative: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Counts observations in fixed buckets. */
export class Histogram {
  readonly #bounds: Float64Array;
  /** One cell a bucket, +Inf, then the sum. */
  readonly #cells: Float64Array;

  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(bounds);
    this.#cells = new Float64Array(bounds.length + 2);
  }

  /** Takes one value. NaN is ignored: it would spoil the sum for good. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.#cells[bucket]! += 1;
    this.#cells[bounds.length + 1]! += value;
  }

  read(): HistogramState {
    const bounds = [...this.#bounds];
    let count = 0;
    const cumulative = [...this.#cells.subarray(0, bounds.length + 1)].map((cell) => (count += cell));
    return { bounds, cumulative, sum: this.#cells[bounds.length + 1]!, count };
  }
}
