/** A Redis Cluster changes under way: slots move, a master dies. What was acknowledged is found again. */
import { StoreUnavailable } from '@cluster/session';
import { startRedis, type RedisHandle } from '@cluster/testing';
import slotOf from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedisStore, type RedisStore } from './index.ts';

const SLOW = 90_000;

describe('three masters, each with a replica', { timeout: SLOW }, () => {
  let redis: RedisHandle;
  let store: RedisStore;
  beforeAll(async () => {
    redis = await startRedis({ cluster: true, replicas: 1, config: ['repl-diskless-sync-delay 0'] });
    store = await connectRedisStore({ urls: redis.urls, commandTimeoutMs: 4_000, waitReplicas: 1 });
    await untilAvailable(store); // the replicas have caught up
  }, SLOW);
  afterAll(async () => {
    await store.close();
    await redis.stop();
  });

  const numbers = (prefix: string) => Array.from({ length: 64 }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`);
  const write = (all: readonly string[], expected: number) =>
    store.commit(all.map((number) => ({ number, session: { expected, record: Buffer.from(number) } })));

  test('commands follow a slot while it moves and after it has', async () => {
    const number = 'moving01';
    const sibling = sameSlot(number);
    await write([number], 0);
    const move = await startMoving(redis, slotOf(number));
    try {
      expect(await write([number], 1)).toEqual(['committed']); // still where it was
      expect(await store.load([number, sibling])).toEqual([expect.objectContaining({ version: 2 }), undefined]); // ASK
      await move.key(`lwm2m:s:{${number}}`);
      expect(await write([number], 2)).toEqual(['committed']); // ASK
      const waiting = write([sibling], 0); // TRYAGAIN: of its two keys none is there yet
      await move.finish();
      expect(await waiting).toEqual(['committed']);
      expect(await write([number, sibling], 3)).toEqual(['committed', 'conflict']); // MOVED
      expect((await store.load([number, sibling])).map((session) => session?.version)).toEqual([4, 1]);
    } finally {
      move.close();
    }
  });

  test('a master that dies is replaced by its replica with all that was acknowledged', async () => {
    const all = numbers('fail');
    const changes: boolean[] = [];
    const stop = store.onAvailability((available) => changes.push(available));
    expect(await write(all, 0)).toEqual(all.map(() => 'committed'));
    await redis.stopOne(1, 'SIGKILL');
    await expect(write(all, 1)).rejects.toThrow(StoreUnavailable);
    const read = () => store.load(all).then((sessions) => sessions.filter((session) => session !== undefined).length, () => 0);
    await expect.poll(read, { timeout: 30_000 }).toBe(all.length);
    await redis.startOne(1); // as a replica, so that writes find one to wait for
    await expect.poll(() => store.available, { timeout: 30_000 }).toBe(true);
    const again = numbers('next');
    expect(await write(again, 0)).toEqual(again.map(() => 'committed'));
    expect([changes[0], changes.at(-1)]).toEqual([false, true]);
    stop();
  });

  test('doorbells ring across nodes, also after the node that was listened to died', async () => {
    const heard: string[] = [];
    const stop = await store.onRing('w', (number) => heard.push(number));
    for (const index of [0, 2]) {
      await redis.stopOne(index, 'SIGKILL');
      await expect.poll(async () => {
        await store.ring([{ worker: 'w', number: `ring000${index}` }]).catch(() => {});
        return heard.includes(`ring000${index}`);
      }, { timeout: 30_000 }).toBe(true);
      await redis.startOne(index);
      await expect.poll(() => store.available, { timeout: 30_000 }).toBe(true);
    }
    await stop();
  });
});

/** Begins to move a slot from its master to another one. */
async function startMoving(redis: RedisHandle, slot: number) {
  const nodes = redis.urls.slice(0, 3).map((url) => new Redis(url));
  const ranges = (await nodes[0]!.cluster('SLOTS')) as unknown as [number, number, [string, number]][];
  const port = ranges.find(([first, last]) => first <= slot && slot <= last)![2][1];
  const source = nodes.find((node) => node.options.port === port)!;
  const target = nodes.find((node) => node !== source)!;
  const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
  return {
    key: (key: string) => source.migrate('127.0.0.1', target.options.port!, key, 0, 1_000),
    async finish(): Promise<void> {
      for (const node of [target, source]) await node.cluster('SETSLOT', slot, 'NODE', targetId);
    },
    close: () => nodes.forEach((node) => node.disconnect()),
  };
}

/** Another device number in the same slot. */
function sameSlot(number: string): string {
  for (let index = 0; ; index++) {
    const candidate = index.toString(36).padStart(8, '0');
    if (slotOf(candidate) === slotOf(number)) return candidate;
  }
}

function untilAvailable(store: RedisStore): Promise<void> {
  if (store.available) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = store.onAvailability(() => {
      stop();
      resolve();
    });
  });
}
