/** Traffic that knows what was acknowledged, and the check that all of it was kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer, EventPublisher } from '@cluster/events';
import { expect } from 'vitest';
import { beginning } from './events-harness.ts';

const KEYS = 5;

/** Publishes numbered events of a few keys without pause, and knows which were acknowledged. */
export class EventTraffic {
  readonly resolved: string[] = [];
  readonly rejected: string[] = [];
  readonly #publisher: EventPublisher;
  readonly #topic: Topic;
  #next = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(publisher: EventPublisher, topic: Topic) {
    this.#publisher = publisher;
    this.#topic = topic;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    const calls: Promise<void>[] = [];
    while (this.#running) {
      const id = String(this.#next++);
      const record = { topic: this.#topic, key: `key-${Number(id) % KEYS}`, headers: {}, value: Buffer.from(id) };
      calls.push(this.#publisher.publish([record]).then(() => void this.resolved.push(id), () => void this.rejected.push(id)));
      await sleep(2);
    }
    await Promise.all(calls);
  }
}

/** Every record of the topic, from the beginning to its present end. Closes the consumer. */
export async function readAllEvents(consumer: EventConsumer, topic: Topic): Promise<ConsumedRecord[]> {
  const ends = (await consumer.ends([topic]))[topic]!;
  const total = Object.values(ends).reduce((sum, end) => sum + Number(end), 0);
  const records: ConsumedRecord[] = [];
  const complete = Promise.withResolvers<void>();
  await consumer.tail([topic], await beginning(consumer, topic), async (batch) => {
    records.push(...batch);
    if (records.length >= total) complete.resolve();
  });
  await complete.promise;
  await consumer.close();
  return records;
}

/** Nothing acknowledged is missing or doubled, and each key's acknowledged events are in order. */
export function expectEventsKept(traffic: EventTraffic, records: readonly ConsumedRecord[]): void {
  const acknowledged = new Set(traffic.resolved);
  const ids = records.map(({ value }) => Buffer.from(value).toString()).filter((id) => acknowledged.has(id));
  expect(new Set(ids)).toEqual(acknowledged);
  expect(ids).toHaveLength(acknowledged.size);
  for (let key = 0; key < KEYS; key++) {
    const ofKey = ids.map(Number).filter((id) => id % KEYS === key);
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
  }
}
