import type { Topic } from '@cluster/contracts';
import { EventTraffic, expectEventsKept, readAllEvents, startKafka } from '@cluster/testing';
import { expect, test, vi } from 'vitest';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, kafkaDurability } from './index.ts';

const TIMEOUT = { timeout: 120_000 };

test('of three brokers one dies: what was acknowledged is kept, once and in order', TIMEOUT, async () => {
  const kafka = await startKafka({ brokers: 3 });
  const connection = { brokers: kafka.brokers, clientId: 'failover' };
  const topic = 'failover' as Topic;
  await ensureTopics({ ...connection, topics: [topic], partitions: 6 });
  expect(await kafkaDurability({ ...connection, topics: [topic] })).toEqual([]);

  const publisher = await connectKafkaPublisher({ ...connection, publishTimeoutMs: 1_000 });
  const traffic = new EventTraffic(publisher, topic);
  await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(100), TIMEOUT);
  await kafka.stopOne(1, 'SIGKILL');
  await vi.waitFor(() => expect(publisher.available).toBe(false), TIMEOUT);
  await vi.waitFor(() => expect(publisher.available).toBe(true), TIMEOUT);
  const before = traffic.resolved.length;
  await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(before + 500), TIMEOUT);
  await traffic.stop();

  expectEventsKept(traffic, await readAllEvents(connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' }), topic));
  await publisher.close();
  await kafka.stop();
});
