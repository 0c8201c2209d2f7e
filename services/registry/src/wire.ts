/** The one file of the registry that knows the adapters: Redis below its state, Kafka below its events. */
import { type Config, kafkaSecurity, openSecrets, redisSecurity } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, kafkaAccess } from '@cluster/events-kafka';
import { connectRedisStore } from '@cluster/store-redis';
import type { Logger } from '@cluster/telemetry';
import { deadLetterTopic } from './consumers/dead-letter-topics.ts';
import type { RegistryPorts } from './start.ts';

export interface WiredRegistry {
  readonly ports: RegistryPorts;
  close(): Promise<void>;
}

/** Connects to Redis and Kafka; neither has to be there yet. */
export async function wireRegistry(config: Config, log: Logger): Promise<WiredRegistry> {
  const names = Object.values(topics).flatMap((topic) => [topic, deadLetterTopic(topic)]);
  const kafka = kafkaAccess(config, kafkaSecurity(config), 'lwm2m-registry', names, log);
  const secrets = await openSecrets(config, log);
  const store = await connectRedisStore({ urls: config.redisUrls, waitReplicas: config.redisWaitReplicas, ...redisSecurity(config) });
  const events = connectKafkaConsumer(kafka.connection);
  const publisher = await connectKafkaPublisher({ ...kafka.connection, publishTimeoutMs: config.publishTimeoutMs });
  const stopping = new AbortController();
  ensureTopics(kafka.plan, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) log.warn({ err: error }, 'topics can not be made');
  });
  return {
    ports: {
      sessions: store, cluster: store, readModel: store, fleet: store, events, publisher,
      ...(secrets === undefined ? {} : { credentials: { store, secrets } }),
    },
    async close() {
      stopping.abort();
      await Promise.all([events.close(), publisher.close()]);
      secrets?.close();
      await store.close();
    },
  };
}
