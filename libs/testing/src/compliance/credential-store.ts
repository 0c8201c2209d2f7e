/** The suite that every adapter of the `CredentialStore` port must pass. */
import type { CredentialStore } from '@cluster/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the store that `open` gives, which must be empty. */
export function credentialStoreCompliance(name: string, open: () => Promise<Opened<CredentialStore>>): void {
  describe(`${name}: CredentialStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<CredentialStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): CredentialStore => opened.store;

    recordCompliance(store);
    nameCompliance(store);
  });
}

async function load(store: CredentialStore, number: string): Promise<{ version: number; record: number[] } | undefined> {
  const [stored] = await store.loadCredentials([number]);
  return stored && { version: stored.version, record: [...stored.record] };
}

function recordCompliance(store: () => CredentialStore): void {
  test('a record is written where it has the version that was expected', async () => {
    expect(await load(store(), 'CRED0001')).toBeUndefined();
    expect(await store().commitCredentials('CRED0001', 1, Uint8Array.of(1))).toBe(false);
    expect(await store().commitCredentials('CRED0001', 0, Uint8Array.of(1))).toBe(true);
    expect(await store().commitCredentials('CRED0001', 0, Uint8Array.of(2))).toBe(false);
    expect(await load(store(), 'CRED0001')).toEqual({ version: 1, record: [1] });
    expect(await store().commitCredentials('CRED0001', 1, Uint8Array.of(0, 255, 10, 13))).toBe(true);
    expect(await load(store(), 'CRED0001')).toEqual({ version: 2, record: [0, 255, 10, 13] });
  });

  test('a record is removed where it has the version that was expected, and begins anew', async () => {
    await store().commitCredentials('CRED0002', 0, Uint8Array.of(1));
    expect(await store().commitCredentials('CRED0002', 2, undefined)).toBe(false);
    expect(await store().commitCredentials('CRED0002', 1, undefined)).toBe(true);
    expect(await load(store(), 'CRED0002')).toBeUndefined();
    expect(await store().commitCredentials('CRED0002', 0, Uint8Array.of(3))).toBe(true);
    expect(await load(store(), 'CRED0002')).toEqual({ version: 1, record: [3] });
  });

  test('of many who write at once one does', async () => {
    const writes = Array.from({ length: 30 }, (_, i) => store().commitCredentials('CRED0003', 0, Uint8Array.of(i)));
    expect((await Promise.all(writes)).filter((done) => done)).toHaveLength(1);
  });

  test('records of many devices come in the order that was asked for, of any size', async () => {
    const numbers = Array.from({ length: 200 }, (_, i) => `M${String(i).padStart(7, '0')}`);
    await Promise.all(numbers.map((number, i) => store().commitCredentials(number, 0, new Uint8Array(i * 20).fill(i))));
    const stored = await store().loadCredentials(['CREDnone', ...numbers]);
    expect(stored.map((each) => each?.record.length)).toEqual([undefined, ...numbers.map((_, i) => i * 20)]);
    expect(await store().loadCredentials([])).toEqual([]);
  });
}

function nameCompliance(store: () => CredentialStore): void {
  test('a name is given to the first who claims it', async () => {
    expect(await store().findNames(['pA'])).toEqual([undefined]);
    expect(await store().claimNames([{ name: 'pA', number: 'NAMEAAA1' }])).toEqual(['NAMEAAA1']);
    expect(await store().claimNames([{ name: 'pA', number: 'NAMEAAA2' }])).toEqual(['NAMEAAA1']);
    expect(await store().claimNames([{ name: 'pA', number: 'NAMEAAA1' }])).toEqual(['NAMEAAA1']);
    expect(await store().findNames(['pNone', 'pA'])).toEqual([undefined, 'NAMEAAA1']);
    expect(await store().findNames([])).toEqual([]);
  });

  test('a claim takes a name from the device that it says, and from no other', async () => {
    await store().claimNames([{ name: 'pB', number: 'NAMEBBB1' }]);
    expect(await store().claimNames([{ name: 'pB', number: 'NAMEBBB2', replaces: 'NAMEBBB0' }])).toEqual(['NAMEBBB1']);
    expect(await store().claimNames([{ name: 'pB', number: 'NAMEBBB2', replaces: 'NAMEBBB1' }])).toEqual(['NAMEBBB2']);
    expect(await store().findNames(['pB'])).toEqual(['NAMEBBB2']);
  });

  test('a name is given back by its device alone', async () => {
    await store().claimNames([{ name: 'pC', number: 'NAMECCC1' }, { name: 'kC', number: 'NAMECCC1' }]);
    await store().releaseNames([{ name: 'pC', number: 'NAMECCC2' }, { name: 'kC', number: 'NAMECCC1' }, { name: 'pNone', number: 'NAMECCC1' }]);
    expect(await store().findNames(['pC', 'kC'])).toEqual(['NAMECCC1', undefined]);
    await store().releaseNames([]);
    expect(await store().claimNames([])).toEqual([]);
  });

  test('of many who want a name one gets it, and all hear which', async () => {
    const numbers = Array.from({ length: 40 }, (_, i) => `W${String(i).padStart(7, '0')}`);
    const held = await Promise.all(numbers.map((number) => store().claimNames([{ name: 'pD', number }])));
    expect(new Set(held.flat()).size).toBe(1);
    expect(await store().findNames(['pD'])).toEqual(held[0]);
  });
}
