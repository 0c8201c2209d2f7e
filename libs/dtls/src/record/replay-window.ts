/** The anti-replay window of 64 sequence numbers (RFC 6347 §4.1.2.6). */

const SIZE = 64;

/** Remembers which of the last 64 sequence numbers were seen. Check before opening a record, mark once it authenticated. */
export class ReplayWindow {
  #highest: number;
  /** Bit n of `#low` is highest - n, bit n of `#high` is highest - 32 - n. */
  #low = 0;
  #high = 0;

  /** With a `highest`, it and what came before it count as not seen, but only those inside the window are still taken. */
  constructor(highest = -1) {
    this.#highest = highest;
  }

  /** The highest sequence number marked; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether a record with this number may still come. */
  accepts(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    const age = this.#highest - sequence;
    if (age >= SIZE) return false;
    return age < 32 ? ((this.#low >>> age) & 1) === 0 : ((this.#high >>> (age - 32)) & 1) === 0;
  }

  mark(sequence: number): void {
    if (sequence > this.#highest) {
      this.#shift(sequence - this.#highest);
      this.#highest = sequence;
    }
    const age = this.#highest - sequence;
    if (age < 32) this.#low |= 1 << age;
    else if (age < SIZE) this.#high |= 1 << (age - 32);
  }

  #shift(by: number): void {
    if (by >= SIZE) {
      this.#low = 0;
      this.#high = 0;
    } else if (by >= 32) {
      this.#high = this.#low << (by - 32);
      this.#low = 0;
    } else {
      this.#high = (this.#high << by) | (this.#low >>> (32 - by));
      this.#low <<= by;
    }
  }
}
