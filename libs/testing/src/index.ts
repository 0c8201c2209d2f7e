/** Test kit: fake time, simulated devices, suites that every adapter of a port must pass, and real brokers. */
export { startRedis, type RedisHandle, type RedisOptions } from './brokers/redis.ts';
export { startKafka, type KafkaHandle, type KafkaOptions } from './brokers/kafka.ts';
export { useBrokers, useKafka, useRedis, useRedisCluster } from './brokers/shared.ts';
export { BrokerUnavailable } from './brokers/process.ts';
export { eventsCompliance } from './compliance/events.ts';
export type { EventsHarness } from './compliance/events-harness.ts';
