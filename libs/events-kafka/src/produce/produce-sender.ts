/**
 * An idempotent producer that waits for all in-sync replicas, with one batch a partition under way: whatever happens to
 * brokers and connections, it sends the same batches again until each is stored, once and in order. What a whole batch
 * costs here is a fraction of what kafkajs takes for it; docs/architecture.md has the figures.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { noLogger, type EventsLogger, type KafkaConnection } from '../client.ts';
import type { OutgoingMessage, RecordSender } from '../sender.ts';
import { verdictOf } from './broker-errors.ts';
import { LinkLost } from './broker-link.ts';
import { Leaders, read } from './leaders.ts';
import { Partitions, type PartitionBatch } from './partition-batches.ts';
import type { ProducerId } from './record-batch.ts';
import {
  INIT_PRODUCER_ID, PRODUCE, readInitProducerId, readProduceResponse, writeInitProducerIdRequest, writeProduceRequest, type ProduceTopic,
} from './requests.ts';

/** How long a leader waits for its replicas, and how long it may be silent in all. */
const REPLICAS_TIMEOUT_MS = 5_000;
const PRODUCE_TIMEOUT_MS = 8_000;
const BACKOFF_MS = 100;

export class ProduceSender<M extends OutgoingMessage> implements RecordSender<M> {
  readonly #leaders: Leaders;
  readonly #logger: EventsLogger;
  readonly #partitions = new Partitions<M>();
  #producer: ProducerId | undefined;
  #connected = (): void => {};
  #closed = false;
  #complained = false;

  constructor(connection: KafkaConnection) {
    this.#leaders = new Leaders(connection);
    this.#logger = connection.logger ?? noLogger;
  }

  onConnected(listener: () => void): void {
    this.#connected = listener;
    this.#ready([]).catch(() => {}); // rejects only when closed first
  }

  async send(messages: readonly M[]): Promise<ReadonlySet<M>> {
    const refused = new Set<M>();
    const topics = [...new Set(messages.map(({ record }) => record.topic))];
    if (this.#producer === undefined || !topics.every((topic) => this.#leaders.of(topic))) await this.#ready(topics);
    else this.#leaders.refresh(performance.now());
    let batches = this.#partitions.sort(messages, (topic) => this.#leaders.of(topic)!.length);
    for (;;) {
      const troubled = await this.#round(batches, refused);
      batches = batches.filter(({ done }) => !done);
      if (batches.length === 0) return refused;
      if (!troubled) continue;
      await sleep(BACKOFF_MS);
      await this.#ready(topics);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leaders.close();
  }

  /** Asks for a producer's id and for who leads these topics, until both are known. */
  async #ready(topics: readonly string[]): Promise<void> {
    for (;;) {
      if (this.#closed) throw new LinkLost('the publisher is closed');
      try {
        await this.#leaders.ask(topics, performance.now());
        this.#producer ??= await this.#newProducer();
        if (topics.every((topic) => this.#leaders.of(topic))) return this.#reached();
        this.#complain('topics are missing', { topics });
      } catch (error) {
        this.#complain('Kafka is away, trying on', { err: error });
      }
      await sleep(BACKOFF_MS);
    }
  }

  async #newProducer(): Promise<ProducerId> {
    const { error, producer } = read(await this.#leaders.askAny(INIT_PRODUCER_ID, writeInitProducerIdRequest), readInitProducerId);
    if (error !== 0) throw new LinkLost(`no producer id: error ${error}`);
    return producer;
  }

  #reached(): void {
    this.#complained = false;
    this.#connected();
  }

  #complain(message: string, fields: object): void {
    this.#logger[this.#complained ? 'debug' : 'warn'](fields, message);
    this.#complained = true;
  }

  /** One request to each leader. Resolves when each was answered or lost, to whether something stood in the way. */
  async #round(batches: readonly PartitionBatch<M>[], refused: Set<M>): Promise<boolean> {
    const nowMs = Date.now();
    const nodes = new Map<number, PartitionBatch<M>[]>();
    for (const batch of batches) {
      batch.prepare(this.#producer!, nowMs);
      const leader = this.#leaders.of(batch.topic)?.[batch.index] ?? -1;
      const list = nodes.get(leader);
      if (list === undefined) nodes.set(leader, [batch]);
      else list.push(batch);
    }
    const leaderless = nodes.delete(-1);
    const troubles = await Promise.all(Array.from(nodes, ([node, list]) => this.#produce(node, list, refused)));
    return leaderless || troubles.includes(true);
  }

  async #produce(node: number, batches: readonly PartitionBatch<M>[], refused: Set<M>): Promise<boolean> {
    try {
      const { link, writer } = await this.#leaders.line(node);
      const response = await link.request(writer, PRODUCE, PRODUCE_TIMEOUT_MS, () => {
        writeProduceRequest(writer, REPLICAS_TIMEOUT_MS, byTopic(batches));
      });
      const errors = read(response, readProduceResponse);
      let troubled = false;
      for (const batch of batches) troubled = this.#judge(batch, errors(batch.topic, batch.index), refused) || troubled;
      return troubled;
    } catch (error) {
      if (this.#closed) throw error;
      this.#logger.debug({ err: error, node }, 'Kafka took no events, trying on');
      return true;
    }
  }

  /** Takes the answer to one batch; gives whether something stands in its way. */
  #judge(batch: PartitionBatch<M>, error: number, refused: Set<M>): boolean {
    const verdict = verdictOf(error);
    if (verdict === 'stored') {
      batch.stored();
      return false;
    }
    this.#logger.debug({ topic: batch.topic, partition: batch.index, error }, 'a batch was not taken');
    if (verdict === 'unacceptable') {
      const culprit = batch.divide();
      if (culprit !== undefined) refused.add(culprit);
      return false;
    }
    if (verdict === 'producer-unknown') this.#producer = undefined;
    return true;
  }
}

function byTopic<M extends OutgoingMessage>(batches: readonly PartitionBatch<M>[]): ProduceTopic[] {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  return Array.from(topics, ([name, partitions]) => ({ name, partitions }));
}
