/**
 * One Redis, one Redis Cluster and one Kafka for a whole test run, each started when the first test asks. With
 * `global-setup.ts` in the vitest configuration the main process starts them and all workers share them; without it each
 * worker has its own. Addresses in the environment come first, then Docker, then local processes.
 */
import { request } from 'node:http';
import { containerKafka, containerRedis, dockerAnswers, type ContainerBroker } from './docker.ts';
import { startKafka } from './kafka.ts';
import { BrokerUnavailable } from './process.ts';
import { startRedis } from './redis.ts';

/** What can be asked for, and the environment variable that names its addresses (comma-separated). */
export const brokerVariables = {
  redis: 'TEST_REDIS_URL',
  'redis-cluster': 'TEST_REDIS_CLUSTER_URL',
  kafka: 'TEST_KAFKA_BROKERS',
} as const;
export type BrokerKind = keyof typeof brokerVariables;

/** Where the main process answers (unix socket); set by the global setup. */
export const SOCKET_VARIABLE = 'TEST_BROKERS_SOCKET';

/** Brokers started by this process, by kind. */
const started = new Map<BrokerKind, Promise<ContainerBroker>>();

/** redis:// URLs of one server, kept for the whole run: tests use keys of their own. */
export const useRedis = (): Promise<readonly string[]> => addressesOf('redis');

/** redis:// URLs of a Redis Cluster of three masters. */
export const useRedisCluster = (): Promise<readonly string[]> => addressesOf('redis-cluster');

/** host:port of each broker: tests use topics and groups of their own. */
export const useKafka = (): Promise<readonly string[]> => addressesOf('kafka');

/** Redis and Kafka at once. */
export async function useBrokers(): Promise<{ redisUrls: readonly string[]; kafkaBrokers: readonly string[] }> {
  const [redisUrls, kafkaBrokers] = await Promise.all([useRedis(), useKafka()]);
  return { redisUrls, kafkaBrokers };
}

async function addressesOf(kind: BrokerKind): Promise<readonly string[]> {
  const given = process.env[brokerVariables[kind]];
  if (given !== undefined && given !== '') return given.split(',');
  const socketPath = process.env[SOCKET_VARIABLE];
  return socketPath === undefined ? startShared(kind) : ask(socketPath, kind);
}

/** Starts the broker in this process, once. */
export async function startShared(kind: BrokerKind): Promise<readonly string[]> {
  const broker = started.get(kind) ?? start(kind);
  started.set(kind, broker);
  return (await broker).addresses;
}

/** Ends all that this process started. */
export async function stopShared(): Promise<void> {
  const brokers = [...started.values()];
  started.clear();
  await Promise.allSettled(brokers.map(async (broker) => (await broker).stop()));
}

async function start(kind: BrokerKind): Promise<ContainerBroker> {
  if (kind === 'redis-cluster') return startLocal(kind);
  const container = (await dockerAnswers()) ? await (kind === 'redis' ? containerRedis() : containerKafka()) : undefined;
  return container ?? startLocal(kind);
}

async function startLocal(kind: BrokerKind): Promise<ContainerBroker> {
  if (kind === 'kafka') {
    const kafka = await startKafka();
    return { addresses: kafka.brokers, stop: () => kafka.stop() };
  }
  const redis = await startRedis({ cluster: kind === 'redis-cluster' });
  return { addresses: redis.urls, stop: () => redis.stop() };
}

/** Asks the main process, which starts the broker if it is the first to be asked. */
function ask(socketPath: string, kind: BrokerKind): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const query = request({ socketPath, path: `/${kind}` }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => (answer.statusCode === 200 ? resolve(text.split(',')) : reject(new BrokerUnavailable(text))));
    });
    query.once('error', reject);
    query.end();
  });
}
