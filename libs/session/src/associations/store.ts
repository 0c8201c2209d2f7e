/** The port through which DTLS associations are kept. Adapters: those of `SessionStore`; `@cluster/testing` has its compliance suite. */
import type { DeviceNumber } from '../ports.ts';

/** What never changes, sealed: an association's keys, or its last flight. */
export interface SealedRecord {
  /** Made of its Connection ID. */
  readonly name: string;
  readonly record: Uint8Array;
  /** It vanishes by itself after this time. */
  readonly ttlMs: number;
}

export interface StoredSlot {
  readonly version: number;
  readonly record: Uint8Array;
}

/** Replaces what moves, if its version still is `expected` (0: there must be none). */
export interface SlotWrite {
  readonly number: DeviceNumber;
  readonly expected: number;
  /** Its next version, 1 to 2^32 − 1: chosen by who writes, so that a slot that vanished never comes back with an old one. */
  readonly version: number;
  readonly record: Uint8Array;
  readonly ttlMs: number;
}

/**
 * Two kinds of keys: sealed records, found by Connection ID alone, each in a slot of its own; and one slot record for each
 * device, beside its session, with what moves. Both vanish by themselves where nothing extends them.
 */
export interface AssociationStore {
  putSealed(records: readonly SealedRecord[]): Promise<void>;
  loadSealed(names: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  /** Lets records that are there live for `ttlMs` from now on. */
  extendSealed(names: readonly string[], ttlMs: number): Promise<void>;
  removeSealed(names: readonly string[]): Promise<void>;

  loadSlots(numbers: readonly DeviceNumber[]): Promise<(StoredSlot | undefined)[]>;
  /** Each write is one atomic step; one that fails by version (false) does not touch the others. Same order as `writes`. */
  commitSlots(writes: readonly SlotWrite[]): Promise<boolean[]>;
}
