/** The Redis adapter passes the suites of its ports, on one server and on a cluster of three. */
import {
  associationStoreCompliance, bootstrapSessionStoreCompliance, certificateStoreCompliance, clusterStoreCompliance, credentialStoreCompliance, fleetStoreCompliance, readModelStoreCompliance, sessionStoreCompliance, updateStoreCompliance, useRedis, useRedisCluster,
} from '@cluster/testing';
import { connectRedisStore, type RedisStore } from './index.ts';

const topologies = { 'one Redis server': useRedis, 'a Redis Cluster': useRedisCluster };

for (const [name, urls] of Object.entries(topologies)) {
  const open = async (): Promise<{ store: RedisStore; close: () => Promise<void> }> => {
    const store = await connectRedisStore({ urls: await urls(), keyPrefix: `t${crypto.randomUUID()}`, commandTimeoutMs: 5_000 });
    return { store, close: () => store.close() };
  };
  sessionStoreCompliance(name, open);
  clusterStoreCompliance(name, open);
  readModelStoreCompliance(name, open);
  credentialStoreCompliance(name, open);
  associationStoreCompliance(name, open);
  certificateStoreCompliance(name, open);
  fleetStoreCompliance(name, open);
  updateStoreCompliance(name, open);
  bootstrapSessionStoreCompliance(name, open);
}
