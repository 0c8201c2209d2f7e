/** A revocation, or the end of a certificate, reaches every association within ten seconds, also when no message tells of it. */
import { encodeUtf8 } from '@cluster/bytes';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type CredentialDesk, REVOCATION_ROUND_MS, RevocationWatch } from '../index.ts';
import { CredentialWorld } from '../testing/credential-world.ts';
import { killAt } from '../testing/memory-credential-store.ts';

let world: CredentialWorld;
let desk: CredentialDesk;
let watch: RevocationWatch;

beforeEach(() => {
  world = new CredentialWorld();
  desk = world.desk();
  watch = new RevocationWatch(world.lookup());
});

/** A device with a PSK, and an association that it made with it. */
async function device(name: string, association: number): Promise<void> {
  await desk.set(name, { psk: { identity: name, keyHex: Buffer.from(name.padEnd(16, '.')).toString('hex') } });
  const [found] = await world.lookup().byPskIdentity(encodeUtf8(name), world.nowMs);
  watch.established(association, { deviceNumber: found!.number, credentialVersion: found!.version });
}

/** What one round ends. */
async function looked(): Promise<number[]> {
  const { over, revoked } = watch.round(world.nowMs);
  return [...over, ...(await revoked)];
}

/** Rounds as a worker's timer makes them, for ten seconds. */
async function tenSeconds(): Promise<number[]> {
  const closed: number[] = [];
  for (const untilMs = world.nowMs + 10_000; world.nowMs < untilMs; world.nowMs += REVOCATION_ROUND_MS) {
    for (const association of await looked()) {
      closed.push(association);
      watch.closed(association, [...world.numbers.values()][association]!);
    }
  }
  return closed.sort((a, b) => a - b);
}

test('of any number of associations those revoked end within ten seconds, and no others', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.array(fc.nat(59), { maxLength: 10 }), fc.nat(9), async (count, revoked, before) => {
    world = new CredentialWorld();
    desk = world.desk();
    watch = new RevocationWatch(world.lookup());
    for (let i = 0; i < count; i++) await device(`d${i}`, i);
    for (let i = 0; i < before; i++) expect(await looked()).toEqual([]);
    const gone = [...new Set(revoked.filter((i) => i < count))].sort((a, b) => a - b);
    for (const i of gone) await desk.remove(`d${i}`, 'all');
    expect(await tenSeconds()).toEqual(gone);
    expect(watch.size).toBe(count - gone.length);
  }), { numRuns: 60 });
});

test('a device that is told to have changed is looked at at once', async () => {
  for (const i of [0, 1]) await device(`d${i}`, i);
  await desk.remove('d1', 'all');
  expect(await watch.changed(world.numbers.get('d0')!, world.nowMs)).toEqual([]);
  expect(await watch.changed(world.numbers.get('d1')!, world.nowMs)).toEqual([1]);
  expect(await watch.changed('Nnowhere', world.nowMs)).toEqual([]);
});

test('one revoked credential ends what was made with it, and nothing else of the device', async () => {
  await device('d0', 0);
  await desk.set('d0', { x509: { sha256: 'ab'.repeat(32) } });
  watch.established(1, { deviceNumber: world.numbers.get('d0')!, credentialVersion: 2 });
  await desk.remove('d0', 1);
  expect(await watch.changed(world.numbers.get('d0')!, world.nowMs)).toEqual([0]);
});

test('a former credential ends with its overlap, though nobody tells of it', async () => {
  await device('d0', 0);
  await desk.set('d0', { psk: { identity: 'new', keyHex: 'ff'.repeat(16) }, overlapS: 5 });
  expect(await watch.changed(world.numbers.get('d0')!, world.nowMs)).toEqual([]);
  world.nowMs += 5_000;
  expect(await tenSeconds()).toEqual([0]);
});

test('a certificate that is over ends what was made with it, also while the store is away, and nothing else', async () => {
  for (const i of [0, 1, 2]) await device(`d${i}`, i);
  const validUntilMs = world.nowMs + 60_000;
  watch.established(1, { deviceNumber: world.numbers.get('d1')!, credentialVersion: 1, validUntilMs });
  watch.established(2, { deviceNumber: world.numbers.get('d2')!, credentialVersion: 1, validUntilMs: validUntilMs + 20_000 });
  world.nowMs = validUntilMs - 10_000;
  expect(await tenSeconds()).toEqual([]);
  world.store.before = killAt(0);
  const over: number[] = [];
  for (; world.nowMs < validUntilMs + 10_000; world.nowMs += REVOCATION_ROUND_MS) {
    const round = watch.round(world.nowMs);
    over.push(...round.over);
    expect(await round.revoked.catch(() => [])).toEqual([]);
  }
  expect([...new Set(over)]).toEqual([1]);
});

test('a store that is away ends nothing, and hides nothing', async () => {
  await device('d0', 0);
  await desk.remove('d0', 'all');
  world.store.before = killAt(0);
  await expect(watch.round(world.nowMs).revoked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  world.store.before = () => {};
  expect(await tenSeconds()).toEqual([0]);
});
