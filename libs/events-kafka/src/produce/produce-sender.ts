/**
 * An idempotent producer that waits for all in-sync replicas, with one batch a partition under way: whatever happens to
 * brokers and connections, it sends the same batches again until each is stored, once and in order. What a whole batch
 * costs here is a fraction of what kafkajs takes for it; docs/architecture.md has the figures.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { noLogger, type EventsLogger, type KafkaConnection } from '../client.ts';
import type { OutgoingMessage, RecordSender, Refusal } from '../sender.ts';
import type { TopicMaker } from '../topic-keeper.ts';
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
const EPOCHS = 0x7fff;
/** How often missing topics are looked for; the topic maker has a pace of its own. */
const LOOK_MS = 500;

export class ProduceSender<M extends OutgoingMessage> implements RecordSender<M> {
  readonly #leaders: Leaders;
  readonly #logger: EventsLogger;
  readonly #topicMaker: TopicMaker | undefined;
  readonly #partitions = new Partitions<M>();
  #producer: ProducerId | undefined;
  #connected = (): void => {};
  #missing: ReadonlySet<string> = new Set();
  #missingChanged = (): void => {};
  #mending = false;
  #closed = false;
  #complained = false;

  constructor(connection: KafkaConnection) {
    this.#leaders = new Leaders(connection, () => this.#asked());
    this.#logger = connection.logger ?? noLogger;
    this.#topicMaker = connection.topicMaker;
  }

  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  onMissing(listener: () => void): void {
    this.#missingChanged = listener;
  }

  onConnected(listener: () => void): void {
    this.#connected = listener;
    this.#start().catch(() => {}); // rejects only when closed first
  }

  async send(messages: readonly M[]): Promise<ReadonlyMap<M, Refusal>> {
    const refusals = new Map<M, Refusal>();
    const topics = [...new Set(messages.map(({ record }) => record.topic))];
    if (this.#producer === undefined || !topics.every((topic) => this.#leaders.of(topic))) await this.#ready(topics);
    else this.#leaders.refresh(performance.now());
    let batches = this.#sort(messages, refusals);
    while (batches.length > 0) {
      const troubled = await this.#round(batches, refusals);
      batches = batches.filter(({ done }) => !done);
      if (!troubled || batches.length === 0) continue;
      await sleep(BACKOFF_MS);
      await this.#ready(topics);
      batches = await this.#fit(batches, topics, refusals);
      this.#reached();
    }
    return refusals;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leaders.close();
  }

  /** Sorts messages by partition; those of missing topics are refused. */
  #sort(messages: readonly M[], refusals: Map<M, Refusal>): PartitionBatch<M>[] {
    const partitionsOf = (topic: string): number => this.#leaders.of(topic)?.length ?? 0;
    const there = this.#missing.size === 0 ? messages : messages.filter(({ record }) => partitionsOf(record.topic) > 0);
    if (there.length < messages.length) {
      for (const message of messages) if (partitionsOf(message.record.topic) === 0) refusals.set(message, 'missing');
    }
    return this.#partitions.sort(there, partitionsOf);
  }

  /**
   * Sorts anew what is for partitions that are there no more: its topic is gone, or was made again with fewer of them. An
   * attempt of it may have been stored, and its sequence numbers with it, so a new producer goes on.
   */
  async #fit(batches: PartitionBatch<M>[], topics: readonly string[], refusals: Map<M, Refusal>): Promise<PartitionBatch<M>[]> {
    const gone = batches.filter(({ topic, index }) => index >= (this.#leaders.of(topic)?.length ?? 0));
    if (gone.length === 0) return batches;
    const messages = gone.flatMap((batch) => batch.clear());
    const moved = this.#sort(messages, refusals);
    this.#producer = undefined;
    await this.#ready(topics);
    return [...batches.filter((batch) => !gone.includes(batch)), ...moved];
  }

  /** Waits for Kafka, and for one attempt to make what is missing: who comes first shall not be refused for it. */
  async #start(): Promise<void> {
    const topics = this.#topicMaker?.topics ?? [];
    await this.#ready(topics);
    if (this.#missing.size > 0) {
      await this.#topicMaker?.make([...this.#missing]);
      await this.#ready(topics);
    }
    this.#reached();
  }

  /** Sees what is missing now, and has it made. */
  #asked(): void {
    const before = this.#missing;
    this.#missing = this.#leaders.missing;
    const gone = [...this.#missing].filter((topic) => !before.has(topic));
    if (gone.length === 0 && before.size === this.#missing.size) return;
    if (gone.length > 0) this.#logger.warn({ topics: gone }, 'topics are missing: their events are refused');
    this.#missingChanged();
    if (!this.#mending && this.#missing.size > 0) void this.#mend();
  }

  async #mend(): Promise<void> {
    this.#mending = true;
    while (this.#missing.size > 0 && !this.#closed) {
      await this.#topicMaker?.make([...this.#missing]);
      await this.#leaders.ask([], performance.now()).catch(() => {}); // asked again, as long as something is missing
      if (this.#missing.size > 0) await sleep(LOOK_MS, undefined, { ref: false });
    }
    this.#mending = false;
  }

  /** Asks for a producer's id and for who leads these topics, until both are known. */
  async #ready(topics: readonly string[]): Promise<void> {
    for (;;) {
      if (this.#closed) throw new LinkLost('the publisher is closed');
      try {
        await this.#leaders.ask(topics, performance.now());
        this.#producer ??= await this.#newProducer();
        if (topics.every((topic) => this.#leaders.of(topic))) return;
        this.#complain('topics are not known yet', { topics });
      } catch (error) {
        this.#complain('Kafka is away, trying on', { err: error });
      }
      await sleep(BACKOFF_MS);
    }
  }

  async #newProducer(): Promise<ProducerId> {
    const { error, producer } = read(await this.#leaders.askAny(INIT_PRODUCER_ID, writeInitProducerIdRequest), readInitProducerId);
    if (error !== 0) throw new LinkLost(`no producer id: error ${error}`);
    // Brokers that lost their disks give out the same ids again. The epoch is the producer's own as long as it has no
    // transactions (KIP-360), so one drawn here keeps two producers of one id from taking each other's batches for repeats.
    return { id: producer.id, epoch: randomInt(EPOCHS) };
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
  async #round(batches: readonly PartitionBatch<M>[], refusals: Map<M, Refusal>): Promise<boolean> {
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
    const troubles = await Promise.all(Array.from(nodes, ([node, list]) => this.#produce(node, list, refusals)));
    return leaderless || troubles.includes(true);
  }

  async #produce(node: number, batches: readonly PartitionBatch<M>[], refusals: Map<M, Refusal>): Promise<boolean> {
    try {
      const { link, writer } = await this.#leaders.line(node);
      const response = await link.request(writer, PRODUCE, PRODUCE_TIMEOUT_MS, () => {
        writeProduceRequest(writer, REPLICAS_TIMEOUT_MS, byTopic(batches));
      });
      const errors = read(response, readProduceResponse);
      let troubled = false;
      for (const batch of batches) troubled = this.#judge(batch, errors(batch.topic, batch.index), refusals) || troubled;
      return troubled;
    } catch (error) {
      if (this.#closed) throw error;
      this.#logger.debug({ err: error, node }, 'Kafka took no events, trying on');
      return true;
    }
  }

  /** Takes the answer to one batch; gives whether something stands in its way. */
  #judge(batch: PartitionBatch<M>, error: number, refusals: Map<M, Refusal>): boolean {
    const verdict = verdictOf(error);
    if (verdict === 'stored') {
      batch.stored();
      return false;
    }
    this.#logger.debug({ topic: batch.topic, partition: batch.index, error }, 'a batch was not taken');
    if (verdict === 'unacceptable') {
      const culprit = batch.divide();
      if (culprit !== undefined) refusals.set(culprit, 'refused');
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
