/** The suite that every adapter of the `ReadModelStore` port must pass. */
import type { DirectoryEntry, DirectoryFilter, ReadModelStore, StoredValue } from '@cluster/session';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;
const STATES = ['registered', 'sleeping', 'expired'];

/** Runs the suite against the store that `open` gives, which must be empty. */
export function readModelStoreCompliance(name: string, open: () => Promise<Opened<ReadModelStore>>): void {
  describe(`${name}: ReadModelStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<ReadModelStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): ReadModelStore => opened.store;

    pagingCompliance(store);
    directoryCompliance(store);
    labelCompliance(store);
    valueCompliance(store);
  });
}

const byBytes = (a: { endpoint: string }, b: { endpoint: string }): number =>
  Buffer.compare(Buffer.from(a.endpoint), Buffer.from(b.endpoint));

async function pages(store: ReadModelStore, limit: number, filter: DirectoryFilter = {}): Promise<DirectoryEntry[]> {
  const found: DirectoryEntry[] = [];
  for (;;) {
    const after = found.at(-1)?.endpoint;
    const page = await store.list({ limit, ...(after !== undefined && { after }), ...filter });
    expect(page.length).toBeLessThanOrEqual(limit);
    found.push(...page);
    if (page.length < limit) return found;
  }
}

function pagingCompliance(store: () => ReadModelStore): void {
  test('paging over thousands of endpoints gives each once, in order, by state or all', async () => {
    expect(await store().list({ limit: 10 })).toEqual([]);
    const odd = ['', ' ', '{a}', 'größe', '\uffff', '\u{1f4a1}', 'z'.repeat(300), '__proto__', '[x', '(y', '+', '-'];
    const names = [...odd, ...Array.from({ length: 3_000 }, (_, index) => `urn:dev:${(index * 7_919) % 3_000}`)].filter((name) => name !== '');
    const entries = names.map((endpoint, index) => ({ endpoint, state: STATES[index % 3]!, changedAtMs: 1_900_000_000_000 + index }));
    for (let start = 0; start < entries.length; start += 500) await store().putEntries(entries.slice(start, start + 500));
    await store().putEntries([]);
    const ordered = entries.toSorted(byBytes);
    expect(await pages(store(), 700)).toEqual(ordered);
    expect((await pages(store(), 1_004)).length).toBe(ordered.length);
    for (const state of STATES) expect(await pages(store(), 99, { states: [state] })).toEqual(ordered.filter((entry) => entry.state === state));
    expect(await pages(store(), 99, { states: ['sleeping', 'expired'] })).toEqual(ordered.filter((entry) => entry.state !== 'registered'));
    expect(await store().list({ limit: 5, states: ['unknown'] })).toEqual([]);
    expect(await store().list({ limit: 5, after: 'urn:dev:2' })).toEqual(ordered.filter(({ endpoint }) => endpoint > 'urn:dev:2').slice(0, 5));
  });
}

function directoryCompliance(store: () => ReadModelStore): void {
  const only = async (endpoint: string, ...states: string[]) =>
    (await pages(store(), 1_000, states.length === 0 ? {} : { states })).filter((entry) => entry.endpoint === endpoint);

  test('a newer entry replaces an older one, never the other way', async () => {
    const put = (state: string, changedAtMs: number) => store().putEntries([{ endpoint: 'A:one', state, changedAtMs }]);
    await put('registered', 20);
    await put('sleeping', 10);
    expect(await only('A:one')).toEqual([{ endpoint: 'A:one', state: 'registered', changedAtMs: 20 }]);
    await put('sleeping', 20);
    await put('deregistered now', 30);
    expect(await only('A:one')).toEqual([{ endpoint: 'A:one', state: 'deregistered now', changedAtMs: 30 }]);
    expect(await only('A:one', 'registered')).toEqual([]);
    expect(await only('A:one', 'sleeping')).toEqual([]);
    expect(await only('A:one', 'deregistered now')).toHaveLength(1);
  });

  test('of entries that come in any order the newest stays', async () => {
    const times = Array.from({ length: 30 }, (_, index) => (index * 11) % 30);
    await Promise.all(times.map((time) => store().putEntries([{ endpoint: 'A:two', state: `s${time}`, changedAtMs: time }])));
    expect(await only('A:two')).toEqual([{ endpoint: 'A:two', state: 's29', changedAtMs: 29 }]);
    const batch = [3, 1, 2].map((changedAtMs) => ({ endpoint: 'A:three', state: `s${changedAtMs}`, changedAtMs }));
    await store().putEntries(batch);
    expect(await only('A:three')).toEqual([batch[0]]);
  });
}

function labelCompliance(store: () => ReadModelStore): void {
  type Labels = Record<string, string>;
  const put = (endpoint: string, labels: Labels, atMs: number, state = 'labelled', changedAtMs = 1) =>
    store().putEntries([{ endpoint, state, changedAtMs, labelled: { labels, atMs } }]);
  const named = async (labels: Labels, limit = 1_000, state?: string) =>
    (await pages(store(), limit, { labels, ...(state !== undefined && { states: [state] }) })).map(({ endpoint }) => endpoint);

  test('endpoints are found by their labels, by all that are asked for, and by pages', async () => {
    const count = 700;
    const endpoints = Array.from({ length: count }, (_, i) => `L:page:${String(i).padStart(4, '0')}`);
    await store().putEntries(
      endpoints.map((endpoint, i) => ({
        endpoint, state: i % 5 === 0 ? 'lit' : 'dark', changedAtMs: 1, labelled: { labels: { 'page/all': 'x', third: String(i % 3), rare: i > 690 ? 'y' : 'n' }, atMs: 1 },
      })),
    );
    const those = (fits: (i: number) => boolean) => endpoints.filter((_, i) => fits(i));
    for (const limit of [7, 100, 1_000]) {
      expect(await named({ 'page/all': 'x' }, limit)).toEqual(endpoints);
      expect(await named({ 'page/all': 'x', third: '1' }, limit)).toEqual(those((i) => i % 3 === 1));
      expect(await named({ 'page/all': 'x', rare: 'y', third: '0' }, limit)).toEqual(those((i) => i > 690 && i % 3 === 0));
      expect(await named({ third: '2' }, limit, 'lit')).toEqual(those((i) => i % 3 === 2 && i % 5 === 0));
    }
    expect(await named({ 'page/all': 'z' })).toEqual([]);
    expect(await named({ 'page/all': 'x', none: '' })).toEqual([]);
    expect((await store().list({ limit: 1, labels: { rare: 'y' } }))[0]).toEqual({
      endpoint: 'L:page:0691', state: 'dark', changedAtMs: 1, labels: { 'page/all': 'x', third: '1', rare: 'y' },
    });
  });

  test('newer labels replace older ones, in whatever order they come, and apart from the state', async () => {
    await put('L:one', { site: 'a', gone: '1' }, 20, 'registered', 50);
    await put('L:one', { site: 'late' }, 10, 'expired', 60);
    expect(await named({ site: 'a' })).toEqual(['L:one']);
    expect(await named({ site: 'late' })).toEqual([]);
    await put('L:one', { site: 'b' }, 30, 'registered', 40);
    expect(await named({ site: 'a' })).toEqual([]);
    expect(await named({ gone: '1' })).toEqual([]);
    expect(await store().list({ limit: 9, labels: { site: 'b' } })).toEqual([{ endpoint: 'L:one', state: 'expired', changedAtMs: 60, labels: { site: 'b' } }]);
    await store().putEntries([{ endpoint: 'L:one', state: 'removed', changedAtMs: 70 }]);
    expect(await named({ site: 'b' })).toEqual(['L:one']);
  });

  test('labels that were taken away do not come back with an older event', async () => {
    await put('L:two', { only: 'two' }, 20);
    await put('L:two', {}, 30);
    await put('L:two', { only: 'two' }, 20);
    expect(await named({ only: 'two' })).toEqual([]);
    expect((await pages(store(), 1_000)).find(({ endpoint }) => endpoint === 'L:two')).toEqual({ endpoint: 'L:two', state: 'labelled', changedAtMs: 1 });
  });

  test('any sequence of labels ends with the newest of each endpoint', async () => {
    const one = fc.record({ endpoint: fc.constantFrom('r', 's'), value: fc.constantFrom('1', '2', ''), atMs: fc.nat(4) });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 8 }), async (changes) => {
        const key = `run${run++}`;
        const newest = new Map<string, { value: string; atMs: number }>();
        for (const { endpoint, value, atMs } of changes) {
          await put(`L:${key}${endpoint}`, value === '' ? {} : { [key]: value }, atMs);
          if (!((newest.get(endpoint)?.atMs ?? -1) > atMs)) newest.set(endpoint, { value, atMs });
        }
        for (const value of ['1', '2']) {
          const expected = [...newest].filter(([, held]) => held.value === value).map(([endpoint]) => `L:${key}${endpoint}`);
          expect(await named({ [key]: value })).toEqual(expected.sort());
        }
      }),
      { numRuns: 25 },
    );
  });
}

function valueCompliance(store: () => ReadModelStore): void {
  const put = (endpoint: string, values: readonly StoredValue[], maxPaths = 100) => store().putValues([{ endpoint, values }], maxPaths);
  const value = (path: string, atMs: number, json = `{"v":${atMs}}`): StoredValue => ({ path, atMs, json });

  test('values come back as they were, in order of their paths', async () => {
    const values = [value('/3303/0/5700', 1_900_000_000_000.5, '{"v":"größe \u{1f4a1}"}'), value('/3/0/1', 0, '""'), value('/3/0/13', -5)];
    await put('v:one', values);
    expect(await store().values('v:one')).toEqual([values[1], values[2], values[0]]);
    expect(await store().values('v:none')).toEqual([]);
    await store().putValues([], 10);
    await put('v:none', []);
  });

  test('older values never replace newer ones, whatever their order', async () => {
    await put('v:two', [value('/1', 20), value('/2', 20)]);
    await put('v:two', [value('/1', 10), value('/2', 30), value('/2', 25)]);
    expect(await store().values('v:two')).toEqual([value('/1', 20), value('/2', 30)]);
    await put('v:two', [value('/1', 20, '"again"')]);
    expect((await store().values('v:two'))[0]).toEqual(value('/1', 20, '"again"'));
    const rounds = Array.from({ length: 40 }, (_, index) => value('/3', (index * 17) % 40));
    await Promise.all(rounds.map((round) => put('v:two', [round])));
    expect((await store().values('v:two'))[2]).toEqual(value('/3', 39));
  });

  test('an endpoint keeps at most so many paths; known ones go on being kept up', async () => {
    await put('v:three', [value('/a', 1), value('/b', 1), value('/c', 1)], 2);
    await put('v:three', [value('/c', 9), value('/a', 2)], 2);
    expect(await store().values('v:three')).toEqual([value('/a', 2), value('/b', 1)]);
  });

  test('what is forgotten is gone, for that endpoint alone', async () => {
    await store().putValues([{ endpoint: 'v:four', values: [value('/a', 9)] }, { endpoint: 'v:five', values: [value('/a', 9)] }], 10);
    await store().forgetValues('v:four');
    expect(await store().values('v:four')).toEqual([]);
    expect(await store().values('v:five')).toHaveLength(1);
    await put('v:four', [value('/a', 1)]);
    expect(await store().values('v:four')).toEqual([value('/a', 1)]);
  });

  test('any sequence of values ends with the newest of each path', async () => {
    const one = fc.record({ path: fc.constantFrom('/a', '/b', '/c'), atMs: fc.nat(5), json: fc.json({ maxDepth: 1 }) });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(one, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), async (batches) => {
        const endpoint = `v:random:${run++}`;
        const newest = new Map<string, StoredValue>();
        for (const batch of batches) {
          await put(endpoint, batch);
          for (const next of batch) if (!((newest.get(next.path)?.atMs ?? -1) > next.atMs)) newest.set(next.path, next);
        }
        expect(await store().values(endpoint)).toEqual([...newest.values()].sort((a, b) => (a.path < b.path ? -1 : 1)));
      }),
      { numRuns: 25 },
    );
  });
}
