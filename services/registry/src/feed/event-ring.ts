/** The newest records that a replica has seen, bounded in number and bytes: what most readers resume from. */
import type { ConsumedRecord } from '@cluster/events';

/** A hole in what the replica itself could read: retention passed its position. */
export interface Gap {
  readonly topic: string;
  readonly partition: number;
}

export type FeedItem = { readonly record: ConsumedRecord; readonly gap?: never } | { readonly gap: Gap; readonly record?: never };

export interface RingLimits {
  readonly events: number;
  readonly bytes: number;
}

/** What a record costs beyond its value: headers, key, the objects themselves. A value may be kept as bytes and as text. */
const OVERHEAD_BYTES = 600;

function sizeOf(item: FeedItem): number {
  return OVERHEAD_BYTES + 3 * (item.record?.value.length ?? 0);
}

export class EventRing {
  readonly #limits: RingLimits;
  readonly #onEvict: (item: FeedItem) => void;
  readonly #items = new Map<number, FeedItem>();
  #first = 0;
  #next = 0;
  #bytes = 0;

  /** `onEvict` is told of each item that leaves. */
  constructor(limits: RingLimits, onEvict: (item: FeedItem) => void) {
    this.#limits = limits;
    this.#onEvict = onEvict;
  }

  /** Number of the oldest item that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Number that the next item will get. */
  get next(): number {
    return this.#next;
  }

  get(number: number): FeedItem | undefined {
    return this.#items.get(number);
  }

  push(item: FeedItem): void {
    this.#items.set(this.#next++, item);
    this.#bytes += sizeOf(item);
    while (this.#items.size > this.#limits.events || this.#bytes > this.#limits.bytes) this.#evict();
  }

  #evict(): void {
    const item = this.#items.get(this.#first);
    this.#items.delete(this.#first++);
    if (item === undefined) return;
    this.#bytes -= sizeOf(item);
    this.#onEvict(item);
  }
}
