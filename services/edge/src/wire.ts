/** The one file of the edge that knows the adapters: Redis below its state, Kafka below its events. */
import { openSecurity } from '@cluster/coap-kit';
import { type Config, kafkaSecurity, openAuthority, openSecrets, redisSecurity } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { connectKafkaPublisher, ensureTopics, kafkaAccess, kafkaDurability, type TopicPlan } from '@cluster/events-kafka';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { openPackageStorage, sharesPackages } from '@cluster/package-storage';
import { connectRedisStore } from '@cluster/store-redis';
import type { Logger, Metrics } from '@cluster/telemetry';
import type { EdgeDeps } from './assemble.ts';

export interface Wired {
  readonly deps: EdgeDeps;
  close(): Promise<void>;
}

/** Connects to Redis and Kafka; neither has to be there yet. */
export async function wireEdge(config: Config, metrics: Metrics, log: Logger): Promise<Wired> {
  const kafka = kafkaAccess(config, kafkaSecurity(config), 'lwm2m-edge', Object.values(topics), log);
  const secrets = await openSecrets(config, log);
  const store = await connectRedisStore({ urls: config.redisUrls, waitReplicas: config.redisWaitReplicas, ...redisSecurity(config) });
  const security = secrets && (await openSecurity(config, store, secrets, log));
  const authority = await openAuthority(config, log);
  const publisher = await connectKafkaPublisher({ ...kafka.connection, publishTimeoutMs: config.publishTimeoutMs });
  const reader = sharesPackages(config) ? await openPackageStorage(config, (err) => log.warn({ err }, 'the storage of packages can not be reached')) : undefined;
  const stopping = new AbortController();
  void tellWeaknesses(stopping.signal, kafka.plan, store, log);
  const deps: EdgeDeps = {
    sessions: store, cluster: store, store, publisher, model: objectModel(config), metrics, log,
    ...(security === undefined ? {} : { security }),
    ...(reader === undefined ? {} : { packages: { reader, ring: secrets?.ring } }),
    ...(authority === undefined ? {} : { issuing: { authority, certificates: store } }),
  };
  return {
    deps,
    async close() {
      stopping.abort();
      await publisher.close();
      authority?.close();
      security?.close();
      secrets?.close();
      await store.close();
    },
  };
}

/** The OMA registry's definitions and the operator's own. */
export function objectModel(config: Config): ObjectModel {
  return new ObjectModel(ddfDirectory(config.modelsDir === undefined ? [] : [config.modelsDir]));
}

/** The promises hold with replicas and an append-only file; what is weaker is named. Topics that are missing are made. */
async function tellWeaknesses(
  signal: AbortSignal,
  plan: TopicPlan,
  store: { durability(): Promise<string[]> },
  log: Logger,
): Promise<void> {
  try {
    await ensureTopics(plan, signal);
    const weaknesses = [...(await kafkaDurability(plan)), ...(await store.durability())];
    for (const weakness of weaknesses) log.warn({ weakness }, 'weaker than what the promises need');
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'durability could not be checked');
  }
}
