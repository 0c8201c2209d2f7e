/** The floor of an event: a plain kafkajs producer, idempotent and with acks=all, that sends records of a given size. */
import kafkajs from 'kafkajs';
import { serve } from '../child.ts';

/** A record as the edge published it. */
export interface SampleRecord {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly valueBase64: string;
}

export interface ProducerLoad {
  readonly brokers: readonly string[];
  readonly sample: SampleRecord;
  readonly records: number;
  /** Records in one produce request. */
  readonly batch: number;
}

const TOPIC = 'bench.floor';
const PARTITIONS = 12;
const KEYS = 4_096;

async function producer(brokers: readonly string[]): Promise<kafkajs.Producer> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'bench-floor', logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  const made = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await made.connect();
  return made;
}

let connected: Promise<kafkajs.Producer> | undefined;

const methods = {
  /** Sends the records, one request after the other, each when the one before is acknowledged. */
  async produce({ brokers, sample, records, batch }: ProducerLoad): Promise<{ cpuUs: number; elapsedMs: number }> {
    connected ??= producer(brokers);
    const { sendBatch } = await connected;
    const value = Buffer.from(sample.valueBase64, 'base64');
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    for (let sent = 0; sent < records; sent += batch) {
      const messages = Array.from({ length: Math.min(batch, records - sent) }, (_, i) => (
        { key: keyLike(sample.key, (sent + i) % KEYS), headers: sample.headers, value }
      ));
      await sendBatch({ acks: -1, topicMessages: [{ topic: TOPIC, messages }] });
    }
    const { user, system } = process.cpuUsage(cpu);
    return { cpuUs: user + system, elapsedMs: performance.now() - startMs };
  },
};
export type Producer = typeof methods;

/** A key of the same length for each device, so that the records spread over the partitions. */
function keyLike(key: string, n: number): string {
  const digits = String(n);
  return key.slice(0, Math.max(0, key.length - digits.length)) + digits;
}

serve(methods);
