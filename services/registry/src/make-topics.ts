/**
 * Makes the cluster's topics that are missing, then ends: `node services/registry/dist/make-topics.js [--partitions=N]
 * [--replication-factor=N]`, with KAFKA_BROKERS set. Waits for Kafka.
 */
import { parseArgs } from 'node:util';
import { topics } from '@cluster/contracts';
import { ensureTopics } from '@cluster/events-kafka';
import { createLogger } from '@cluster/telemetry';
import { deadLetterTopic } from './consumers/dead-letter-topics.ts';

const { values } = parseArgs({ options: { partitions: { type: 'string' }, 'replication-factor': { type: 'string' } } });
const log = createLogger({ service: 'topics', level: 'info' });
const brokers = (process.env['KAFKA_BROKERS'] ?? '').split(/[\s,]+/).filter((broker) => broker !== '');
const partitions = values.partitions === undefined ? {} : { partitions: Number(values.partitions) };
const replicationFactor = values['replication-factor'] === undefined ? {} : { replicationFactor: Number(values['replication-factor']) };

if (brokers.length === 0 || [partitions.partitions, replicationFactor.replicationFactor].some((given) => given !== undefined && !(given >= 1))) {
  process.stderr.write('KAFKA_BROKERS must name brokers (host:port), and the options be whole numbers from 1\n');
  process.exitCode = 2;
} else {
  const names = Object.values(topics).flatMap((topic) => [topic, deadLetterTopic(topic)]);
  await ensureTopics({ brokers, clientId: 'lwm2m-topics', logger: log, topics: names, ...partitions, ...replicationFactor });
  log.info({ topics: names }, 'the topics are there');
}
