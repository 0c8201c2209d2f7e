/** Reads the cluster's topics with kafkajs, as any consumer outside the project would. */
import { randomUUID } from 'node:crypto';
import { streamedEvent, topics } from '@cluster/contracts';
import kafkajs, { type IHeaders } from 'kafkajs';
import { EventLog } from './event-log.ts';

/** A running consumer. */
export interface KafkaTap {
  readonly log: EventLog;
  close(): Promise<void>;
}

/** Reads the event topics from their beginning, in a group of its own; the topics exist once a server is ready. */
export async function openKafkaTap(brokers: readonly string[]): Promise<KafkaTap> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'conformance', logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `conformance-${randomUUID()}` });
  await consumer.connect();
  const names = [topics.registrations, topics.notifications, topics.sends, topics.commandResults];
  await consumer.subscribe({ topics: names, fromBeginning: true });
  const log = new EventLog('Kafka');
  await consumer.run({
    // kafkajs wants a promise
    eachMessage: async ({ message }) => {
      const headers = textsOf(message.headers);
      const data: unknown = JSON.parse(String(message.value));
      const { ce_id: id, ce_type: type, ce_time: time, ce_tenant: tenant } = headers; // CloudEvents Kafka binding 1.0 §3.2
      log.add(streamedEvent.parse({ id, type, time, tenant, endpoint: String(message.key), data }));
    },
  });
  return { log, close: () => consumer.disconnect() };
}

function textsOf(headers: IHeaders = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
