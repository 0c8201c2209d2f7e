/**
 * Sends batches to Kafka until every record is acknowledged by all in-sync replicas: reconnects, retries with the same
 * sequence numbers, and sends again what a retry of kafkajs left out. One batch at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type ICustomPartitioner, type Message, type Producer, type RecordMetadata } from 'kafkajs';
import { createClient, noLogger, type EventsLogger, type KafkaConnection } from './client.ts';
import { partitionOf } from './partition.ts';

/** A record on its way. `partition` is chosen at its first try and kept, so that every retry forms the same batches. */
export interface OutgoingMessage extends Message {
  readonly topic: string;
  readonly size: number;
}

/** What the publisher needs of a connection to Kafka. */
export interface RecordSender<M extends OutgoingMessage = OutgoingMessage> {
  /**
   * Resolves when all messages are acknowledged, whatever it takes; to those that the broker will never take (too
   * large for its limits), which are left out. Rejects only after `close`.
   */
  send(messages: readonly M[]): Promise<ReadonlySet<M>>;
  /** Called whenever a connection has come up. */
  onConnected(listener: () => void): void;
  close(): Promise<void>;
}

const TIMEOUTS = { requestMs: 30_000, idleMs: 15_000 };
const PRODUCE_TIMEOUT_MS = 10_000;
/** About a minute of retries inside kafkajs; the loop here goes on after them with the same producer. */
const RETRIES = { initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2, retries: 60 };
const BACKOFF_MS = 250;
const CLOSE_PATIENCE_MS = 1_000;
const UNACCEPTABLE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

/** Connects in the background, for as long as it takes. */
export class KafkaSender<M extends OutgoingMessage> implements RecordSender<M> {
  readonly #connection: KafkaConnection;
  readonly #logger: EventsLogger;
  #producer: Promise<Producer> | undefined;
  #closed = false;
  #connected = (): void => {};

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    this.#logger = connection.logger ?? noLogger;
  }

  onConnected(listener: () => void): void {
    this.#connected = listener;
    this.#ready().catch(() => {}); // rejects only when closed first
  }

  async send(messages: readonly M[]): Promise<ReadonlySet<M>> {
    const refused = new Set<M>();
    await this.#sendAll(messages, refused);
    return refused;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const producer = await this.#producer?.catch(() => undefined);
    // Everything acknowledged is out of the way: what a silent broker still owes is not waited for.
    await Promise.race([producer?.disconnect().catch(() => {}), sleep(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
  }

  /** Sends until nothing is left. A batch that can't be taken as a whole is halved until the culprit stands alone. */
  async #sendAll(messages: readonly M[], refused: Set<M>): Promise<void> {
    for (let rest = messages; rest.length > 0; ) {
      const outcome = await this.#try(rest);
      if (outcome === 'unacceptable') return this.#divide(rest, refused);
      rest = outcome;
    }
  }

  async #divide(messages: readonly M[], refused: Set<M>): Promise<void> {
    if (messages.length === 1) return void refused.add(messages[0]!);
    const middle = messages.length >> 1;
    await this.#sendAll(messages.slice(0, middle), refused);
    await this.#sendAll(messages.slice(middle), refused);
  }

  /** One round; gives what has to be sent again. */
  async #try(messages: readonly M[]): Promise<readonly M[] | 'unacceptable'> {
    const producer = await this.#ready();
    try {
      return unanswered(messages, await producer.sendBatch({
        acks: -1, timeout: PRODUCE_TIMEOUT_MS, topicMessages: byTopic(messages),
      }));
    } catch (error) {
      if (this.#closed) throw error;
      const cause = causeOf(error);
      if (isUnacceptable(cause)) return 'unacceptable';
      this.#logger.debug({ err: error, records: messages.length }, 'Kafka took no events, trying on');
      // A fault that kafkajs calls final (e.g. the broker forgot this producer): only a new producer gets further.
      if (cause.retriable === false) await this.#renew(producer);
      await sleep(BACKOFF_MS);
      return messages;
    }
  }

  async #renew(producer: Producer): Promise<void> {
    this.#producer = undefined;
    await producer.disconnect().catch(() => {});
  }

  #ready(): Promise<Producer> {
    if (this.#closed) return Promise.reject(new Error('the publisher is closed'));
    return (this.#producer ??= this.#connect());
  }

  async #connect(): Promise<Producer> {
    const client = createClient(this.#connection, TIMEOUTS, () => this.#closed);
    for (let attempt = 1; ; attempt++) {
      const producer = client.producer({
        idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, retry: RETRIES,
        createPartitioner: keepPartition,
      });
      try {
        await producer.connect();
        this.#connected();
        return producer;
      } catch (error) {
        await producer.disconnect().catch(() => {});
        if (this.#closed) throw error;
        if (attempt === 1) this.#logger.warn({ err: error, brokers: this.#connection.brokers }, 'Kafka is away, trying on');
        await sleep(BACKOFF_MS);
      }
    }
  }
}

/** Kafka's default partitioner, asked once for each message: records of one key stay in one partition. */
const keepPartition: ICustomPartitioner = () => {
  const chooseUnkeyed = kafkajs.Partitioners.DefaultPartitioner();
  return (args) => {
    const { message, partitionMetadata } = args;
    return (message.partition ??= typeof message.key === 'string' ? partitionOf(message.key, partitionMetadata.length) : chooseUnkeyed(args));
  };
};

function byTopic<M extends OutgoingMessage>(messages: readonly M[]): { topic: string; messages: M[] }[] {
  const topics = new Map<string, M[]>();
  for (const message of messages) {
    const known = topics.get(message.topic);
    if (known === undefined) topics.set(message.topic, [message]);
    else known.push(message);
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }));
}

/**
 * The messages whose partition no answer names. kafkajs asks no broker twice within one send: when a leader dies in the
 * middle and its partitions move to a broker that has answered already, it resolves without having sent them.
 */
export function unanswered<M extends OutgoingMessage>(messages: readonly M[], answers: readonly RecordMetadata[]): M[] {
  const answered = new Map<string, Set<number>>();
  for (const { topicName, partition } of answers) {
    const partitions = answered.get(topicName);
    if (partitions === undefined) answered.set(topicName, new Set([partition]));
    else partitions.add(partition);
  }
  return messages.filter(({ topic, partition }) => partition === undefined || answered.get(topic)?.has(partition) !== true);
}

/** The broker's limits, or a record that can't be encoded: sending it again ends the same way. */
function isUnacceptable(cause: { type?: string }): boolean {
  return UNACCEPTABLE.has(cause.type ?? '') || cause instanceof TypeError || cause instanceof RangeError;
}

function causeOf(error: unknown): { type?: string; retriable?: boolean } {
  let innermost = error as { type?: string; retriable?: boolean; cause?: unknown };
  while (typeof innermost.cause === 'object' && innermost.cause !== null) innermost = innermost.cause as typeof innermost;
  return innermost;
}
