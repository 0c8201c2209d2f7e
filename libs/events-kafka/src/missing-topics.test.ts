/** Topics that go while they are used, on a real broker: deleted, made smaller, or lost with its disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import type { EventPublisher } from '@cluster/events';
import { EventTraffic, expectEventsKept, readAllEvents, startKafka, type KafkaHandle } from '@cluster/testing';
import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, TopicKeeper, type TopicPlan } from './index.ts';

const TIMEOUT = { timeout: 90_000 };

let kafka: KafkaHandle;
let admin: Admin;
beforeAll(async () => {
  kafka = await startKafka();
  admin = new kafkajs.Kafka({ brokers: [...kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
}, TIMEOUT.timeout);
afterAll(async () => {
  await admin.disconnect();
  await kafka.stop();
});

const planOf = (...topics: string[]): TopicPlan => ({ brokers: kafka.brokers, clientId: 'test', topics, partitions: 3 });
async function publisherOf(plan: TopicPlan): Promise<EventPublisher> {
  const publisher = await connectKafkaPublisher({ ...plan, publishTimeoutMs: 1_000, topicMaker: new TopicKeeper(plan) });
  await vi.waitFor(() => expect(publisher.available).toBe(true), TIMEOUT);
  return publisher;
}
const readAll = (topic: Topic) => readAllEvents(connectKafkaConsumer({ brokers: kafka.brokers, clientId: 'reader' }), topic);
const event = (topic: Topic, text: string) => ({ topic, key: 'k', headers: {}, value: Buffer.from(text) });

test('who comes first finds the topics made', TIMEOUT, async () => {
  const topic = 'first' as Topic;
  const publisher = await publisherOf(planOf(topic));
  expect([...publisher.missing!]).toEqual([]);
  await publisher.publish([event(topic, 'x')]);
  await publisher.close();
});

test('a topic that is deleted under traffic is made again; another one goes on meanwhile', TIMEOUT, async () => {
  const [gone, kept] = ['gone' as Topic, 'kept' as Topic];
  // Partitions go one after the other: with one, what is taken after the first refusal is in the new topic.
  const publisher = await publisherOf({ ...planOf(gone, kept), partitions: 1 });
  const [lost, steady] = [new EventTraffic(publisher, gone), new EventTraffic(publisher, kept)];
  await vi.waitFor(() => expect(lost.resolved.length).toBeGreaterThan(50), TIMEOUT);
  await admin.deleteTopics({ topics: [gone] });
  await vi.waitFor(() => expect(lost.rejected.length).toBeGreaterThan(0), TIMEOUT);
  const before = lost.resolved.length;
  await vi.waitFor(() => expect(lost.resolved.length).toBeGreaterThan(before + 50), TIMEOUT);
  await Promise.all([lost.stop(), steady.stop()]);
  await publisher.close();

  expect(steady.rejected).toEqual([]);
  expectEventsKept(steady, await readAll(kept));
  const read = new Set((await readAll(gone)).map(({ value }) => String(value)));
  expect(lost.resolved.slice(before + 1).filter((id) => !read.has(id))).toEqual([]);
});

test('where nobody makes it, its events alone are refused until it is there', TIMEOUT, async () => {
  const [absent, there] = ['absent' as Topic, 'there' as Topic];
  await ensureTopics(planOf(there));
  const publisher = await publisherOf({ ...planOf(absent, there), create: false });
  expect([...publisher.missing!]).toEqual([absent]);
  const heard = Promise.withResolvers<void>();
  publisher.onAvailability(() => heard.resolve());
  await expect(publisher.publish([event(absent, 'x')])).rejects.toMatchObject({ code: 'EVENTS_UNAVAILABLE', reason: 'missing' });
  await publisher.publish([event(there, 'x')]);
  expect((await admin.listTopics()).includes(absent)).toBe(false);

  await ensureTopics(planOf(absent));
  await heard.promise;
  expect([...publisher.missing!]).toEqual([]);
  await publisher.publish([event(absent, 'x')]);
  await publisher.close();
});

test('a topic made again with fewer partitions under traffic takes it on', TIMEOUT, async () => {
  const topic = 'shrunk' as Topic;
  await ensureTopics({ ...planOf(topic), partitions: 6 });
  const publisher = await publisherOf({ ...planOf(topic), create: false });
  const traffic = new EventTraffic(publisher, topic);
  await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(50), TIMEOUT);
  kafka.pause(); // a batch is under way
  await sleep(200);
  kafka.resume();
  await admin.deleteTopics({ topics: [topic] });
  await ensureTopics({ ...planOf(topic), partitions: 2 });
  const before = traffic.resolved.length;
  await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(before + 100), TIMEOUT);
  await traffic.stop();
  await publisher.close();
  expect(new Set((await readAll(topic)).map(({ partition }) => partition))).toEqual(new Set([0, 1]));
});

test('a broker that comes back without its disk: events go on, and group and tail read them', TIMEOUT, async () => {
  const topic = 'wiped' as Topic;
  const plan = planOf(topic);
  await ensureTopics(plan);
  const publisher = await publisherOf(plan);
  const consumer = connectKafkaConsumer({ ...plan, topicMaker: new TopicKeeper(plan) });
  const [grouped, tailed] = [new Set<string>(), new Set<string>()];
  const into = (read: Set<string>) => async (records: readonly { value: Uint8Array }[]) => {
    for (const { value } of records) read.add(String(value));
  };
  await consumer.subscribe('wiped', [topic], into(grouped));
  await consumer.tail([topic], {}, into(tailed));
  const traffic = new EventTraffic(publisher, topic);
  await vi.waitFor(() => expect(Math.min(grouped.size, tailed.size)).toBeGreaterThan(100), TIMEOUT);

  await kafka.wipe();
  const from = traffic.resolved.length;
  await vi.waitFor(() => expect(traffic.resolved.length).toBeGreaterThan(from + 500), TIMEOUT);
  await traffic.stop();
  const after = traffic.resolved.slice(from);
  await vi.waitFor(() => expect(after.filter((id) => !grouped.has(id))).toEqual([]), TIMEOUT);
  await vi.waitFor(() => expect(tailed.has(after.at(-1)!)).toBe(true), TIMEOUT);
  await Promise.all([publisher.close(), consumer.close()]);
});
