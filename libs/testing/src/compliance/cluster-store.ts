/** The suite that every adapter of the `ClusterStore` port must pass. */
import type { ClusterStore } from '@cluster/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentCompliance } from './documents.ts';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function clusterStoreCompliance(name: string, open: () => Promise<Opened<ClusterStore>>): void {
  describe(`${name}: ClusterStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<ClusterStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): ClusterStore => opened.store;

    leaseCompliance(store);
    doorbellCompliance(store);
    sweepCompliance(store);
    outageCompliance(store);
    documentCompliance(store);
  });
}

function leaseCompliance(store: () => ClusterStore): void {
  test('a worker lives as long as its lease, and renewing tells the time', async () => {
    expect(await store().alive(['w1', 'w2'])).toEqual([false, false]);
    const now = await store().renewLease('w2', 60_000);
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
    expect(await store().alive(['w1', 'w2'])).toEqual([false, true]);
    await store().releaseLease('w2');
    expect(await store().alive(['w2'])).toEqual([false]);
    expect(await store().alive([])).toEqual([]);
    await store().releaseLease('w-never');
  });

  test('a lease ends by itself unless renewed', async () => {
    await store().renewLease('w3', 200);
    await store().renewLease('w4', 200);
    await store().renewLease('w4', 60_000);
    await expect.poll(() => store().alive(['w3']), { timeout: 5_000 }).toEqual([false]);
    expect(await store().alive(['w4'])).toEqual([true]);
  });
}

function doorbellCompliance(store: () => ClusterStore): void {
  test('rings reach the worker they are meant for, all of them', async () => {
    const heard: string[] = [];
    const other: string[] = [];
    const stop = await store().onRing('d1', (number) => heard.push(number));
    const stopOther = await store().onRing('d2', (number) => other.push(number));
    const numbers = Array.from({ length: 200 }, (_, index) => `R${String(index).padStart(7, '0')}`);
    await store().ring([...numbers.map((number) => ({ worker: 'd1', number })), { worker: 'd2', number: 'other001' }]);
    await store().ring([{ worker: 'nobody', number: 'R0000000' }]);
    await store().ring([]);
    await expect.poll(() => heard.length).toBe(200);
    await expect.poll(() => other).toEqual(['other001']);
    expect(heard.sort()).toEqual(numbers);
    await stop();
    await stopOther();
  });

  test('a ring tells whether the queue alone has changed', async () => {
    const heard: [string, boolean][] = [];
    const stop = await store().onRing('d4', (number, queueOnly) => heard.push([number, queueOnly]));
    await store().ring([{ worker: 'd4', number: 'queue001', queueOnly: true }, { worker: 'd4', number: 'session1' }]);
    await expect.poll(() => heard).toEqual([['queue001', true], ['session1', false]]);
    await stop();
  });

  test('all listeners of a worker hear, until each is removed', async () => {
    const [first, second]: [string[], string[]] = [[], []];
    const stopFirst = await store().onRing('d3', (number) => first.push(number));
    const stopSecond = await store().onRing('d3', (number) => second.push(number));
    await store().ring([{ worker: 'd3', number: 'both0001' }]);
    await expect.poll(() => [first, second]).toEqual([['both0001'], ['both0001']]);
    await stopFirst();
    await stopFirst();
    await store().ring([{ worker: 'd3', number: 'one00001' }]);
    await expect.poll(() => second).toEqual(['both0001', 'one00001']);
    expect(first).toEqual(['both0001']);
    await stopSecond();
    const third: string[] = [];
    const stopThird = await store().onRing('d3', (number) => third.push(number));
    await store().ring([{ worker: 'd3', number: 'again001' }]);
    await expect.poll(() => third).toEqual(['again001']);
    expect(second).toHaveLength(2);
    await stopThird();
  });
}

function sweepCompliance(store: () => ClusterStore): void {
  test('a shard has one sweeper, who may stay', async () => {
    expect(await store().takeShard(0, 's1', 60_000)).toBe(true);
    expect(await store().takeShard(0, 's2', 60_000)).toBe(false);
    expect(await store().takeShard(0, 's1', 60_000)).toBe(true);
    expect(await store().takeShard(1, 's2', 60_000)).toBe(true);
  });

  test('of many that want a shard one gets it', async () => {
    const wants = Array.from({ length: 30 }, (_, index) => store().takeShard(2, `s${index}`, 60_000));
    expect((await Promise.all(wants)).filter((taken) => taken)).toHaveLength(1);
  });

  test('a shard that was not renewed falls to the next', async () => {
    expect(await store().takeShard(3, 's1', 200)).toBe(true);
    await expect.poll(() => store().takeShard(3, 's2', 60_000), { timeout: 5_000 }).toBe(true);
    expect(await store().takeShard(3, 's1', 60_000)).toBe(false);
  });
}

function outageCompliance(store: () => ClusterStore): void {
  test('outages are told oldest first, those that ended after a time, at most the newest 1,000', async () => {
    expect(await store().outages(0)).toEqual([]);
    await store().reportOutage({ fromMs: 50, toMs: 60 });
    await store().reportOutage({ fromMs: 10, toMs: 20 });
    await store().reportOutage({ fromMs: 30, toMs: 45 });
    const ordered = [{ fromMs: 10, toMs: 20 }, { fromMs: 30, toMs: 45 }, { fromMs: 50, toMs: 60 }];
    expect(await store().outages(0)).toEqual(ordered);
    expect(await store().outages(20)).toEqual(ordered.slice(1));
    expect(await store().outages(44)).toEqual(ordered.slice(1));
    expect(await store().outages(60)).toEqual([]);
    const many = Array.from({ length: 1_010 }, (_, index) => ({ fromMs: 1_900_000_000_000 + index * 10, toMs: 1_900_000_000_005 + index * 10 }));
    await Promise.all(many.map((outage) => store().reportOutage(outage)));
    expect(await store().outages(0)).toEqual(many.slice(10));
  });
}
