/** Bytes that answered exchanges, kept for duplicates: small ones in pages of fixed cells, which cost the collector nothing. */

const CELL_BYTES = 48;
const CELLS_PER_PAGE = 4_096;

/** One answer for each slot. What fits a cell is copied there; what does not is kept as it is, as long as there is room. */
export class AnswerStore {
  readonly #maxLargeBytes: number;
  readonly #onEvict: () => void;
  readonly #pages: Uint8Array[] = [];
  readonly #large = new Map<number, Uint8Array>();
  #largeBytes = 0;

  /** `onEvict` is told of each large answer that made room for another. */
  constructor(maxLargeBytes: number, onEvict: () => void) {
    this.#maxLargeBytes = maxLargeBytes;
    this.#onEvict = onEvict;
  }

  /** Bytes of answers that fit no cell. */
  get largeBytes(): number {
    return this.#largeBytes;
  }

  /** Keeps the answer of a slot which has none. Returns its length, by which {@link get} finds it. */
  put(slot: number, bytes: Uint8Array): number {
    if (bytes.length > CELL_BYTES) {
      this.#putLarge(slot, bytes);
      return bytes.length;
    }
    const page = this.#page(slot);
    const start = cellStart(slot);
    for (let index = 0; index < bytes.length; index++) page[start + index] = bytes[index]!;
    return bytes.length;
  }

  /** The answer of a slot, whose length is `length`; undefined if it made room for another. */
  get(slot: number, length: number): Uint8Array | undefined {
    if (length > CELL_BYTES) return this.#large.get(slot);
    const start = cellStart(slot);
    return this.#page(slot).slice(start, start + length);
  }

  /** Lets go of the answer of a slot, whose length is `length`. */
  drop(slot: number, length: number): void {
    if (length > CELL_BYTES && this.#large.delete(slot)) this.#largeBytes -= length;
  }

  #putLarge(slot: number, bytes: Uint8Array): void {
    for (const [oldest, { length }] of this.#large) {
      if (this.#largeBytes + bytes.length <= this.#maxLargeBytes) break;
      this.drop(oldest, length);
      this.#onEvict();
    }
    this.#large.set(slot, bytes);
    this.#largeBytes += bytes.length;
  }

  #page(slot: number): Uint8Array {
    const index = Math.floor(slot / CELLS_PER_PAGE);
    return (this.#pages[index] ??= new Uint8Array(CELL_BYTES * CELLS_PER_PAGE));
  }
}

function cellStart(slot: number): number {
  return (slot % CELLS_PER_PAGE) * CELL_BYTES;
}
