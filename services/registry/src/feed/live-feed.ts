/**
 * Reads all partitions of the stream's topics, alone and from now on, for everything on this replica that has to see
 * each event: event streams and callers who wait for a command.
 */
import type { ConsumedRecord, EventConsumer, EventSubscription } from '@cluster/events';
import { EventRing, type FeedItem, type RingLimits } from './event-ring.ts';
import { PositionVector, streamTopics } from './positions.ts';

/** Called with each record, in the order of its partition. */
export type RecordListener = (record: ConsumedRecord) => void;

export class LiveFeed {
  readonly ring: EventRing;
  readonly #consumer: EventConsumer;
  readonly #recordListeners = new Set<RecordListener>();
  readonly #growthListeners = new Set<() => void>();
  #subscription: EventSubscription | undefined;
  /** All records from here on, as far as they were read, are in the ring. */
  #floor = new PositionVector();
  #position = new PositionVector();

  constructor(consumer: EventConsumer, limits: RingLimits) {
    this.#consumer = consumer;
    this.ring = new EventRing(limits, (item) => this.#raiseFloor(item));
  }

  get running(): boolean {
    return this.#subscription !== undefined;
  }

  /** Starts to read at the present end of each partition. Rejects if the broker can't be reached: try again. */
  async start(): Promise<void> {
    const ends = await this.#consumer.ends(streamTopics);
    this.#floor = PositionVector.from(ends);
    this.#position = this.#floor.copy();
    this.#subscription = await this.#consumer.tail(streamTopics, ends, async (records) => this.#take(records), (topic, partition) =>
      this.#append({ gap: { topic, partition } }),
    );
  }

  async close(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.close();
  }

  /** Where the feed stands now. */
  position(): PositionVector {
    return this.#position.copy();
  }

  /** Whether a reader who stands at `vector` finds in the ring all that it has not read. */
  covers(vector: PositionVector): boolean {
    return vector.reaches(this.#floor);
  }

  /** Returns its own removal. */
  onRecord(listener: RecordListener): () => void {
    this.#recordListeners.add(listener);
    return () => this.#recordListeners.delete(listener);
  }

  /** Called when the ring has something new. Returns its own removal. */
  onGrowth(listener: () => void): () => void {
    this.#growthListeners.add(listener);
    return () => this.#growthListeners.delete(listener);
  }

  #take(records: readonly ConsumedRecord[]): void {
    for (const record of records) {
      const { topic, partition } = record;
      // A partition that was added later: what comes first is where the ring begins.
      if (this.#floor.get(topic, partition) === undefined) this.#floor.set(topic, partition, BigInt(record.offset));
      if (!this.#position.advance(record)) continue;
      for (const listener of this.#recordListeners) listener(record);
      this.#append({ record });
    }
  }

  #append(item: FeedItem): void {
    this.ring.push(item);
    for (const listener of this.#growthListeners) listener();
  }

  #raiseFloor({ record }: FeedItem): void {
    if (record !== undefined) this.#floor.set(record.topic, record.partition, BigInt(record.offset) + 1n);
  }
}
