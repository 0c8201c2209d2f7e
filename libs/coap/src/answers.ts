/** Bytes that answered exchanges, kept for duplicates: small ones in pages of fixed cells, which cost the collector nothing. */

const CELL_BYTES = 48;
const CELLS_PER_PAGE = 4_096;

/** One answer for each slot. What fits a cell is copied there; what does not is kept as it is. */
export class AnswerStore {
  readonly #pages: Uint8Array[] = [];
  readonly #large = new Map<number, Uint8Array>();

  /** Keeps the answer of a slot in place of its former one. Returns its length, by which {@link get} finds it. */
  put(slot: number, bytes: Uint8Array): number {
    if (bytes.length > CELL_BYTES) {
      this.#large.set(slot, bytes);
      return bytes.length;
    }
    const page = this.#page(slot);
    const start = cellStart(slot);
    for (let index = 0; index < bytes.length; index++) page[start + index] = bytes[index]!;
    return bytes.length;
  }

  /** A copy of the answer of a slot, whose length is `length`. */
  get(slot: number, length: number): Uint8Array {
    if (length > CELL_BYTES) return this.#large.get(slot)!;
    const start = cellStart(slot);
    return this.#page(slot).slice(start, start + length);
  }

  /** Lets go of an answer of this length. */
  drop(slot: number, length: number): void {
    if (length > CELL_BYTES) this.#large.delete(slot);
  }

  #page(slot: number): Uint8Array {
    const index = Math.floor(slot / CELLS_PER_PAGE);
    return (this.#pages[index] ??= new Uint8Array(CELL_BYTES * CELLS_PER_PAGE));
  }
}

function cellStart(slot: number): number {
  return (slot % CELLS_PER_PAGE) * CELL_BYTES;
}
