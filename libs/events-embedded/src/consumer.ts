/** {@link EventConsumer} over the log: groups whose members take turns, and lone readers. */
import type { Topic } from '@cluster/contracts';
import { EventsUnavailable, type ConsumedRecord, type EventConsumer, type EventSubscription, type Positions } from '@cluster/events';
import { GroupRegistry, Member } from './groups.ts';
import type { EventLog } from './log.ts';
import { TopicReader } from './reader.ts';

type Handler = (records: readonly ConsumedRecord[]) => Promise<void>;

const BATCH = 500;

/** What all consumers of one log share. */
export interface SharedLog {
  readonly log: EventLog;
  readonly groups: GroupRegistry;
  /** Readers to wake when something was appended. */
  readonly readers: Set<TopicReader>;
}

export class EmbeddedConsumer implements EventConsumer {
  readonly #shared: SharedLog;
  readonly #subscriptions = new Set<EventSubscription>();
  #closed = false;

  constructor(shared: SharedLog) {
    this.#shared = shared;
  }

  async subscribe(group: string, topics: readonly Topic[], handler: Handler): Promise<EventSubscription> {
    this.#failIfClosed();
    const member = new Member(handler);
    this.#shared.groups.join(group, topics, member);
    return this.#keep({ close: () => this.#shared.groups.leave(group, member) });
  }

  async tail(
    topics: readonly Topic[], from: Positions, handler: Handler, onRetentionPassed?: (topic: Topic, partition: number) => void,
  ): Promise<EventSubscription> {
    this.#failIfClosed();
    const member = new Member(handler);
    const readers = topics.map((topic) => this.#tailTopic(topic, from[topic]?.[0], member, onRetentionPassed));
    return this.#keep({
      close: async () => {
        member.leave();
        for (const reader of readers) this.#shared.readers.delete(reader);
        await Promise.all(readers.map((reader) => reader.close()));
      },
    });
  }

  async ends(topics: readonly Topic[]): Promise<Positions> {
    this.#failIfClosed();
    return Object.fromEntries(topics.map((topic) => [topic, { 0: String(this.#shared.log.range(topic).next) }]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
  }

  #tailTopic(
    topic: Topic, from: string | undefined, member: Member, onRetentionPassed?: (topic: Topic, partition: number) => void,
  ): TopicReader {
    const { log, readers } = this.#shared;
    let next = from === undefined ? log.range(topic).next : Number(from);
    const reader = new TopicReader({
      next() {
        const range = log.range(topic);
        if (next < range.first || next > range.next) {
          next = range.first;
          onRetentionPassed?.(topic, 0);
        }
        return log.read(topic, next, BATCH);
      },
      deliver: (records) => member.handle(records),
      done: (records) => void (next = nextOffset(records)),
    });
    readers.add(reader);
    return reader;
  }

  #keep(subscription: EventSubscription): EventSubscription {
    this.#subscriptions.add(subscription);
    return {
      close: () => {
        this.#subscriptions.delete(subscription);
        return subscription.close();
      },
    };
  }

  #failIfClosed(): void {
    if (this.#closed) throw new EventsUnavailable('the consumer is closed');
  }
}

/** The offset after a batch. */
export function nextOffset(records: readonly ConsumedRecord[]): number {
  return Number(records.at(-1)!.offset) + 1;
}
