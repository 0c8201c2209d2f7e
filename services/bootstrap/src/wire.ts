/** The one file of the bootstrap service that knows the adapters: Redis below its state, Kafka below its events. */
import { openSecurity } from '@cluster/coap-kit';
import { type Config, ConfigError, kafkaSecurity, openAuthority, openSecrets, redisSecurity } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { connectKafkaPublisher, ensureTopics, kafkaAccess } from '@cluster/events-kafka';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { connectRedisStore } from '@cluster/store-redis';
import type { Logger, Metrics } from '@cluster/telemetry';
import type { BootstrapPorts } from './start.ts';

export interface WiredBootstrap {
  readonly ports: BootstrapPorts;
  close(): Promise<void>;
}

/** Connects to Redis and Kafka; neither has to be there yet. Throws `ConfigError` without a secret file. */
export async function wireBootstrap(config: Config, metrics: Metrics, log: Logger): Promise<WiredBootstrap> {
  const secrets = await openSecrets(config, log);
  if (secrets === undefined) throw new ConfigError([{ name: 'LWM2M_SECRET_KEY_FILE', message: 'must be set for bootstrap, which makes and seals credentials' }]);
  const kafka = kafkaAccess(config, kafkaSecurity(config), 'lwm2m-bootstrap', Object.values(topics), log);
  const store = await connectRedisStore({ urls: config.redisUrls, waitReplicas: config.redisWaitReplicas, ...redisSecurity(config) });
  const security = await openSecurity(config, store, secrets, log);
  const authority = await openAuthority(config, log);
  const issuing = authority && { authority, certificates: store };
  const publisher = await connectKafkaPublisher({ ...kafka.connection, publishTimeoutMs: config.publishTimeoutMs });
  const stopping = new AbortController();
  ensureTopics(kafka.plan, stopping.signal).catch((err: unknown) => {
    if (!stopping.signal.aborted) log.warn({ err }, 'topics can not be made');
  });
  const model = new ObjectModel(ddfDirectory(config.modelsDir === undefined ? [] : [config.modelsDir]));
  return {
    ports: { sessions: store, cluster: store, records: store, groups: store, credentials: store, secrets, security, publisher, model, metrics, log, issuing },
    async close() {
      stopping.abort();
      await publisher.close();
      authority?.close();
      security.close();
      secrets.close();
      await store.close();
    },
  };
}
