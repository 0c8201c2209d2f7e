/**
 * The shared brokers as containers, where a Docker daemon answers. Gives addresses only: tests that stop, freeze or
 * replicate brokers start local processes.
 */
import { request } from 'node:http';

const PROBE_MS = 1_000;
const REDIS_IMAGE = 'redis:7';
const KAFKA_IMAGE = 'confluentinc/cp-kafka:8.1.0';

/** Addresses of a broker in a container, and how to end it. */
export interface ContainerBroker {
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

/** Whether a daemon answers a ping at `DOCKER_HOST` (a unix socket) or the usual socket. */
export function dockerAnswers(): Promise<boolean> {
  const host = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  if (!host.startsWith('unix://')) return Promise.resolve(false);
  const options = { socketPath: host.slice('unix://'.length), path: '/_ping', timeout: PROBE_MS };
  return new Promise((resolve) => {
    const ping = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.once('close', () => resolve(false));
    ping.end();
  });
}

/** Redis in a container; undefined when its image can't be had. */
export async function containerRedis(): Promise<ContainerBroker | undefined> {
  const { RedisContainer } = await import('@testcontainers/redis');
  const container = await new RedisContainer(REDIS_IMAGE).start().catch(report);
  return container && { addresses: [container.getConnectionUrl()], stop: async () => void (await container.stop()) };
}

/** Kafka in a container; undefined when its image can't be had. */
export async function containerKafka(): Promise<ContainerBroker | undefined> {
  const { KafkaContainer } = await import('@testcontainers/kafka');
  const container = await new KafkaContainer(KAFKA_IMAGE).withKraft().start().catch(report);
  return container && {
    addresses: [`${container.getHost()}:${container.getMappedPort(9093)}`],
    stop: async () => void (await container.stop()),
  };
}

function report(error: unknown): undefined {
  console.warn(`No container, starting a local process instead: ${String(error).split('\n', 1)[0]}`);
}
