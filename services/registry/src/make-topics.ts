/**
 * Makes the cluster's topics that are missing, then ends: `node services/registry/dist/make-topics.js [--partitions=N]
 * [--replication-factor=N]`, with KAFKA_BROKERS set, and what else is needed to reach them. Waits for Kafka.
 */
import { parseArgs } from 'node:util';
import { type Config, ConfigError, kafkaSecurity, loadConfig } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { ensureTopics, kafkaAccess } from '@cluster/events-kafka';
import { createLogger } from '@cluster/telemetry';
import { deadLetterTopic } from './consumers/dead-letter-topics.ts';

const { values } = parseArgs({ options: { partitions: { type: 'string' }, 'replication-factor': { type: 'string' } } });
const log = createLogger({ service: 'topics', level: 'info' });
const names = Object.values(topics).flatMap((topic) => [topic, deadLetterTopic(topic)]);

try {
  const config = loadConfig(process.env, { kind: 'topics' });
  const { plan } = kafkaAccess({ ...config, ...given(config) }, kafkaSecurity(config), 'lwm2m-topics', names, log);
  await ensureTopics({ ...plan, create: true });
  log.info({ topics: names }, 'the topics are there');
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

/** What the options say instead of the environment. */
function given(config: Config): Pick<Config, 'kafkaPartitions' | 'kafkaReplicationFactor'> {
  const count = (name: 'partitions' | 'replication-factor', otherwise: number): number => {
    const text = values[name];
    if (text !== undefined && !(Number(text) >= 1)) throw new ConfigError([{ name: `--${name}`, message: 'expected a whole number from 1' }]);
    return text === undefined ? otherwise : Number(text);
  };
  return { kafkaPartitions: count('partitions', config.kafkaPartitions), kafkaReplicationFactor: count('replication-factor', config.kafkaReplicationFactor) };
}
