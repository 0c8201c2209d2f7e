/** A live association of a server: opens and seals its records within the numbers that are stored for it. */
import type { AssociationFixed, AssociationMoving } from '../association/record.ts';
import type { Opener, Sealer } from '../record/protection.ts';
import type { OpenedRecord, WireRecord } from '../record/record.ts';
import type { ReplayWindow } from '../record/replay-window.ts';
import type { LastFlight } from './last-flight.ts';

/** Two acquisitions share a nonce only if numbers repeat in their low 40 bits: long before that, all ends. */
export const LAST_SEND_NUMBER = 2 ** 40 - 2 ** 24;
/** A ceiling never runs further ahead than half the replay window, so that a new owner still takes what is under way. */
const MAX_LOOKAHEAD = 32;
const RATE_WINDOW_MS = 1_000;

/** An opened record that waits for its ceiling. */
export interface HeldRecord {
  readonly peer: string;
  readonly sequence: number;
  readonly newest: boolean;
  readonly opened: OpenedRecord;
  /** As it came: should the ceiling be refused, another owner's numbers decide about it. */
  readonly record?: WireRecord;
}

export interface AssociationStart {
  readonly handle: number;
  readonly fixed: AssociationFixed;
  readonly moving: AssociationMoving;
  readonly opener: Opener;
  readonly sealer: Sealer;
  readonly window: ReplayWindow;
  /** The most bytes that sealing adds. */
  readonly overhead: number;
  /** The first sequence number that may be used; up to `moving.sendEnd`. */
  readonly sendFrom: number;
  /** Records at or below it may have been accepted by a former owner. */
  readonly notFreshUpTo: number;
}

export class Association {
  readonly handle: number;
  readonly fixed: AssociationFixed;
  readonly fence: number;
  peer: string;
  /** Whether it was used since the eviction hand last passed. */
  used = true;
  closed = false;
  ceiling: number;
  /** The open question for a ceiling, and for a block of numbers. */
  ceilingQuestion: number | undefined;
  blockQuestion: number | undefined;
  /** What waits for a stored ceiling, and for a stored block. */
  held: HeldRecord[] = [];
  queued: { type: number; content: Uint8Array }[] = [];
  /** Our last flight, until the peer shows that it came. */
  lastFlight: LastFlight | undefined;
  readonly window: ReplayWindow;
  readonly overhead: number;
  readonly #opener: Opener;
  readonly #sealer: Sealer;
  readonly #notFreshUpTo: number;
  #sendNext: number;
  #sendEnd: number;
  #rateSinceMs = -Infinity;
  #rateCount = 0;
  #rate = 0;
  /** Of the two windows before the last one. */
  #formerRates: readonly [number, number] = [0, 0];

  constructor(start: AssociationStart) {
    this.handle = start.handle;
    this.fixed = start.fixed;
    this.fence = start.moving.fence;
    this.peer = start.moving.peer;
    this.ceiling = start.moving.receiveCeiling;
    this.window = start.window;
    this.overhead = start.overhead;
    this.#opener = start.opener;
    this.#sealer = start.sealer;
    this.#sendNext = start.sendFrom;
    this.#sendEnd = start.moving.sendEnd;
    this.#notFreshUpTo = start.notFreshUpTo;
  }

  get sendNext(): number {
    return this.#sendNext;
  }

  /** The end of the stored block. */
  get sendEnd(): number {
    return this.#sendEnd;
  }

  /** Numbers that may be used now. */
  get sendLeft(): number {
    return this.#sendEnd - this.#sendNext;
  }

  open(record: WireRecord): OpenedRecord | undefined {
    return this.#opener.open(record);
  }

  /** Only while {@link sendLeft} isn't 0: numbers that are not stored are never used. */
  seal(type: number, content: Uint8Array): Uint8Array {
    return this.#sealer.seal(type, this.#sendNext++, content);
  }

  blockStored(sendEnd: number): void {
    this.#sendEnd = Math.max(this.#sendEnd, sendEnd);
  }

  isFresh(sequence: number): boolean {
    return sequence > this.#notFreshUpTo;
  }

  /**
   * Counts a record for the rate by which ceilings run ahead: a second of the traffic that the device kept up for three. A
   * burst before it goes to sleep must not count: its next request, at another worker, has but a few repetitions to get past
   * the ceiling, and is answered where the device was before.
   */
  countReceived(nowMs: number): void {
    const elapsed = nowMs - this.#rateSinceMs;
    if (elapsed >= RATE_WINDOW_MS) {
      const rate = elapsed < 2 * RATE_WINDOW_MS ? Math.floor((this.#rateCount * RATE_WINDOW_MS) / elapsed) : 0;
      this.#rate = Math.min(rate, ...this.#formerRates);
      this.#formerRates = [rate, this.#formerRates[0]];
      this.#rateSinceMs = nowMs;
      this.#rateCount = 0;
    }
    this.#rateCount++;
  }

  /** The ceiling to store for a record: exact for a device that sleeps, a little ahead for one that talks. */
  nextCeiling(sequence: number): number {
    return sequence + Math.min(MAX_LOOKAHEAD, this.#rate);
  }
}
