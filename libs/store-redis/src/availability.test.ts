/** Redis goes away and comes back: every call ends in time, and the store recovers by itself. */
import { StoreUnavailable } from '@cluster/session';
import { startRedis, type RedisHandle } from '@cluster/testing';
import { setImmediate as turnOver } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectRedisStore, type RedisStore } from './index.ts';

const TIMEOUT_MS = 300;
/** What a busy machine may add to a timeout. */
const MARGIN_MS = 1_500;
const SLOW = 60_000;

describe('one server', { timeout: SLOW }, () => {
  let redis: RedisHandle;
  let store: RedisStore;
  beforeAll(async () => {
    redis = await startRedis();
  }, SLOW);
  afterAll(() => redis.stop());
  beforeEach(async () => {
    store = await connectRedisStore({ urls: redis.urls, commandTimeoutMs: TIMEOUT_MS });
  });
  afterEach(() => store.close());

  const write = (number: string, expected = 0) => store.commit([{ number, session: { expected, record: Uint8Array.of(1) } }]);
  const calls: Record<string, () => Promise<unknown>> = {
    resolve: () => store.resolve(['a']),
    claim: () => store.claim([{ endpoint: 'a', proposal: 'n' }]),
    release: () => store.release('a', 'n'),
    load: () => store.load(['a']),
    loadEntries: () => store.loadEntries('a'),
    commit: () => write('a'),
    bindAddresses: () => store.bindAddresses([{ peer: 'a', number: 'n', ttlMs: 1 }]),
    resolveAddresses: () => store.resolveAddresses(['a']),
    schedule: () => store.schedule([{ number: 'a', atMs: 1 }]),
    due: () => store.due(0, 1, 1),
    settle: () => store.settle([{ number: 'a', atMs: 1, nextMs: undefined }]),
    timeMs: () => store.timeMs(),
    renewLease: () => store.renewLease('w', 1),
    releaseLease: () => store.releaseLease('w'),
    alive: () => store.alive(['w']),
    ring: () => store.ring([{ worker: 'w', number: 'n' }]),
    takeShard: () => store.takeShard(0, 'w', 1),
    reportOutage: () => store.reportOutage({ fromMs: 1, toMs: 2 }),
    outages: () => store.outages(0),
    putEntries: () => store.putEntries([{ endpoint: 'a', state: 's', changedAtMs: 1 }]),
    list: () => store.list({ limit: 1 }),
    putValues: () => store.putValues([{ endpoint: 'a', values: [{ path: '/', atMs: 1, json: '1' }] }], 1),
    values: () => store.values('a'),
    forgetValues: () => store.forgetValues('a'),
    durability: () => store.durability(),
  };

  /** Every call fails as it should, all within the time they are given. */
  async function allUnavailable(): Promise<void> {
    const start = performance.now();
    const results = await Promise.all(
      Object.entries(calls).map(([name, call]) => call().then(() => `${name} succeeded`, (error) => (error instanceof StoreUnavailable ? undefined : `${name}: ${error}`))),
    );
    expect(results.filter((fault) => fault !== undefined)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
  }

  const untilAvailable = () => expect.poll(() => store.available, { timeout: 20_000 }).toBe(true);

  test('a frozen server makes every call unavailable in time, and is used again when it goes on', async () => {
    const changes: boolean[] = [];
    store.onAvailability((available) => changes.push(available));
    expect(await write('frozen01')).toEqual(['committed']);
    redis.pause();
    try {
      await allUnavailable();
      expect(store.available).toBe(false);
      await allUnavailable();
    } finally {
      redis.resume();
    }
    await untilAvailable();
    expect(await write('frozen01', 1)).toEqual(['committed']);
    expect([changes[0], changes.at(-1)]).toEqual([false, true]);
  });

  test('an answer that came while this process stood still is taken: nobody was away', async () => {
    const changes: boolean[] = [];
    store.onAvailability((available) => changes.push(available));
    const answer = store.timeMs();
    await turnOver();
    await turnOver(); // it has left
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * TIMEOUT_MS);
    expect(await answer).toBeGreaterThan(0);
    expect(await store.timeMs()).toBeGreaterThan(0);
    expect(changes).toEqual([]);
  });

  test('a killed server makes every call unavailable at once, and is used again when it is back', async () => {
    await write('killed01');
    await redis.stopOne(0, 'SIGKILL');
    await expect.poll(() => store.available).toBe(false);
    await allUnavailable();
    await redis.startOne(0);
    await untilAvailable();
    expect((await store.load(['killed01']))[0]?.version).toBe(1);
    expect(await write('killed01', 1)).toEqual(['committed']);
  });

  test('a doorbell is heard again after the server was restarted', async () => {
    const heard: string[] = [];
    await store.onRing('w', (number) => heard.push(number));
    await redis.restart();
    await untilAvailable();
    const ring = async () => {
      await store.ring([{ worker: 'w', number: 'again001' }]).catch(() => {});
      return heard.length;
    };
    await expect.poll(ring, { timeout: 10_000 }).toBeGreaterThan(0);
  });

  test('a store opened while the server is away becomes available when it comes', async () => {
    await redis.stopOne(0);
    const early = await connectRedisStore({ urls: redis.urls, commandTimeoutMs: TIMEOUT_MS });
    expect(early.available).toBe(false);
    await expect(early.timeMs()).rejects.toThrow(StoreUnavailable);
    await redis.startOne(0);
    await expect.poll(() => early.available, { timeout: 20_000 }).toBe(true);
    expect(await early.timeMs()).toBeGreaterThan(0);
    await early.close();
  });

  test('a closed store refuses, and closing twice does no harm', async () => {
    await store.close();
    await expect(store.timeMs()).rejects.toThrow(StoreUnavailable);
    await store.close();
  });

  test('what is weaker than promised is named', async () => {
    const found = await store.durability();
    expect(found).toHaveLength(3);
    expect(found.join()).toMatch(/appendfsync is everysec.*no replica is connected.*waitReplicas is 0/);
  });
});

describe('a server that refuses writes', { timeout: SLOW }, () => {
  test('is unavailable while its memory is full, and is found out when there is room again', async () => {
    const redis = await startRedis({ config: ['maxmemory 3mb', 'appendonly no'] });
    const store = await connectRedisStore({ urls: redis.urls, commandTimeoutMs: 2_000 });
    const fill = async (index = 0): Promise<void> => {
      await store.putValues([{ endpoint: 'filler', values: [{ path: `/${index}`, atMs: 1, json: 'x'.repeat(100_000) }] }], 1_000);
      await fill(index + 1);
    };
    await expect(fill()).rejects.toThrow(/OOM/);
    expect(store.available).toBe(false);
    await store.forgetValues('filler');
    await expect.poll(() => store.available, { timeout: 10_000 }).toBe(true);
    expect(await store.durability()).toContainEqual(expect.stringMatching(/AOF is off/));
    await store.close();
    await redis.stop();
  });
});

describe('a server with a replica', { timeout: SLOW }, () => {
  test('a write waits for the replica, and is unavailable without it; reading goes on', async () => {
    const redis = await startRedis({ replicas: 1, config: ['repl-diskless-sync-delay 0'] });
    const store = await connectRedisStore({ urls: [redis.urls[0]!], commandTimeoutMs: 4_000, waitReplicas: 1 });
    const write = (number: string) => store.commit([{ number, session: { expected: 0, record: Uint8Array.of(1) } }]);
    expect(store.available).toBe(true);
    expect(await store.durability()).toEqual([]);
    expect(await write('replica1')).toEqual(['committed']);
    await redis.stopOne(1, 'SIGKILL');
    await expect(write('replica2')).rejects.toThrow(StoreUnavailable);
    expect((await store.load(['replica1']))[0]?.version).toBe(1);
    expect(store.available).toBe(false);
    await redis.startOne(1);
    await expect.poll(() => store.available, { timeout: 20_000 }).toBe(true);
    expect(await write('replica3')).toEqual(['committed']);
    await store.close();
    await redis.stop();
  });
});
