/** The suite that every adapter of the `JobStore` and `GroupStore` ports must pass. */
import type { CampaignStore, DeviceMove, GroupStore, JobStore } from '@cluster/fleet';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function fleetStoreCompliance(name: string, open: () => Promise<Opened<JobStore & GroupStore & CampaignStore>>): void {
  describe(`${name}: JobStore and GroupStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<JobStore & GroupStore & CampaignStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): JobStore & GroupStore & CampaignStore => opened.store;
    const campaigns = (): JobStore => opened.store.campaigns;

    jobCompliance(store);
    advanceCompliance(store);
    leaseCompliance(store);
    deviceCompliance(store);
    groupCompliance(store);

    describe('campaigns, apart from jobs', () => {
      jobCompliance(campaigns);
      advanceCompliance(campaigns);
      leaseCompliance(campaigns);
      deviceCompliance(campaigns);
    });
  });
}

const NOW = Date.now();

function jobCompliance(store: () => JobStore): void {
  test('a job is made once, and changed by its version', async () => {
    expect(await store().loadJob('one')).toBeUndefined();
    expect(await store().changeJob('one', 1, 'too early')).toBe(false);
    expect(await store().createJob('one', NOW, 'größe')).toBe(true);
    expect(await store().createJob('one', NOW + 5, 'other')).toBe(false);
    expect((await store().jobs({ limit: 9 })).jobs).toHaveLength(1);
    expect(await store().loadJob('one')).toEqual({ id: 'one', version: 1, record: 'größe' });
    const won = await Promise.all([store().changeJob('one', 1, 'a'), store().changeJob('one', 1, 'b')]);
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await store().loadJob('one')).toMatchObject({ version: 2, record: won[0] ? 'a' : 'b' });
  });

  test('jobs are listed newest first, by pages', async () => {
    for (let i = 0; i < 7; i++) await store().createJob(`listed-${i}`, NOW + 1_000 + Math.floor(i / 2), `${i}`);
    const found: string[] = [];
    let before: string | undefined;
    do {
      const page = await store().jobs({ limit: 3, ...(before === undefined ? {} : { before }) });
      found.push(...page.jobs.map(({ id }) => id));
      before = page.next;
    } while (before !== undefined);
    expect(found.filter((id) => id.startsWith('listed'))).toEqual([6, 5, 4, 3, 2, 1, 0].map((i) => `listed-${i}`));
    expect(new Set(found).size).toBe(found.length);
  });
}

function advanceCompliance(store: () => JobStore): void {
  const value = 'waiting 0';

  test('a record and its devices change together, or not at all', async () => {
    await store().createJob('advanced', NOW, 'r1');
    const enter = ['a', 'b'].map((endpoint) => ({ endpoint, expected: undefined, next: value }));
    expect(await store().advanceJob('advanced', 2, 'no', enter)).toBe(false);
    expect(await store().advanceJob('nobody', 0, 'no', enter)).toBe(false);
    expect(await store().countDevices('advanced')).toEqual({});
    expect(await store().advanceJob('advanced', 1, 'r2', enter)).toBe(true);
    expect(await store().loadJob('advanced')).toMatchObject({ version: 2, record: 'r2' });
    const both = [{ endpoint: 'a', expected: value, next: 'open 1' }, { endpoint: 'b', expected: 'gone', next: 'open 1' }];
    expect(await store().advanceJob('advanced', 2, 'no', both)).toBe(false);
    expect(await store().countDevices('advanced')).toEqual({ waiting: 2 });
    expect(await store().advanceJob('advanced', 2, 'r3', [both[0]!, { ...both[1]!, expected: value }])).toBe(true);
    expect(await store().countDevices('advanced')).toEqual({ open: 2 });
    expect(await store().advanceJob('advanced', 3, 'r4', [])).toBe(true);
  });

  test('of those who advance a job at once one does, so what was counted still holds', async () => {
    await store().createJob('raced', NOW, '0');
    const steps = ['a', 'b', 'c'].map((endpoint) => store().advanceJob('raced', 1, endpoint, [{ endpoint, expected: undefined, next: value }]));
    expect((await Promise.all(steps)).filter(Boolean)).toHaveLength(1);
    expect(await store().countDevices('raced')).toEqual({ waiting: 1 });
  });
}

function leaseCompliance(store: () => JobStore): void {
  test('a job is active until it is retired, then it vanishes', async () => {
    await store().createJob('active', NOW, '{}');
    await store().moveDevices('active', [{ endpoint: 'a', expected: undefined, next: 'done 1' }]);
    expect(await store().activeJobs()).toContain('active');
    await store().retireJob('active', 60_000);
    expect(await store().activeJobs()).not.toContain('active');
    expect(await store().loadJob('active')).toMatchObject({ record: '{}' });
    expect(await store().countDevices('active')).toEqual({ done: 1 });
    await store().retireJob('active', 1);
    await vi.waitFor(async () => expect(await store().loadJob('active')).toBeUndefined());
    expect((await store().jobs({ limit: 100 })).jobs.map(({ id }) => id)).not.toContain('active');
  });

  test('one worker has a job at a time, until it gives it back or its time is over', async () => {
    expect(await store().takeJob('leased', 'w1', 60_000)).toBe(true);
    expect(await store().takeJob('leased', 'w2', 60_000)).toBe(false);
    expect(await store().takeJob('leased', 'w1', 60_000)).toBe(true);
    await store().giveJob('leased', 'w2');
    expect(await store().takeJob('leased', 'w2', 60_000)).toBe(false);
    await store().giveJob('leased', 'w1');
    expect(await store().takeJob('leased', 'w2', 1)).toBe(true);
    await vi.waitFor(async () => expect(await store().takeJob('leased', 'w1', 60_000)).toBe(true));
  });
}

function deviceCompliance(store: () => JobStore): void {
  test('a device moves from where it is expected, once, and is counted and listed where it stands', async () => {
    const names = ['b', 'a', '{x}', 'größe', 'c d'];
    expect(await store().moveDevices('moved', names.map((endpoint) => ({ endpoint, expected: undefined, next: 'waiting 0' })))).toEqual(names.map(() => true));
    expect(await store().moveDevices('moved', [{ endpoint: 'a', expected: undefined, next: 'waiting 0' }])).toEqual([false]);
    const twice: DeviceMove = { endpoint: 'a', expected: 'waiting 0', next: 'done/2.04 0' };
    expect(await store().moveDevices('moved', [twice, twice, { ...twice, endpoint: 'nobody' }])).toEqual([true, false, false]);
    expect(await store().moveDevices('moved', [])).toEqual([]);
    expect(await store().loadDevices('moved', ['a', 'nobody', 'b'])).toEqual(['done/2.04 0', undefined, 'waiting 0']);
    expect(await store().loadDevices('moved', [])).toEqual([]);
    const { waiting, 'done/2.04': done } = await store().countDevices('moved');
    expect([waiting, done]).toEqual([4, 1]);
    expect(await store().listDevices('moved', { bucket: 'done/2.04', limit: 9 })).toEqual([{ endpoint: 'a', value: 'done/2.04 0' }]);
    const first = await store().listDevices('moved', { bucket: 'waiting', limit: 2 });
    const rest = await store().listDevices('moved', { bucket: 'waiting', after: first[1]!.endpoint, limit: 9 });
    expect([...first, ...rest].map(({ endpoint }) => endpoint)).toEqual(['b', 'c d', 'größe', '{x}']);
    expect(await store().countDevices('none')).toEqual({});
  });

  test('whatever moves are asked for at once, each device stands once, and the counts are those of the lists', async () => {
    const bucket = fc.constantFrom('waiting', 'open', 'done/4.04');
    const step = fc.record({ endpoint: fc.constantFrom('a', 'b', 'c'), from: fc.option(bucket, { nil: undefined }), to: bucket });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 8 }), async (batches) => {
        const id = `random-${run++}`;
        await Promise.all(batches.map((batch) => store().moveDevices(id, batch.map(({ endpoint, from, to }) => ({ endpoint, expected: from, next: to })))));
        const counts = await store().countDevices(id);
        const listed = await Promise.all(['waiting', 'open', 'done/4.04'].map((one) => store().listDevices(id, { bucket: one, limit: 9 })));
        expect(listed.map(({ length }) => length)).toEqual([counts['waiting'] ?? 0, counts['open'] ?? 0, counts['done/4.04'] ?? 0]);
        const all = listed.flat();
        expect(new Set(all.map(({ endpoint }) => endpoint)).size).toBe(all.length);
        expect(await store().loadDevices(id, all.map(({ endpoint }) => endpoint))).toEqual(all.map(({ value }) => value));
      }),
      { numRuns: 25 },
    );
  });
}

function groupCompliance(store: () => GroupStore): void {
  test('groups are put, listed in order, and deleted', async () => {
    expect(await store().groups()).toEqual([]);
    await store().putGroup('b', '1');
    await store().putGroup('a', 'größe');
    await store().putGroup('b', '2');
    expect(await store().group('b')).toBe('2');
    expect(await store().group('c')).toBeUndefined();
    expect(await store().groups()).toEqual([{ name: 'a', record: 'größe' }, { name: 'b', record: '2' }]);
    expect(await store().deleteGroup('b')).toBe(true);
    expect(await store().deleteGroup('b')).toBe(false);
    expect(await store().groups()).toHaveLength(1);
  });
}
