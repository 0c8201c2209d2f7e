/** What is to be sent, sorted by partition: one batch at a time for each, with the sequence numbers of its producer. */
import { partitionOf } from '../partition.ts';
import type { OutgoingMessage } from '../sender.ts';
import { writeBatch, type ProducerId } from './record-batch.ts';
import type { RequestWriter } from './request-writer.ts';
import type { ProducePartition } from './requests.ts';

/** Sequence numbers go round. */
const SEQUENCES = 0x8000_0000;

/** A partition that this producer sends to, with what of one call is not stored yet. */
export class PartitionBatch<M extends OutgoingMessage> implements ProducePartition {
  readonly topic: string;
  readonly index: number;
  #sequence = 0;
  #messages: M[] = [];
  /** What was divided from the batch, and comes after it. */
  #rest: M[][] = [];
  #producer: ProducerId | undefined;
  #timestampMs = 0;

  constructor(topic: string, index: number) {
    this.topic = topic;
    this.index = index;
  }

  add(message: M): void {
    this.#messages.push(message);
  }

  get done(): boolean {
    return this.#messages.length === 0;
  }

  /** Gives what is not stored yet, in order, and forgets it. An attempt of it may have been stored all the same. */
  clear(): M[] {
    const messages = [...this.#messages, ...this.#rest.flat()];
    this.#messages = [];
    this.#rest = [];
    return messages;
  }

  /** Sets who sends what is to be written, and when. Sequence numbers of another producer begin anew. */
  prepare(producer: ProducerId, nowMs: number): void {
    if (this.#producer !== producer) this.#sequence = 0;
    this.#producer = producer;
    this.#timestampMs = nowMs;
  }

  /** Writes the batch, the same each time until it is stored. */
  writeRecords(writer: RequestWriter): void {
    const head = { producer: this.#producer!, sequence: this.#sequence, timestampMs: this.#timestampMs };
    writeBatch(writer, head, this.#messages.map(({ record }) => record));
  }

  /** The batch is stored. */
  stored(): void {
    this.#sequence = (this.#sequence + this.#messages.length) % SEQUENCES;
    this.#messages = this.#rest.shift() ?? [];
  }

  /** The batch will never be taken as it is: halves it. Gives the culprit once it stands alone. */
  divide(): M | undefined {
    if (this.#messages.length > 1) {
      this.#rest.unshift(this.#messages.splice(this.#messages.length >> 1));
      return undefined;
    }
    const culprit = this.#messages[0];
    this.#messages = this.#rest.shift() ?? [];
    return culprit;
  }
}

/** The partitions that this producer has sent to. */
export class Partitions<M extends OutgoingMessage> {
  readonly #byTopic = new Map<string, (PartitionBatch<M> | undefined)[]>();

  /** Adds messages to their partitions' batches; gives those that have some now. */
  sort(messages: readonly M[], partitionsOf: (topic: string) => number): PartitionBatch<M>[] {
    const filled: PartitionBatch<M>[] = [];
    for (const message of messages) {
      const { topic, key } = message.record;
      const batch = this.#at(topic, partitionOf(key, partitionsOf(topic)));
      if (batch.done) filled.push(batch);
      batch.add(message);
    }
    return filled;
  }

  at(topic: string, index: number): PartitionBatch<M> | undefined {
    return this.#byTopic.get(topic)?.[index];
  }

  #at(topic: string, index: number): PartitionBatch<M> {
    let batches = this.#byTopic.get(topic);
    if (batches === undefined) this.#byTopic.set(topic, (batches = []));
    return (batches[index] ??= new PartitionBatch<M>(topic, index));
  }
}
