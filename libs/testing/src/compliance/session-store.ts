/** The suite that every adapter of the `SessionStore` port must pass. */
import type { SessionStore } from '@cluster/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alarmCompliance } from './session-alarms.ts';
import { commitCompliance } from './session-commits.ts';
import { sessionModelCompliance } from './session-model.ts';
import { waitingCompliance } from './session-waiting.ts';

const TIMEOUT_MS = 60_000;

/** A store under test; `close` also removes what it was given to live in. */
export interface Opened<Store> {
  readonly store: Store;
  readonly close: () => Promise<void>;
}

/** Runs the suite against the store that `open` gives, which must be empty. */
export function sessionStoreCompliance(name: string, open: () => Promise<Opened<SessionStore>>): void {
  describe(`${name}: SessionStore`, { timeout: TIMEOUT_MS }, () => {
    let opened: Opened<SessionStore>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened?.close(), TIMEOUT_MS);
    const store = (): SessionStore => opened.store;

    endpointCompliance(store);
    commitCompliance(store);
    addressCompliance(store);
    alarmCompliance(store);
    waitingCompliance(store);
    sessionModelCompliance(store);

    test('the clock is that of 1970 in milliseconds and does not run backwards', async () => {
      const first = await store().timeMs();
      expect(Math.abs(first - Date.now())).toBeLessThan(60_000);
      expect(await store().timeMs()).toBeGreaterThanOrEqual(first);
      expect(Number.isInteger(first)).toBe(true);
    });
  });
}

function endpointCompliance(store: () => SessionStore): void {
  test('the first claim gives the number, later ones get to know it', async () => {
    expect(await store().resolve(['urn:a'])).toEqual([undefined]);
    expect(await store().claim([{ endpoint: 'urn:a', proposal: 'AAAAAAA1' }])).toEqual(['AAAAAAA1']);
    expect(await store().claim([{ endpoint: 'urn:a', proposal: 'AAAAAAA2' }])).toEqual(['AAAAAAA1']);
    expect(await store().resolve(['urn:none', 'urn:a'])).toEqual([undefined, 'AAAAAAA1']);
  });

  test('a claim replaces the number it names, and no other', async () => {
    const claim = (proposal: string, replaces: string) => store().claim([{ endpoint: 'urn:b', proposal, replaces }]);
    expect(await claim('BBBBBBB1', 'BBBBBBB0')).toEqual(['BBBBBBB1']);
    expect(await claim('BBBBBBB2', 'BBBBBBB0')).toEqual(['BBBBBBB1']);
    expect(await claim('BBBBBBB2', 'BBBBBBB1')).toEqual(['BBBBBBB2']);
    expect(await store().resolve(['urn:b'])).toEqual(['BBBBBBB2']);
  });

  test('only the number that holds can be released', async () => {
    await store().claim([{ endpoint: 'urn:c', proposal: 'CCCCCCC1' }]);
    await store().release('urn:c', 'CCCCCCC2');
    expect(await store().resolve(['urn:c'])).toEqual(['CCCCCCC1']);
    await store().release('urn:c', 'CCCCCCC1');
    expect(await store().resolve(['urn:c'])).toEqual([undefined]);
    await store().release('urn:c', 'CCCCCCC1');
  });

  test('of many claims racing for one endpoint one wins, and all hear which', async () => {
    const proposals = Array.from({ length: 40 }, (_, index) => `D${String(index).padStart(7, '0')}`);
    const held = await Promise.all(proposals.map((proposal) => store().claim([{ endpoint: 'urn:d', proposal }])));
    expect(new Set(held.flat()).size).toBe(1);
    expect(await store().resolve(['urn:d'])).toEqual(held[0]);
  });

  test('endpoint names of any text are told apart, in batches of any size', async () => {
    const names = ['{', '}', '{x}', '{}y', 'urn:größe', '\u{1f4a1}', 'a b', 'a\nb', 'e'.repeat(500), 'null', '__proto__'];
    const endpoints = [...names, ...Array.from({ length: 300 }, (_, index) => `urn:many:${index}`)];
    const numbers = endpoints.map((_, index) => `E${String(index).padStart(7, '0')}`);
    expect(await store().claim(endpoints.map((endpoint, index) => ({ endpoint, proposal: numbers[index]! })))).toEqual(numbers);
    expect(await store().resolve(endpoints)).toEqual(numbers);
    expect(await store().resolve([])).toEqual([]);
    expect(await store().claim([])).toEqual([]);
  });
}

function addressCompliance(store: () => SessionStore): void {
  test('the last device to bind an address has it', async () => {
    const peer = '192.0.2.1:5683';
    await store().bindAddresses([{ peer, number: 'FFFFFFF1', ttlMs: 60_000 }]);
    await store().bindAddresses([
      { peer, number: 'FFFFFFF2', ttlMs: 60_000 },
      { peer: '[2001:db8::1]:5683', number: 'FFFFFFF3', ttlMs: 60_000 },
    ]);
    const found = await store().resolveAddresses(['[2001:db8::1]:5683', '192.0.2.9:1', peer]);
    expect(found).toEqual(['FFFFFFF3', undefined, 'FFFFFFF2']);
    expect(await store().resolveAddresses([])).toEqual([]);
    await store().bindAddresses([]);
  });

  test('an address is forgotten when its time is over, and a new binding begins it anew', async () => {
    const [short, renewed] = ['192.0.2.2:1', '192.0.2.2:2'];
    const bind = (peer: string, ttlMs: number) => store().bindAddresses([{ peer, number: 'GGGGGGG1', ttlMs }]);
    await bind(short, 200);
    await bind(renewed, 200);
    await bind(renewed, 60_000);
    expect(await store().resolveAddresses([short, renewed])).toEqual(['GGGGGGG1', 'GGGGGGG1']);
    await expect.poll(() => store().resolveAddresses([short]), { timeout: 5_000 }).toEqual([undefined]);
    expect(await store().resolveAddresses([renewed])).toEqual(['GGGGGGG1']);
  });
}
