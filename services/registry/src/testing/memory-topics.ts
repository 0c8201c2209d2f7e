/** Topics in memory that keep the promises of the event port: partitions, offsets, groups, tails and retention. */
import type { Topic } from '@cluster/contracts';
import { type ConsumedRecord, type EventConsumer, type EventRecord, type EventSubscription, EventsUnavailable, type Positions } from '@cluster/events';

type Handler = (records: readonly ConsumedRecord[]) => Promise<void>;

interface Log {
  /** Offset of the first record that is left. */
  start: number;
  readonly records: ConsumedRecord[];
}

/** One broker; each `consumer()` is one process's client. */
export class MemoryTopics {
  readonly #partitions: number;
  readonly #logs = new Map<string, Log>();
  readonly #readers = new Set<Reader>();
  /** While true, every call is refused. */
  away = false;
  /** How many tails were ever opened. */
  tails = 0;

  constructor(partitions = 3) {
    this.#partitions = partitions;
  }

  partitionOf(key: string): number {
    return [...key].reduce((sum, char) => sum + (char.codePointAt(0) ?? 0), 0) % this.#partitions;
  }

  publish(...records: EventRecord[]): void {
    for (const record of records) {
      const partition = this.partitionOf(record.key);
      const log = this.log(record.topic, partition);
      log.records.push({ ...record, partition, offset: String(log.start + log.records.length) });
    }
    this.wake();
  }

  /** Retention: forgets all that is in a partition. */
  forget(topic: Topic, partition: number): void {
    const log = this.log(topic, partition);
    log.start += log.records.length;
    log.records.length = 0;
  }

  log(topic: string, partition: number): Log {
    const name = `${topic}/${partition}`;
    const log = this.#logs.get(name) ?? { start: 0, records: [] };
    this.#logs.set(name, log);
    return log;
  }

  /** Resolves when all that was published was handled by every reader. */
  async settled(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.idle()));
  }

  wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  consumer(): EventConsumer {
    return {
      subscribe: async (_group, topics, handler) => this.#read(topics, undefined, handler),
      tail: async (topics, from, handler, onRetentionPassed) => {
        this.#check();
        this.tails++;
        const start = { ...(await this.#ends(topics)), ...from };
        return this.#read(topics, start, handler, onRetentionPassed);
      },
      ends: async (topics) => this.#ends(topics),
      close: async () => {},
    };
  }

  async #ends(topics: readonly Topic[]): Promise<Positions> {
    this.#check();
    return Object.fromEntries(
      topics.map((topic) => [
        topic,
        Object.fromEntries(
          Array.from({ length: this.#partitions }, (_, partition) => {
            const { start, records } = this.log(topic, partition);
            return [partition, String(start + records.length)];
          }),
        ),
      ]),
    );
  }

  #read(topics: readonly Topic[], from: Positions | undefined, handler: Handler, onGap?: (topic: Topic, partition: number) => void): EventSubscription {
    this.#check();
    const reader = new Reader(this, topics, this.#partitions, from ?? {}, handler, onGap);
    this.#readers.add(reader);
    reader.wake();
    return {
      close: async () => {
        this.#readers.delete(reader);
        await reader.close();
      },
    };
  }

  #check(): void {
    if (this.away) throw new EventsUnavailable('the broker is away');
  }
}

class Reader {
  readonly #next = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly topics: MemoryTopics,
    private readonly names: readonly Topic[],
    private readonly partitions: number,
    private readonly from: Positions,
    private readonly handler: Handler,
    private readonly onGap: ((topic: Topic, partition: number) => void) | undefined,
  ) {}

  wake(): void {
    this.#running = this.#running.then(() => this.#round());
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #round(): Promise<void> {
    for (const topic of this.names) {
      for (let partition = 0; partition < this.partitions && !this.#closed; partition++) await this.#batch(topic, partition);
    }
  }

  async #batch(topic: Topic, partition: number): Promise<void> {
    const log = this.topics.log(topic, partition);
    const name = `${topic}/${partition}`;
    let next = this.#next.get(name) ?? Number(this.from[topic]?.[partition] ?? '0');
    if (next < log.start) {
      this.onGap?.(topic, partition);
      next = log.start;
    }
    this.#next.set(name, next);
    const records = log.records.slice(next - log.start);
    if (records.length === 0) return;
    try {
      await this.handler(records);
      this.#next.set(name, next + records.length);
    } catch {
      // Not committed: the batch comes again, after others had their turn.
      if (!this.#closed) setImmediate(() => this.wake());
    }
  }
}
