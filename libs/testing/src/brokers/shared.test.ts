import { afterEach, expect, test, vi } from 'vitest';
import setup from './global-setup.ts';
import { accepts } from './ports.ts';
import { stopShared, useKafka, useRedis, useRedisCluster } from './shared.ts';

afterEach(async () => {
  vi.unstubAllEnvs();
  await stopShared();
});

test('addresses in the environment are taken as they are', async () => {
  vi.stubEnv('TEST_REDIS_CLUSTER_URL', 'redis://a:1,redis://b:2');
  vi.stubEnv('TEST_KAFKA_BROKERS', 'c:3');
  expect(await useRedisCluster()).toEqual(['redis://a:1', 'redis://b:2']);
  expect(await useKafka()).toEqual(['c:3']);
});

test('all who ask the global setup get the same broker, which ends with the run', { timeout: 60_000 }, async () => {
  vi.stubEnv('TEST_REDIS_URL', undefined);
  vi.stubEnv('TEST_BROKERS_SOCKET', undefined);
  const teardown = await setup();
  const [first, second] = await Promise.all([useRedis(), useRedis()]);
  expect(first).toEqual(second);
  const port = Number(new URL(first[0]!).port);
  expect(await accepts(port)).toBe(true);
  await teardown();
  expect(await accepts(port)).toBe(false);
});
