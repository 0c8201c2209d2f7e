/** Redis behind the session ports: one server or a Redis Cluster. */
export { connectRedisStore, type RedisStore } from './store.ts';
export type { RedisStoreOptions } from './options.ts';
export type { AvailabilityListener } from './availability.ts';
