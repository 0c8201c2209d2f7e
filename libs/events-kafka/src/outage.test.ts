import { setImmediate as turnOver, setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import { EventsUnavailable } from '@cluster/events';
import { EventTraffic, expectEventsKept, readAllEvents, startKafka, type KafkaHandle } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, kafkaDurability } from './index.ts';

const TIMEOUT = { timeout: 90_000 };

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
    const traffic = new EventTraffic(publisher, topic);
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
    expectEventsKept(traffic, await readAllEvents(connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' }), topic));
  });

  test('an acknowledgement that came while this process stood still is taken: nobody was away', async () => {
    const publisher = await connectKafkaPublisher({ brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 1_000 });
    const changes: boolean[] = [];
    publisher.onAvailability((available) => changes.push(available));
    const publish = () => publisher.publish([{ topic, key: 'k', headers: {}, value: Buffer.from('x') }]);
    await publish(); // the partition's leader is known
    const acknowledged = publish();
    for (let turn = 0; turn < 5; turn++) await turnOver(); // it has left
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
    await acknowledged;
    await publish();
    expect(changes).toEqual([]);
    await publisher.close();
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
    const traffic = new EventTraffic(publisher, crashed);
    await vi.waitFor(() => expect(grouped.size).toBeGreaterThan(100), TIMEOUT);

    await kafka.stopOne(0, 'SIGKILL');
    await vi.waitFor(() => expect(publisher.available).toBe(false), TIMEOUT);
    await kafka.startOne(0);
    await vi.waitFor(() => expect(publisher.available).toBe(true), TIMEOUT);
    await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(500), TIMEOUT);
    await traffic.stop();

    expectEventsKept(traffic, await readAllEvents(connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' }), crashed));
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

  test('a batch above the limit of its topic is divided, a record above it is refused alone', async () => {
    const narrow = 'narrow' as Topic;
    const connection = { brokers: kafka.brokers, clientId: 'test' };
    await ensureTopics({ ...connection, topics: [narrow], partitions: 1, config: { 'max.message.bytes': '2000' } });
    const publisher = await connectKafkaPublisher({ ...connection, publishTimeoutMs: 20_000 });
    const record = (bytes: number) => ({ topic: narrow, key: 'k', headers: {}, value: new Uint8Array(bytes) });
    const outcomes = await Promise.allSettled([
      publisher.publish(Array.from({ length: 8 }, () => record(500))), publisher.publish([record(3_000)]), publisher.publish([record(501)]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await readAllEvents(connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' }), narrow)).map(({ value }) => value.length)).toEqual([...Array(8).fill(500), 501]);
    expect(publisher.available).toBe(true);
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
    // A broker that has just come up may take longer than 300 ms for its first record.
    await vi.waitFor(() => publisher.publish([{ topic, key: 'k', headers: {}, value: Buffer.from('first') }]), TIMEOUT);
    await seen.promise;
    await Promise.all([publisher.close(), consumer.close()]);
    await kafka.stop();
  });
});
