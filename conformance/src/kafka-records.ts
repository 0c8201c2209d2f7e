/** Every record that topics hold now, read with kafkajs as any consumer outside the project would. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@cluster/contracts';
import kafkajs from 'kafkajs';

export interface KafkaRecord {
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Reads each partition up to where it ended when it was asked. A `socketFactory` leads to brokers whose names are not known here. */
export async function readRecords(brokers: readonly string[], topics: readonly Topic[], socketFactory?: kafkajs.ISocketFactory): Promise<KafkaRecord[]> {
  const access = { brokers: [...brokers], ...(socketFactory && { socketFactory }) };
  const kafka = new kafkajs.Kafka({ ...access, clientId: 'ledger', logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 30, maxRetryTime: 1_000 } });
  const open = await openPartitions(kafka, topics);
  const consumer = kafka.consumer({ groupId: `ledger-${randomUUID()}` });
  const records: KafkaRecord[] = [];
  const over = Promise.withResolvers<void>();
  if (open.size === 0) return records;
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        records.push(recordOf(topic, message));
        const end = open.get(`${topic} ${partition}`);
        if (end !== undefined && BigInt(message.offset) + 1n >= end) open.delete(`${topic} ${partition}`);
        if (open.size === 0) over.resolve();
      },
    });
    await over.promise;
    return records;
  } finally {
    await consumer.disconnect();
  }
}

/** The ends of the partitions that are not empty. */
async function openPartitions(kafka: kafkajs.Kafka, topics: readonly Topic[]): Promise<Map<string, bigint>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const ends = await Promise.all(topics.map(async (topic) => {
      const offsets = await offsetsOf(admin, topic);
      return offsets.map(({ partition, low, high }) => ({ name: `${topic} ${partition}`, low: BigInt(low), high: BigInt(high) }));
    }));
    return new Map(ends.flat().filter(({ low, high }) => high > low).map(({ name, high }) => [name, high]));
  } finally {
    await admin.disconnect();
  }
}

/** A broker that has just come back may lead nothing yet. */
async function offsetsOf(admin: kafkajs.Admin, topic: Topic): ReturnType<kafkajs.Admin['fetchTopicOffsets']> {
  for (let left = 50; ; left--) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      if (left === 0 || (error as { type?: string }).type !== 'NOT_LEADER_FOR_PARTITION') throw error;
      await sleep(200);
    }
  }
}

function recordOf(topic: string, { key, value, headers = {} }: kafkajs.KafkaMessage): KafkaRecord {
  const data = JSON.parse(String(value)) as Record<string, unknown>;
  return { topic, key: String(key), id: String(headers['ce_id']), type: String(headers['ce_type']), data };
}
