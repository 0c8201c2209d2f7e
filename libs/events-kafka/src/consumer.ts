/** {@link EventConsumer} over Kafka: members of shared groups, and lone readers of all partitions. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import { EventsUnavailable, type EventConsumer, type EventSubscription, type Positions } from '@cluster/events';
import type { Kafka } from 'kafkajs';
import { endPositions, missingTopics, partitionRanges } from './admin.ts';
import { createClient, noLogger, type EventsLogger, type KafkaConnection } from './client.ts';
import { ConsumerLoop, type RecordHandler } from './consumer-loop.ts';
import { isMissingTopic } from './missing-topic.ts';
import { TailPositions } from './tail-positions.ts';

const TIMEOUTS = { requestMs: 10_000, idleMs: 90_000 };
const RETRY_MS = 500;

/**
 * A consumer that reads as soon as Kafka is there, and again whenever it comes back. A group that is new starts at the
 * earliest record; the handler calls of one subscription do not overlap.
 */
export function connectKafkaConsumer(connection: KafkaConnection): EventConsumer {
  return new KafkaEventConsumer(connection);
}

class KafkaEventConsumer implements EventConsumer {
  readonly #connection: KafkaConnection;
  readonly #client: Kafka;
  readonly #logger: EventsLogger;
  readonly #loops = new Set<ConsumerLoop>();
  #closed = false;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    this.#client = createClient(connection, TIMEOUTS);
    this.#logger = connection.logger ?? noLogger;
  }

  async subscribe(group: string, topics: readonly Topic[], handler: RecordHandler): Promise<EventSubscription> {
    this.#failIfClosed();
    return this.#keep(new ConsumerLoop(this.#client, this.#connection, {
      groupId: () => group, topics, handler,
      onDone: ({ batch, commitOffsetsIfNecessary }, offset) => (
        commitOffsetsIfNecessary({ topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset }] }] })
      ),
    }));
  }

  async tail(
    topics: readonly Topic[], from: Positions, handler: RecordHandler, onRetentionPassed?: (topic: Topic, partition: number) => void,
  ): Promise<EventSubscription> {
    const positions = new TailPositions(await this.#ranges(topics), from, onRetentionPassed);
    this.#failIfClosed();
    const started = Promise.withResolvers<void>();
    const loop = this.#keep(new ConsumerLoop(this.#client, this.#connection, {
      // A new name each time: a consumer that takes over need not wait until the group has given up the crashed one.
      groupId: () => `tail-${this.#connection.clientId}-${randomUUID()}`,
      topics, handler,
      attach(consumer) {
        // Told before the first fetch after each (re)join: nothing is ever read from a default position.
        consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
          for (const seek of positions.seeks(payload.memberAssignment)) consumer.seek(seek);
          started.resolve();
        });
      },
      onMissing: async () => {
        for (const topic of await missingTopics(this.#connection, topics)) positions.restart(topic);
      },
      onBatch: (records) => positions.check(records[0]!),
      onDone: async ({ batch }, offset) => positions.advance(batch.topic, batch.partition, offset),
    }));
    await Promise.race([started.promise, loop.finished]);
    this.#failIfClosed();
    return loop;
  }

  async ends(topics: readonly Topic[]): Promise<Positions> {
    this.#failIfClosed();
    return endPositions(await partitionRanges(this.#connection, topics));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#loops].map((loop) => loop.close()));
  }

  #keep(loop: ConsumerLoop): ConsumerLoop {
    this.#loops.add(loop);
    void loop.finished.then(() => this.#loops.delete(loop));
    return loop;
  }

  /** Asks until Kafka tells. */
  async #ranges(topics: readonly Topic[]): ReturnType<typeof partitionRanges> {
    for (;;) {
      this.#failIfClosed();
      try {
        return await partitionRanges(this.#connection, topics);
      } catch (error) {
        this.#logger.warn({ err: error, topics }, 'Kafka tells no offsets yet');
        if (isMissingTopic(error)) await this.#connection.topicMaker?.make(topics);
      }
      await sleep(RETRY_MS);
    }
  }

  #failIfClosed(): void {
    if (this.#closed) throw new EventsUnavailable('the consumer is closed');
  }
}
