/** Replicas as they run in a cluster: wired to a real Redis and a real Kafka. */
import { randomUUID } from 'node:crypto';
import { loadConfig } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { connectKafkaConsumer, connectKafkaPublisher } from '@cluster/events-kafka';
import type { EventPublisher } from '@cluster/events';
import { createLogger, Metrics } from '@cluster/telemetry';
import { useBrokers } from '@cluster/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadLetterTopic } from './consumers/dead-letter-topics.ts';
import { startRegistry } from './start.ts';
import { EventSourceReader } from './testing/event-source.ts';
import { event, notification, registration } from './testing/events.ts';
import { wireRegistry } from './wire.ts';

const TIMEOUT_MS = 120_000;
const log = createLogger({ service: 'test', level: 'silent' });
const endpoint = `urn:uuid:${randomUUID()}`;
const closing: (() => Promise<void>)[] = [];
let brokers: readonly string[];
let publisher: EventPublisher;

beforeAll(async () => {
  ({ kafkaBrokers: brokers } = await useBrokers());
  publisher = await connectKafkaPublisher({ brokers, clientId: 'test' });
}, TIMEOUT_MS);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await publisher.close();
}, TIMEOUT_MS);

/** Starts a replica; resolves with its base URL when it is ready. */
async function replica(): Promise<string> {
  const { redisUrls, kafkaBrokers } = await useBrokers();
  const environment = { REDIS_URL: redisUrls.join(), KAFKA_BROKERS: kafkaBrokers.join(), LWM2M_HTTP_PORT: '0' };
  const config = loadConfig(environment, { kind: 'registry' });
  const wired = await wireRegistry(config, log);
  const registry = await startRegistry(config, wired.ports, new Metrics(), log);
  closing.push(async () => {
    await registry.close();
    await wired.close();
  });
  const url = `http://127.0.0.1:${registry.port}`;
  await expect.poll(async () => (await fetch(`${url}/health/ready`)).status, { timeout: 60_000, interval: 200 }).toBe(200);
  return url;
}

const values = (reader: EventSourceReader) =>
  reader.messages.map((message) => (message.data.data as { values: { value: number }[] }).values[0]?.value);

test('a reader goes on at a replica that started after it left: nothing is missing, nothing comes twice', async () => {
  const query = `/api/v1/events?type=lwm2m.notification&endpoint=${endpoint}`;
  const first = await EventSourceReader.open((await replica()) + query);
  await first.until(() => first.lastEventId !== '');
  await publisher.publish([1, 2, 3].map((value) => notification(endpoint, value)));
  await first.take(3);
  first.close();
  await publisher.publish([4, 5].map((value) => notification(endpoint, value)));
  const second = await EventSourceReader.open((await replica()) + query, { 'last-event-id': first.messages[1]?.id ?? '' });
  await second.take(3);
  await publisher.publish([6, 7].map((value) => notification(endpoint, value)));
  await second.take(5);
  expect(values(first)).toEqual([1, 2, 3]);
  expect(values(second)).toEqual([3, 4, 5, 6, 7]);
  second.close();
}, TIMEOUT_MS);

test('what devices reported is in the read model of every replica', async () => {
  const url = await replica();
  await publisher.publish([registration(endpoint), notification(endpoint, 42, { receivedAt: new Date().toISOString() })]);
  const last = async () => (await fetch(`${url}/api/v1/endpoints/${endpoint}/values`)).json();
  await expect.poll(last, { timeout: 60_000, interval: 200 }).toMatchObject([{ path: '/3303/0/5700', value: 42 }]);
  const cursor = Buffer.from(endpoint.slice(0, -1)).toString('base64url');
  const page = async () => (await fetch(`${url}/api/v1/endpoints?limit=1&cursor=${cursor}`)).json();
  await expect.poll(page, { timeout: 60_000, interval: 200 }).toMatchObject({ endpoints: [{ endpoint, state: 'registered' }] });
}, TIMEOUT_MS);

test('what can not be understood is kept in its dead-letter topic', async () => {
  await replica();
  const consumer = connectKafkaConsumer({ brokers, clientId: 'test' });
  const buried = Promise.withResolvers<Readonly<Record<string, string>>>();
  const topic = deadLetterTopic(topics.sends) as typeof topics.sends;
  await consumer.tail([topic], {}, async (records) => {
    for (const record of records) if (record.key === endpoint) buried.resolve(record.headers);
  });
  await publisher.publish([event(topics.sends, 'no.such.type', endpoint, {})]);
  expect(await buried.promise).toMatchObject({ ce_type: 'no.such.type', dead_letter_reason: 'unknown-type: ce_type' });
  await consumer.close();
}, TIMEOUT_MS);
