/** One of three masters without a replica goes: what the others have is served meanwhile, in the same batches. */
import { eachOf, StoreUnavailable } from '@cluster/session';
import { startRedis, type RedisHandle } from '@cluster/testing';
import slotOf from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRedisStore, type RedisStore } from './index.ts';
import { keysUnder } from './keys.ts';

const SLOW = 60_000;
const GONE = 1;
const keys = keysUnder('lwm2m');

let redis: RedisHandle;
let store: RedisStore;
/** Whether the node that goes has a key. */
let goes: (key: string) => boolean;
beforeAll(async () => {
  redis = await startRedis({ cluster: true });
  store = await connectRedisStore({ urls: redis.urls, commandTimeoutMs: 500 });
  const node = new Redis(redis.urls[GONE]!);
  const ranges = (await node.cluster('SLOTS')) as unknown as [number, number, [string, number]][];
  node.disconnect();
  const own = ranges.filter(([, , [, port]]) => redis.urls[GONE]!.endsWith(`:${port}`));
  goes = (key) => own.some(([first, last]) => slotOf(key) >= first && slotOf(key) <= last);
}, SLOW);
afterAll(async () => {
  await store.close();
  await redis.stop();
});

test.each(['killed', 'frozen'] as const)('%s: each item of a batch fares as its node does', { timeout: SLOW }, async (way) => {
  const numbers = Array.from({ length: 48 }, (_, index) => `${way.slice(0, 4)}${String(index).padStart(4, '0')}`);
  const write = (expected: number, alarm: { alarmMs?: number } = {}) => (
    eachOf(store.commit(numbers.map((number) => ({ number, session: { expected, record: Buffer.from(number) }, ...alarm }))))
  );
  const failed = (results: readonly unknown[]) => numbers.filter((_, index) => results[index] instanceof StoreUnavailable);

  expect(new Set(await write(0))).toEqual(new Set(['committed']));
  await (way === 'killed' ? redis.stopOne(GONE, 'SIGKILL') : redis.pause(GONE));
  const lost = numbers.filter((number) => goes(keys.session(number)));
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThan(numbers.length);

  const written = await write(1);
  expect(failed(written)).toEqual(lost);
  expect(new Set(written.filter((result) => !(result instanceof StoreUnavailable)))).toEqual(new Set(['committed']));
  expect(failed(await eachOf(store.load(numbers)))).toEqual(lost);
  const claims = numbers.map((number) => ({ endpoint: `${way}-${number}`, proposal: number }));
  expect(failed(await eachOf(store.claim(claims)))).toEqual(numbers.filter((number) => goes(keys.endpoint(`${way}-${number}`))));
  await expect(store.commit([{ number: lost[0]!, session: { expected: 1, record: Buffer.from('x') } }])).rejects.toThrow(StoreUnavailable);
  expect(store.available).toBe(false); // not for every device

  // An alarm stands before the state that it watches: where its node is away, the state is not written.
  const alarmed = await write(2, { alarmMs: 1 });
  const without = failed(alarmed);
  expect(without).toEqual(expect.arrayContaining(lost));
  expect(without.length).toBeLessThan(numbers.length);
  const after = await eachOf(store.load(numbers));
  const versions = numbers.map((number, index) => (lost.includes(number) ? undefined : (after[index] as { version: number }).version));
  expect(versions).toEqual(numbers.map((number) => (lost.includes(number) ? undefined : without.includes(number) ? 2 : 3)));

  await (way === 'killed' ? redis.startOne(GONE) : redis.resume(GONE));
  await expect.poll(() => store.available, { timeout: 30_000 }).toBe(true);
  expect(failed(await eachOf(store.load(numbers)))).toEqual([]);
});
