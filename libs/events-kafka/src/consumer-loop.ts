/**
 * Keeps one kafkajs consumer reading until it is closed: a consumer that crashed is replaced by a new one. Offsets are
 * told after the handler resolved; a handler that rejects gets its batch again after a back-off.
 */
import type { ConsumedRecord, EventSubscription } from '@cluster/events';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { noLogger, type EventsLogger, type KafkaConnection } from './client.ts';
import { isMissingTopic } from './missing-topic.ts';
import { toRecord } from './record.ts';
import type { TopicMaker } from './topic-keeper.ts';

export type RecordHandler = (records: readonly ConsumedRecord[]) => Promise<void>;

/** What tells a member of a group from a tail. */
export interface ConsumerRole {
  /** Asked for each new consumer. */
  readonly groupId: () => string;
  readonly topics: readonly string[];
  readonly handler: RecordHandler;
  /** Called with each new consumer before it runs. */
  readonly attach?: (consumer: Consumer) => void;
  /** Called before the handler sees a batch. */
  readonly onBatch?: (records: readonly ConsumedRecord[]) => void;
  /** Called when Kafka said that one of the topics is not there, before it is made again. */
  readonly onMissing?: () => Promise<void>;
  /** Called after the handler resolved. */
  readonly onDone: (payload: EachBatchPayload, nextOffset: string) => Promise<void>;
}

/** After an outage of all brokers a group waits so long for members that crashed with it. */
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 2_000;
const FETCH_WAIT_MS = 500;
const RESTART_MS = 500;
const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;

export class ConsumerLoop implements EventSubscription {
  /** Resolves when reading has ended for good. */
  readonly finished: Promise<void>;
  readonly #client: Kafka;
  readonly #logger: EventsLogger;
  readonly #topicMaker: TopicMaker | undefined;
  readonly #role: ConsumerRole;
  readonly #closing = Promise.withResolvers<void>();
  #closed = false;
  #healthy = true;

  constructor(client: Kafka, { logger = noLogger, topicMaker }: Pick<KafkaConnection, 'logger' | 'topicMaker'>, role: ConsumerRole) {
    this.#client = client;
    this.#logger = logger;
    this.#topicMaker = topicMaker;
    this.#role = role;
    this.finished = this.#run();
  }

  /** Ends reading; resolves when the handler's running call has ended and the group is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await this.finished;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const consumer = this.#client.consumer({
        groupId: this.#role.groupId(), sessionTimeout: SESSION_TIMEOUT_MS, heartbeatInterval: HEARTBEAT_MS,
        maxWaitTimeInMs: FETCH_WAIT_MS, allowAutoTopicCreation: false,
        retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
      });
      try {
        await this.#live(consumer);
      } catch (error) {
        const level = this.#healthy ? 'warn' : 'debug'; // one line for each outage
        this.#healthy = false;
        this.#logger[level]({ err: error, topics: this.#role.topics }, 'Kafka gives no events, trying on');
        if (isMissingTopic(error)) await this.#missing();
      }
      await consumer.disconnect().catch(() => {});
      await this.#pause(RESTART_MS);
    }
  }

  async #missing(): Promise<void> {
    await this.#role.onMissing?.().catch(() => {}); // asked again by the next crash
    await this.#topicMaker?.make(this.#role.topics);
  }

  /** From connecting to the crash of one consumer, or the close of this loop. */
  async #live(consumer: Consumer): Promise<void> {
    const crashed = new Promise<never>((_resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    });
    crashed.catch(() => {}); // may come when nobody waits any more
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#role.topics], fromBeginning: true });
    if (this.#closed) return;
    this.#role.attach?.(consumer);
    const running = consumer.run({
      autoCommit: false, eachBatchAutoResolve: false, eachBatch: (payload) => this.#eachBatch(payload),
    });
    await Promise.race([running, crashed]);
    await Promise.race([this.#closing.promise, crashed]);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const records = messages.map((message) => toRecord(topic, partition, message));
    const last = records.at(-1);
    if (last === undefined || payload.isStale()) return;
    this.#healthy = true;
    this.#role.onBatch?.(records);
    if (!(await this.#deliver(records, payload))) return;
    await this.#role.onDone(payload, String(BigInt(last.offset) + 1n));
    payload.resolveOffset(last.offset);
    await payload.heartbeat();
  }

  /** Calls the handler until it resolves; false when reading ends before that. */
  async #deliver(records: readonly ConsumedRecord[], payload: EachBatchPayload): Promise<boolean> {
    for (let backoffMs = FIRST_BACKOFF_MS; payload.isRunning() && !this.#closed; ) {
      try {
        await this.#whileBeating(payload, this.#role.handler(records));
        return true;
      } catch (error) {
        this.#logger.warn({ err: error, topic: payload.batch.topic }, 'events were not handled, trying again');
      }
      await this.#whileBeating(payload, this.#pause(backoffMs));
      await payload.heartbeat(); // throws when the group rebalances: then somebody else gets the batch
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
    }
    return false;
  }

  /** Keeps the membership alive while something takes its time. */
  async #whileBeating(payload: EachBatchPayload, work: Promise<void>): Promise<void> {
    const beat = setInterval(() => void payload.heartbeat().catch(() => {}), HEARTBEAT_MS);
    try {
      await work;
    } finally {
      clearInterval(beat);
    }
  }

  async #pause(durationMs: number): Promise<void> {
    if (this.#closed) return;
    const timer = Promise.withResolvers<void>();
    const id = setTimeout(timer.resolve, durationMs);
    await Promise.race([timer.promise, this.#closing.promise]);
    clearTimeout(id);
  }
}
