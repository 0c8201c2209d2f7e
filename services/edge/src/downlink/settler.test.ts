/** What the settler does a little later, and what it leaves when something comes for the device meanwhile. */
import { encodeEntry, firstLookMs, newEntry } from '@cluster/session';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Settler } from './settler.ts';

const NUMBER = 'AAAAAAAA';
const NOW_MS = 1_000_000;
const LATER_MS = NOW_MS + 86_400_000;
let store: ReturnType<typeof openEmbeddedStore>;
let failures: unknown[];
let settler: Settler;

beforeEach(() => {
  store = openEmbeddedStore({ file: ':memory:' });
  failures = [];
  settler = new Settler(store, (error) => failures.push(error));
});
afterEach(() => store.close());

/** A command that is told, with its mark still on it and its alarm set. */
async function told(id: string, by = settler): Promise<number> {
  const entry = newEntry({ op: 'read', path: '/3/0/0' }, { id, nowMs: NOW_MS });
  const atMs = firstLookMs(entry);
  await store.commit([{ number: NUMBER, alarmMs: atMs, entries: [{ id, expected: 0, record: encodeEntry(entry) }] }]);
  by.add(NUMBER, { id, expected: 1, record: encodeEntry(entry) });
  return atMs;
}

/** When the device's alarm rings. */
async function alarmMs(): Promise<number | undefined> {
  const shards = Array.from({ length: store.shards }, (_, shard) => store.alarmsAfter(shard, 0, 10));
  return (await Promise.all(shards)).flat().find(({ number }) => number === NUMBER)?.atMs;
}

describe('marks and alarms', () => {
  it('a mark is cleared, and the alarm that watched over its result rings later', async () => {
    const atMs = await told('a');
    settler.putOff({ number: NUMBER, atMs, nextMs: LATER_MS });
    await settler.flush();
    expect((await store.loadEntries(NUMBER))[0]?.version).toBe(2);
    expect(await alarmMs()).toBe(LATER_MS);
  });

  it('an alarm stays when something has come for the device: it watches over that now', async () => {
    let asked = 0;
    const watched = new Settler({ ...store, settle: (alarms) => (asked++, store.settle(alarms)) }, (error) => failures.push(error));
    const atMs = await told('a', watched);
    watched.putOff({ number: NUMBER, atMs, nextMs: LATER_MS });
    await watched.settle([NUMBER]); // its queue is read again
    await watched.flush();
    expect([await alarmMs(), asked]).toEqual([atMs, 0]);
  });

  it('an alarm that a command brought forward since is left alone', async () => {
    const atMs = await told('a');
    settler.putOff({ number: NUMBER, atMs, nextMs: LATER_MS });
    await told('b');
    await settler.flush();
    expect(await alarmMs()).toBeLessThan(atMs);
  });

  it('without a mark that waits no alarm is put off', async () => {
    const atMs = await told('a');
    await settler.flush();
    settler.putOff({ number: NUMBER, atMs, nextMs: LATER_MS });
    await settler.flush();
    expect(await alarmMs()).toBe(atMs);
  });
});

it('marks that the store does not take are told of, and cleared by nobody', async () => {
  const broken = new Settler({ ...store, commit: () => Promise.reject(new Error('broken')) }, (error) => failures.push(error));
  broken.add(NUMBER, { id: 'a', expected: 1, record: undefined });
  await broken.flush();
  expect(failures).toEqual([new Error('broken')]);
});
