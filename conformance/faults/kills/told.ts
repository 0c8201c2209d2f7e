/** What Kafka holds of the devices after a run: which values were told, and whether one of them was told as two events. */
import { eventTypes, topics } from '@cluster/contracts';
import type { ISocketFactory } from 'kafkajs';
import { readRecords, type KafkaRecord } from '../../src/kafka-records.ts';

export interface Told {
  /** Whether this value of the endpoint is there, from a notification or a Send. */
  has(endpoint: string, value: number): boolean;
  /** Notifications and Sends that stand there with two ids: each happened once at its device. */
  readonly doubled: readonly string[];
  /** Records that repeat an id. */
  readonly repeats: number;
}

export async function readTold(brokers: readonly string[], socketFactory?: ISocketFactory): Promise<Told> {
  const records = await readRecords(brokers, [topics.notifications, topics.sends], socketFactory);
  const values = new Set(records.flatMap((record) => valuesOf(record).map((value) => `${record.key} ${value}`)));
  const ids = Map.groupBy(records.flatMap((record) => causesOf(record).map((cause) => ({ cause, id: record.id }))), ({ cause }) => cause);
  const doubled = [...ids].filter(([, all]) => new Set(all.map(({ id }) => id)).size > 1).map(([cause]) => cause);
  const unique = new Set(records.map(({ type, id }) => `${type} ${id}`)).size;
  return { has: (endpoint, value) => values.has(`${endpoint} ${value}`), doubled, repeats: records.length - unique };
}

function valuesOf({ data }: KafkaRecord): string[] {
  return ((data['values'] ?? []) as { value: unknown }[]).map(({ value }) => String(value));
}

/** What happened once at the device. The first Observe value is of the answer to the request, whose value may be told again. */
function causesOf(record: KafkaRecord): string[] {
  const { type, key, data } = record;
  const observe = Number(data['observe'] ?? 0);
  if (type === eventTypes.send || (type === eventTypes.notification && observe > 1)) return valuesOf(record).map((value) => `${key} ${observe} ${value}`);
  return [];
}
