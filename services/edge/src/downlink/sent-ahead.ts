/**
 * Packages whose last blocks are acknowledged, but not stored as such: to store each block costs more than to send it. A
 * worker that dies has some blocks repeated, with the same Request-Tag; a device that does not take them again answers
 * 4.08 and gets the package from its start. RFC 7959 §2.9.2
 */
import { blockSize } from '@cluster/coap';
import type { DeviceNumber, QueueEntry, VersionedEntry } from '@cluster/session';
import { LRUCache } from 'lru-cache';
import type { Held } from '../held-sessions.ts';
import { reservedMessageId } from './lease.ts';

/** Blocks that leave under one lease at most, and for how long. */
export const BLOCKS_AHEAD = 32;
const AHEAD_MS = 10_000;
const PACKAGES_KEPT = 10_000;

interface Ahead {
  /** As it is stored: its version, and how far that says the package is. */
  readonly version: number;
  readonly storedOffset: number;
  readonly storedAtMs: number;
  /** As it is. */
  readonly entry: QueueEntry;
}

export class SentAhead {
  readonly #byNumber = new LRUCache<DeviceNumber, Ahead>({ max: PACKAGES_KEPT });

  /**
   * The entry with its next block, where that may leave before anything is stored: it is neither the first nor the last
   * one, and goes like the one before it. `next`: what the acknowledgement of that one made of the entry.
   */
  step(held: Held, { version, entry }: VersionedEntry, next: QueueEntry, nowMs: number): QueueEntry | undefined {
    const { transfer: before, exchange } = entry;
    const { transfer } = next;
    if (before === undefined || transfer === undefined || exchange === undefined) return undefined;
    const known = this.#known(held.number, version, entry);
    const { storedOffset, storedAtMs } = known ?? { storedOffset: before.offset, storedAtMs: exchange.firstSentAtMs };
    const length = blockSize(transfer.szx);
    const sameWay = transfer.szx === before.szx && transfer.tag === before.tag && transfer.offset > before.offset;
    const inner = storedOffset > 0 && transfer.offset + length < transfer.size;
    const recent = transfer.offset - storedOffset < BLOCKS_AHEAD * length && nowMs - storedAtMs < AHEAD_MS;
    if (!sameWay || !inner || !recent || exchange.generation !== held.record.generation) return undefined;
    const messageId = reservedMessageId(held);
    if (messageId === undefined) return undefined;
    const ahead = { ...entry, transfer, exchange: { ...exchange, messageId, firstSentAtMs: nowMs } };
    this.#byNumber.set(held.number, { version, storedOffset, storedAtMs, entry: ahead });
    return ahead;
  }

  /** A stored entry as this worker knows it: nobody else has changed it since. */
  current(number: DeviceNumber, stored: VersionedEntry): VersionedEntry {
    const known = this.#known(number, stored.version, stored.entry);
    return known === undefined ? stored : { ...stored, entry: known.entry };
  }

  /** It is stored, or another worker's. */
  forget(number: DeviceNumber): void {
    this.#byNumber.delete(number);
  }

  /** All that the store does not know yet, for a worker that ends. */
  takeAll(): { number: DeviceNumber; version: number; entry: QueueEntry }[] {
    const all = [...this.#byNumber].map(([number, { version, entry }]) => ({ number, version, entry }));
    this.#byNumber.clear();
    return all;
  }

  #known(number: DeviceNumber, version: number, entry: QueueEntry): Ahead | undefined {
    const known = this.#byNumber.get(number);
    return known?.version === version && known.entry.id === entry.id ? known : undefined;
  }
}
