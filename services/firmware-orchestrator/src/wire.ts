/** The one file of the orchestrator that knows the adapters: Redis, Kafka, and the storage of packages. */
import { type Config, kafkaSecurity, openSecrets, redisSecurity } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, kafkaAccess } from '@cluster/events-kafka';
import { openPackageStorage } from '@cluster/package-storage';
import { connectRedisStore } from '@cluster/store-redis';
import type { Logger } from '@cluster/telemetry';
import type { FirmwarePorts } from './start.ts';

export interface WiredFirmware {
  readonly ports: FirmwarePorts;
  close(): Promise<void>;
}

/** Connects to Redis and Kafka; neither has to be there yet. The storage has to. */
export async function wireFirmware(config: Config, log: Logger): Promise<WiredFirmware> {
  const kafka = kafkaAccess(config, kafkaSecurity(config), 'lwm2m-firmware', Object.values(topics), log);
  const storage = await openPackageStorage(config, (err) => log.warn({ err }, 'the storage of packages can not be reached'));
  const secrets = await openSecrets(config, log);
  const store = await connectRedisStore({ urls: config.redisUrls, waitReplicas: config.redisWaitReplicas, ...redisSecurity(config) });
  const events = connectKafkaConsumer(kafka.connection);
  const publisher = await connectKafkaPublisher({ ...kafka.connection, publishTimeoutMs: config.publishTimeoutMs });
  const stopping = new AbortController();
  ensureTopics(kafka.plan, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) log.warn({ err: error }, 'topics can not be made');
  });
  return {
    ports: { sessions: store, cluster: store, updates: store, fleet: store, readModel: store, storage, events, publisher, secrets },
    async close() {
      stopping.abort();
      await Promise.all([events.close(), publisher.close()]);
      secrets?.close();
      await store.close();
    },
  };
}
