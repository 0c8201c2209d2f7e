/**
 * CPU time of one record through the publisher, next to a plain kafkajs producer in the same run. Starts its own broker,
 * and a process for each of the two.
 * Run: node --conditions=@cluster/source libs/events-kafka/bench/publish.bench.ts
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventRecord } from '@cluster/events';
import { startKafka } from '@cluster/testing';
import kafkajs from 'kafkajs';

const RECORDS = 60_000;
const TICK_MS = 5;

/** Takes the records of one tick. */
type Publish = (records: readonly EventRecord[]) => Promise<unknown>;

const endpoints = Array.from({ length: 5_000 }, (_, index) => `urn:imei:${86_000_000_000_000 + index}`);

function record(index: number): EventRecord {
  const endpoint = endpoints[index % endpoints.length]!;
  return buildEvent({
    topic: topics.notifications, type: eventTypes.notification, id: `id-${index}`, source: '/lwm2m/edge/bench', endpoint,
    tenant: 'default', timeMs: 1_760_000_000_000, generation: 1, fence: 1, sessionVersion: index,
    data: { endpoint, registrationId: 'AAECAwQFBgcICQoL', paths: ['/3/0/9'], receivedAt: '', values: [{ path: '/3/0/9', value: 87, type: 'integer' }] },
  });
}

/** Publishes all records, so many a tick; gives CPU µs a record and how many went in a second. */
async function measure(publish: Publish, perTick: number, pace: boolean): Promise<{ cpuUs: number; perSecond: number }> {
  const records = Array.from({ length: RECORDS }, (_, index) => record(index));
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let sent = 0, tick = 1; sent < RECORDS; sent += perTick, tick++) {
    calls.push(publish(records.slice(sent, sent + perTick)));
    if (pace) await new Promise((resolve) => setTimeout(resolve, Math.max(1, startMs + tick * TICK_MS - performance.now())));
    else if (calls.length % 8 === 0) await calls.at(-4);
  }
  await Promise.all(calls);
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: (user + system) / RECORDS, perSecond: RECORDS / ((performance.now() - startMs) / 1_000) };
}

/** The two ways to publish, by name. */
const ways: Record<string, (brokers: string[]) => Promise<{ publish: Publish; close: () => Promise<void> }>> = {
  async publisher(brokers) {
    const { connectKafkaPublisher } = await import('../src/index.ts');
    const publisher = await connectKafkaPublisher({ brokers, clientId: 'bench', publishTimeoutMs: 10_000 });
    return { publish: (records) => publisher.publish(records), close: () => publisher.close() };
  },
  async 'plain kafkajs'(brokers) {
    const client = new kafkajs.Kafka({ brokers, clientId: 'bench', logLevel: kafkajs.logLevel.NOTHING });
    const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
    const producer = client.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner });
    await producer.connect();
    const toMessage = ({ key, headers, value }: EventRecord) => ({ key, headers, value: Buffer.from(value) });
    return {
      publish: (records) => producer.sendBatch({
        topicMessages: [{ topic: topics.notifications, messages: records.map(toMessage) }],
      }),
      close: () => producer.disconnect(),
    };
  },
};

async function run(name: string, brokers: string[]): Promise<void> {
  const { publish, close } = await ways[name]!(brokers);
  await measure(publish, 500, false); // warm-up
  for (const [load, perTick, pace] of [['20k/s', 100, true], ['full speed', 500, false]] as const) {
    const { cpuUs, perSecond } = await measure(publish, perTick, pace);
    console.log(`${name.padEnd(14)} ${load.padEnd(11)} ${cpuUs.toFixed(1)} µs CPU a record, ${Math.round(perSecond)}/s`);
  }
  await close();
}

async function main(): Promise<void> {
  const { ensureTopics } = await import('../src/index.ts');
  const kafka = await startKafka();
  await ensureTopics({ brokers: kafka.brokers, clientId: 'bench', topics: [topics.notifications], partitions: 12 });
  for (const name of Object.keys(ways)) {
    const child = fork(import.meta.filename, [name, ...kafka.brokers]);
    await once(child, 'exit');
  }
  await kafka.stop();
}

const [way, ...brokers] = process.argv.slice(2);
await (way === undefined ? main() : run(way, brokers));
