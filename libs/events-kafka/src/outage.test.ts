import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import { EventsUnavailable, type ConsumedRecord, type EventPublisher } from '@cluster/events';
import { startKafka, type KafkaHandle } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, kafkaDurability } from './index.ts';

const TIMEOUT = { timeout: 90_000 };
const KEYS = 5;

/** Publishes numbered events of a few keys without pause, and knows which were acknowledged. */
class Traffic {
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

async function readAll(kafka: KafkaHandle, topic: Topic): Promise<ConsumedRecord[]> {
  const consumer = connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' });
  const ends = (await consumer.ends([topic]))[topic]!;
  const total = Object.values(ends).reduce((sum, end) => sum + Number(end), 0);
  const from = { [topic]: Object.fromEntries(Object.keys(ends).map((partition) => [partition, '0'])) };
  const records: ConsumedRecord[] = [];
  const complete = Promise.withResolvers<void>();
  await consumer.tail([topic], from, async (batch) => {
    records.push(...batch);
    if (records.length >= total) complete.resolve();
  });
  await complete.promise;
  await consumer.close();
  return records;
}

/** Nothing acknowledged is missing or doubled, and each key's acknowledged events are in order. */
function expectKept(traffic: Traffic, records: readonly ConsumedRecord[]): void {
  const acknowledged = new Set(traffic.resolved);
  const ids = records.map(({ value }) => Buffer.from(value).toString()).filter((id) => acknowledged.has(id));
  expect(new Set(ids)).toEqual(acknowledged);
  expect(ids).toHaveLength(acknowledged.size);
  for (let key = 0; key < KEYS; key++) {
    const ofKey = ids.map(Number).filter((id) => id % KEYS === key);
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
  }
}

describe('one broker', TIMEOUT, () => {
  let kafka: KafkaHandle;
  const topic = 'outage' as Topic;
  beforeAll(async () => {
    kafka = await startKafka();
    await ensureTopics({ brokers: kafka.brokers, clientId: 'test', topics: [topic], partitions: 3 });
  }, TIMEOUT.timeout);
  afterAll(() => kafka.stop());

  test('a frozen broker: publishes reject in time, and all goes on by itself when it answers again', async () => {
    const publisher = await connectKafkaPublisher({ brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 1_000 });
    const changes: boolean[] = [];
    publisher.onAvailability((available) => changes.push(available));
    const traffic = new Traffic(publisher, topic);
    await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(100), TIMEOUT);

    kafka.pause();
    const pausedAtMs = performance.now();
    await vi.waitFor(() => expect(publisher.available).toBe(false), TIMEOUT);
    expect(performance.now() - pausedAtMs).toBeLessThan(1_500);
    await expect(publisher.publish([])).rejects.toBeInstanceOf(EventsUnavailable);
    await sleep(3_000);
    const before = traffic.resolved.length;
    kafka.resume();
    await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(before + 100), TIMEOUT);
    await traffic.stop();
    await publisher.close();

    expect(changes).toEqual([false, true]);
    expect(traffic.rejected.length).toBeGreaterThan(100);
    expectKept(traffic, await readAll(kafka, topic));
  });

  test('a broker that dies and comes back: the same, and the groups read on', async () => {
    const crashed = 'crashed' as Topic;
    await ensureTopics({ brokers: kafka.brokers, clientId: 'test', topics: [crashed], partitions: 3 });
    const publisher = await connectKafkaPublisher({ brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 1_000 });
    const consumer = connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'test' });
    const grouped = new Set<string>();
    await consumer.subscribe('crashed', [crashed], async (records) => {
      for (const { value } of records) grouped.add(Buffer.from(value).toString());
    });
    const traffic = new Traffic(publisher, crashed);
    await vi.waitFor(() => expect(grouped.size).toBeGreaterThan(100), TIMEOUT);

    await kafka.stopOne(0, 'SIGKILL');
    await vi.waitFor(() => expect(publisher.available).toBe(false), TIMEOUT);
    await kafka.startOne(0);
    await vi.waitFor(() => expect(publisher.available).toBe(true), TIMEOUT);
    await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(500), TIMEOUT);
    await traffic.stop();

    expectKept(traffic, await readAll(kafka, crashed));
    await vi.waitFor(() => expect(traffic.resolved.filter((id) => !grouped.has(id))).toEqual([]), TIMEOUT);
    await Promise.all([publisher.close(), consumer.close()]);
  });

  test('a buffer that is full refuses at once', async () => {
    const publisher = await connectKafkaPublisher({
      brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 5_000, maxBufferedBytes: 100_000,
    });
    kafka.pause();
    const record = { topic, key: 'k', headers: {}, value: new Uint8Array(60_000) };
    const waiting = publisher.publish([record]);
    await expect(publisher.publish([record])).rejects.toMatchObject({ code: 'EVENTS_UNAVAILABLE' });
    kafka.resume();
    await waiting;
    await publisher.close();
  });

  test('what is weaker than three replicas is named', async () => {
    expect(await kafkaDurability({ brokers: kafka.brokers, clientId: 'test', topics: [topic] })).toEqual([
      'outage: replication factor 1, below 3', 'outage: min.insync.replicas 1, below 2',
    ]);
  });
});

describe('no broker yet', TIMEOUT, () => {
  test('publisher and tail wait for Kafka, which comes later', async () => {
    const kafka = await startKafka();
    const topic = 'later' as Topic;
    await ensureTopics({ brokers: kafka.brokers, clientId: 'test', topics: [topic] });
    await kafka.stopOne(0);

    const publisher = await connectKafkaPublisher({ brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 300 });
    expect(publisher.available).toBe(false);
    const consumer = connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'test' });
    const seen = Promise.withResolvers<void>();
    const tail = consumer.tail([topic], {}, async () => seen.resolve());
    await expect(consumer.ends([topic])).rejects.toBeInstanceOf(EventsUnavailable);

    await kafka.startOne(0);
    await Promise.all([tail, vi.waitFor(() => expect(publisher.available).toBe(true), TIMEOUT)]);
    await publisher.publish([{ topic, key: 'k', headers: {}, value: Buffer.from('first') }]);
    await seen.promise;
    await Promise.all([publisher.close(), consumer.close()]);
    await kafka.stop();
  });
});
