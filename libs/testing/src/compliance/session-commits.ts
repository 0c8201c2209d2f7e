/** Compliance of session records and downlink queues: versions, limits, races, binary safety. */
import type { CommitResult, DeviceWrite, EntryWrite, SessionStore } from '@cluster/session';
import { expect, test } from 'vitest';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);

export function commitCompliance(store: () => SessionStore): void {
  const commit = async (write: DeviceWrite): Promise<CommitResult> => (await store().commit([write]))[0]!;
  const put = (number: string, expected: number, text: string): Promise<CommitResult> =>
    commit({ number, session: { expected, record: bytes(text) } });
  const entries = (number: string, ...writes: EntryWrite[]): Promise<CommitResult> => commit({ number, entries: writes });
  const version = async (number: string): Promise<number | undefined> => (await store().load([number]))[0]?.version;

  sessionCommits(store, put, version, commit);
  entryCommits(store, entries, put, commit);
  races(store, put, entries);
}

type Put = (number: string, expected: number, text: string) => Promise<CommitResult>;
type Commit = (write: DeviceWrite) => Promise<CommitResult>;
type Entries = (number: string, ...writes: EntryWrite[]) => Promise<CommitResult>;

function sessionCommits(
  store: () => SessionStore,
  put: Put,
  version: (number: string) => Promise<number | undefined>,
  commit: Commit,
): void {
  test('a session is created once and changed by who knows its version', async () => {
    expect(await store().load(['session1'])).toEqual([undefined]);
    expect(await put('session1', 1, 'x')).toBe('conflict');
    expect(await put('session1', 0, 'one')).toBe('committed');
    expect(await put('session1', 0, 'again')).toBe('conflict');
    expect(await put('session1', 1, 'two')).toBe('committed');
    expect(await put('session1', 1, 'late')).toBe('conflict');
    const [session] = await store().load(['session1']);
    expect({ ...session, record: Buffer.from(session!.record).toString() }).toEqual({ version: 2, entries: 0, record: 'two' });
  });

  test('records are bytes: empty, large, and with every value', async () => {
    const records = [new Uint8Array(), everyByte, Buffer.concat([everyByte]).subarray(3, 200), new Uint8Array(100_000).fill(0xff)];
    for (const [index, record] of records.entries()) {
      const number = `binary0${index}`;
      const entry = { id: 'größe \u{1f4a1}', expected: 0, record };
      expect(await commit({ number, session: { expected: 0, record }, entries: [entry] })).toBe('committed');
      const [session] = await store().load([number]);
      expect(Buffer.compare(session!.record, record)).toBe(0);
      const [stored] = await store().loadEntries(number);
      expect({ id: stored!.id, same: Buffer.compare(stored!.record, record) }).toEqual({ id: entry.id, same: 0 });
    }
  });

  test('each write of a batch stands for itself, and results keep their order', async () => {
    await put('batch001', 0, 'x');
    const write = (number: string, expected: number) => ({ number, session: { expected, record: bytes('y') } });
    const writes = [write('batch000', 0), write('batch001', 0), write('batch002', 0), write('batch002', 1), write('batch002', 1)];
    expect(await store().commit(writes)).toEqual(['committed', 'conflict', 'committed', 'committed', 'conflict']);
    expect((await store().load(['batch002', 'batch009', 'batch000'])).map((session) => session?.version)).toEqual([2, undefined, 1]);
    expect(await store().commit([])).toEqual([]);
    expect(await store().load([])).toEqual([]);
  });

  test('entries are written on a session that stays as it is, if its version is the expected one', async () => {
    const guarded = (expected: number, id: string) =>
      commit({ number: 'guarded1', session: { expected }, entries: [{ id, expected: 0, record: bytes(id) }] });
    expect(await guarded(1, 'a')).toBe('conflict');
    await put('guarded1', 0, 'one');
    expect(await guarded(0, 'a')).toBe('conflict');
    expect(await guarded(1, 'a')).toBe('committed');
    expect(await guarded(1, 'b')).toBe('committed');
    expect(await commit({ number: 'guarded1', session: { expected: 1 } })).toBe('committed');
    expect(await commit({ number: 'guarded1', session: { expected: 2 } })).toBe('conflict');
    const [session] = await store().load(['guarded1']);
    expect({ ...session, record: Buffer.from(session!.record).toString() }).toEqual({ version: 1, entries: 2, record: 'one' });
  });

  test('a record with a time to live vanishes, one written over it stays', async () => {
    const ending = (number: string) => commit({ number, session: { expected: 0, record: bytes('end'), ttlMs: 200 } });
    await ending('vanish01');
    await ending('vanish02');
    expect(await put('vanish02', 1, 'back')).toBe('committed');
    await expect.poll(() => version('vanish01'), { timeout: 5_000 }).toBeUndefined();
    expect(await version('vanish02')).toBe(2);
    expect(await put('vanish01', 0, 'new')).toBe('committed');
    expect(await version('vanish01')).toBe(1);
  });

  test('entries outlive a session that vanished, and are counted by the next', async () => {
    const session = { expected: 0, record: bytes('end'), ttlMs: 100 };
    await commit({ number: 'outlive1', session, entries: [{ id: 'a', expected: 0, record: bytes('1') }] });
    await expect.poll(() => version('outlive1'), { timeout: 5_000 }).toBeUndefined();
    expect(await put('outlive1', 0, 'next')).toBe('committed');
    expect((await store().load(['outlive1']))[0]?.entries).toBe(1);
  });
}

function entryCommits(store: () => SessionStore, entries: Entries, put: Put, commit: Commit): void {
  const stored = async (number: string) =>
    (await store().loadEntries(number)).map(({ id, version, record }) => [id, version, Buffer.from(record).toString()]).sort();

  test('entries are created, replaced and removed by version', async () => {
    expect(await entries('entries1', { id: 'a', expected: 1, record: bytes('x') })).toBe('conflict');
    expect(await entries('entries1', { id: 'a', expected: 0, record: bytes('a1') }, { id: 'b', expected: 0, record: bytes('b1') })).toBe('committed');
    expect(await entries('entries1', { id: 'a', expected: 1, record: bytes('a2') })).toBe('committed');
    expect(await stored('entries1')).toEqual([['a', 2, 'a2'], ['b', 1, 'b1']]);
    expect(await entries('entries1', { id: 'b', expected: 2, record: undefined })).toBe('conflict');
    expect(await entries('entries1', { id: 'b', expected: 1, record: undefined })).toBe('committed');
    expect(await entries('entries1', { id: 'b', expected: 0, record: undefined })).toBe('committed');
    expect(await stored('entries1')).toEqual([['a', 2, 'a2']]);
    expect(await stored('entries0')).toEqual([]);
    const queues = await store().loadQueues(['entries0', 'entries1']);
    expect(queues).toEqual([[], await store().loadEntries('entries1')]);
  });

  test('one wrong version refuses session and entries alike', async () => {
    await put('allorno1', 0, 'one');
    await entries('allorno1', { id: 'a', expected: 0, record: bytes('1') });
    const b = { id: 'b', expected: 0, record: bytes('1') };
    const record = bytes('two');
    const wrongEntry = { ...b, id: 'a' };
    expect(await commit({ number: 'allorno1', session: { expected: 1, record }, entries: [b, wrongEntry] })).toBe('conflict');
    expect(await commit({ number: 'allorno1', session: { expected: 2, record }, entries: [b] })).toBe('conflict');
    expect(await stored('allorno1')).toEqual([['a', 1, '1']]);
    expect(await commit({ number: 'allorno1', session: { expected: 1, record }, entries: [b] })).toBe('committed');
    expect((await store().load(['allorno1']))[0]).toMatchObject({ version: 2, entries: 2 });
  });

  test('loading a session tells how many entries it has, by whatever write they came', async () => {
    const count = async () => (await store().load(['counting']))[0]?.entries;
    await entries('counting', { id: 'early', expected: 0, record: bytes('1') });
    await put('counting', 0, 'one');
    expect(await count()).toBe(1);
    await entries('counting', { id: 'b', expected: 0, record: bytes('1') }, { id: 'c', expected: 0, record: bytes('1') });
    expect(await count()).toBe(3);
    await put('counting', 1, 'two');
    expect(await count()).toBe(3);
    await entries('counting', { id: 'early', expected: 1, record: undefined }, { id: 'b', expected: 1, record: bytes('2') });
    expect(await count()).toBe(2);
    expect((await store().load(['counting']))[0]?.version).toBe(2);
  });

  test('a limit refuses the whole write that would pass it', async () => {
    const add = (id: string, size: number, limit: { entries: number; bytes: number }, expected = 0) =>
      commit({ number: 'limits01', entries: [{ id, expected, record: new Uint8Array(size) }], limit });
    expect(await add('a', 10, { entries: 2, bytes: 20 })).toBe('committed');
    expect(await add('b', 11, { entries: 2, bytes: 20 })).toBe('full');
    expect(await add('b', 10, { entries: 1, bytes: 20 })).toBe('full');
    expect(await add('b', 10, { entries: 2, bytes: 20 })).toBe('committed');
    expect(await add('c', 0, { entries: 2, bytes: 20 })).toBe('full');
    expect(await add('c', 0, { entries: 2, bytes: 20 }, 1)).toBe('conflict');
    expect(await add('a', 11, { entries: 2, bytes: 20 }, 1)).toBe('full');
    expect(await add('a', 5, { entries: 2, bytes: 20 }, 1)).toBe('committed');
    const swap = [{ id: 'a', expected: 2, record: undefined }, { id: 'c', expected: 0, record: new Uint8Array(10) }];
    expect(await commit({ number: 'limits01', entries: swap, limit: { entries: 2, bytes: 20 } })).toBe('committed');
    const session = { expected: 0, record: bytes('s') };
    const d = [{ id: 'd', expected: 0, record: new Uint8Array(1) }];
    expect(await commit({ number: 'limits01', session, entries: d, limit: { entries: 2, bytes: 100 } })).toBe('full');
    expect(await store().load(['limits01'])).toEqual([undefined]);
    expect((await stored('limits01')).map(([id]) => id)).toEqual(['b', 'c']);
  });
}

function races(store: () => SessionStore, put: Put, entries: Entries): void {
  test('of many commits racing on one version exactly one wins', async () => {
    for (let version = 0; version < 10; version++) {
      const results = await Promise.all(Array.from({ length: 30 }, (_, racer) => put('racing01', version, `${version}/${racer}`)));
      const winners = results.flatMap((result, racer) => (result === 'committed' ? [racer] : []));
      expect(winners).toHaveLength(1);
      const [session] = await store().load(['racing01']);
      expect(session!.version).toBe(version + 1);
      expect(Buffer.from(session!.record).toString()).toBe(`${version}/${winners[0]}`);
    }
  });

  test('writers that load and try again lose no change', async () => {
    const add = async (writer: number): Promise<void> => {
      const [session] = await store().load(['counter1']);
      const next = [...(session?.record ?? []), writer];
      const write = { number: 'counter1', session: { expected: session?.version ?? 0, record: Uint8Array.from(next) } };
      const [result] = await store().commit([write]);
      if (result !== 'committed') await add(writer);
    };
    await Promise.all(Array.from({ length: 20 }, (_, writer) => add(writer)));
    const [session] = await store().load(['counter1']);
    expect([...session!.record].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, writer) => writer));
    expect(session!.version).toBe(20);
  });

  test('racing adders of entries never pass the limit', async () => {
    const limit = { entries: 5, bytes: 1_000 };
    const add = (id: number) => store().commit([{ number: 'racing02', entries: [{ id: `e${id}`, expected: 0, record: bytes('x') }], limit }]);
    const results = (await Promise.all(Array.from({ length: 25 }, (_, id) => add(id)))).flat();
    expect(results.filter((result) => result === 'committed')).toHaveLength(5);
    expect(results.filter((result) => result === 'full')).toHaveLength(20);
    expect(await store().loadEntries('racing02')).toHaveLength(5);
    expect(await entries('racing02', { id: 'over', expected: 0, record: bytes('x') })).toBe('committed');
  });
}
