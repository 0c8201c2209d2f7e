/** Credentials from an operator's request to a device's handshake: set, found, rotated, revoked, at every kill point. */
import { credentialsRequest, type CredentialsRequest } from '@cluster/contracts';
import { encodeUtf8, toHex } from '@cluster/bytes';
import { sha256 } from '@cluster/secrets';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CredentialWorld, first, second, strict } from '../testing/credential-world.ts';
import { killAt } from '../testing/memory-credential-store.ts';
import { CREDENTIALS_BELL, type CredentialDesk, CredentialsUnreadable, type CredentialLookup, type KnownDevice } from '../index.ts';

const KEY = 'a0'.repeat(16);
const KEY_2 = 'b1'.repeat(16);
const KEY_3 = 'c2'.repeat(16);

let world: CredentialWorld;
let desk: CredentialDesk;
beforeEach(() => {
  world = new CredentialWorld();
  desk = world.desk();
});

const psk = (identity: string, keyHex = KEY): CredentialsRequest => ({ psk: { identity, keyHex } });
const use = (lookup: CredentialLookup, { number, version }: KnownDevice) =>
  lookup.used({ deviceNumber: number, credentialVersion: version }, world.nowMs);
const refusal = (reason: string, kind = 'psk') => ({ outcome: 'refused', reason, kind });

describe('setting', () => {
  test('a PSK is found by its identity, with the endpoint, the version and the key', async () => {
    expect(await desk.set('urn:a', psk('id-a'))).toEqual({
      outcome: 'set',
      credentials: [{ version: 1, kind: 'psk', state: 'current', createdAt: '2027-01-15T08:00:00.000Z', identity: 'id-a' }],
    });
    const [found, ...others] = await world.lookup().byPskIdentity(encodeUtf8('id-a'), world.nowMs);
    expect(found).toEqual({ number: 'N0000000', endpoint: 'urn:a', version: 1, key: Buffer.from(KEY, 'hex') });
    expect(others).toEqual([]);
    expect(await world.keysOf('id-b')).toEqual([]);
    expect(world.rung).toEqual([`${CREDENTIALS_BELL} N0000000`]);
  });

  test('all kinds stand side by side, set at once or one after the other', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    await desk.set('urn:a', { ...psk('id-a'), rpk: { spkiBase64: spki.toString('base64') } });
    await desk.set('urn:a', { x509: { sha256: 'AB:'.repeat(31) + 'ab' } });
    await desk.set('urn:a', { oscore: { masterSecretHex: KEY, senderIdHex: '01', recipientIdHex: '' } });
    expect((await desk.list('urn:a'))?.map(({ version, kind }) => `${version} ${kind}`)).toEqual(['1 psk', '2 rpk', '3 x509', '4 oscore']);
    const lookup = world.lookup();
    expect(await lookup.bySpki(sha256(spki), world.nowMs)).toMatchObject({ endpoint: 'urn:a', version: 2 });
    expect(await lookup.byFingerprint(new Uint8Array(32).fill(0xab), world.nowMs)).toMatchObject({ endpoint: 'urn:a', version: 3 });
  });

  test('a certificate is found by issuer and subject however they are written', async () => {
    await desk.set('urn:a', { x509: { issuer: 'O=Example, CN=Example  CA', subject: String.raw`cn=a\2Cb` } });
    const issuer = 'CN="example ca",O="example"';
    expect(await world.lookup().byIssuedName(issuer, 'CN="a,b"', world.nowMs)).toMatchObject({ endpoint: 'urn:a', version: 1 });
    expect(await world.lookup().byIssuedName(issuer, 'CN="a"', world.nowMs)).toBeUndefined();
  });

  test('an identity may be any bytes (row B23)', async () => {
    await desk.set('urn:a', { psk: { identityHex: '00ff80', keyHex: KEY } });
    expect(await world.lookup().byPskIdentity(Uint8Array.of(0, 255, 128), world.nowMs)).toHaveLength(1);
    expect(await desk.list('urn:a')).toMatchObject([{ identityHex: '00ff80' }]);
  });

  test.each<[string, CredentialsRequest, string]>([
    ['no key', { rpk: { spkiBase64: 'AAAA' } }, 'rpk.spkiBase64'],
    ['a key of another curve', { rpk: { spkiBase64: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64') } }, 'rpk.spkiBase64'],
    ['half a fingerprint', { x509: { sha256: 'ab'.repeat(16) } }, 'x509.sha256'],
    ['no name', { x509: { issuer: 'Example', subject: 'CN=a' } }, 'x509.issuer'],
    ['an unknown type', { x509: { issuer: 'CN=a', subject: 'XX=a' } }, 'x509.subject'],
    ['ids that are equal', { oscore: { masterSecretHex: KEY, senderIdHex: '0A', recipientIdHex: '0a' } }, 'oscore.recipientIdHex'],
  ])('%s is refused by its field', async (_, request, path) => {
    expect(await desk.set('urn:a', request)).toMatchObject({ outcome: 'malformed', faults: [{ path }] });
    expect(world.store.steps).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['an overlap alone', { overlapS: 1 }],
    ['an identity of 129 bytes', psk('x'.repeat(129))],
    ['an identity of 66 characters of 2 bytes', psk('ü'.repeat(66))],
    ['a key of 65 bytes', psk('a', '00'.repeat(65))],
    ['a key of no bytes', psk('a', '')],
    ['half a byte', psk('a', 'abc')],
    ['both identities', { psk: { identity: 'a', identityHex: '00', keyHex: KEY } }],
    ['an unknown kind', { ...psk('a'), tls: {} }],
    ['both ways to name a certificate', { x509: { sha256: 'ab'.repeat(32), issuer: 'CN=a', subject: 'CN=b' } }],
    ['an OSCORE id of 8 bytes', { oscore: { masterSecretHex: KEY, senderIdHex: '00'.repeat(8), recipientIdHex: '' } }],
  ])('%s is no request', (_, request) => {
    expect(credentialsRequest.safeParse(request).success).toBe(false);
  });
});

describe('rules', () => {
  test('a PSK of less than 16 bytes needs permission (rows B14, B24)', async () => {
    expect(await desk.set('urn:a', psk('id-a', KEY.slice(2)))).toEqual(refusal('key-short'));
    expect(await desk.list('urn:a')).toBeUndefined();
    expect(await world.desk({ ...strict, shortPsks: true }).set('urn:a', psk('id-a', 'ff'))).toMatchObject({ outcome: 'set' });
  });

  test('a key belongs to one device, unless load tests are permitted (row B9)', async () => {
    await desk.set('urn:a', psk('id-a'));
    expect(await desk.set('urn:b', psk('id-b'))).toEqual(refusal('key-shared'));
    expect(await world.desk({ ...strict, sharedPsks: true }).set('urn:b', psk('id-b'))).toMatchObject({ outcome: 'set' });
    expect(await desk.set('urn:a', psk('id-a2'))).toMatchObject({ outcome: 'set' });
  });

  test('a key is known to be shared under a newer secret, too', async () => {
    await desk.set('urn:a', psk('id-a'));
    world.ring.replace([second, first]);
    expect(await desk.set('urn:b', psk('id-b'))).toEqual(refusal('key-shared'));
  });

  test('an identity belongs to one device, whatever its kind', async () => {
    const pin = { x509: { sha256: 'ab'.repeat(32) } };
    const oscore = { oscore: { masterSecretHex: KEY, senderIdHex: '01', recipientIdHex: '02' } };
    await desk.set('urn:a', { ...psk('id-a'), ...pin, ...oscore });
    expect(await desk.set('urn:b', psk('id-a', KEY_2))).toEqual(refusal('identity-taken'));
    expect(await desk.set('urn:b', pin)).toEqual(refusal('identity-taken', 'x509'));
    expect(await desk.set('urn:b', oscore)).toEqual(refusal('identity-taken', 'oscore'));
  });

  test('what was refused stays free for others', async () => {
    await desk.set('urn:a', psk('id-a'));
    await desk.set('urn:b', psk('id-b'));
    expect(await desk.set('urn:c', psk('id-b', KEY_2))).toMatchObject({ outcome: 'set' });
  });

  test('what was removed may be another device’s', async () => {
    await desk.set('urn:a', psk('id-a'));
    await desk.remove('urn:a', 'all');
    expect(world.store.names.size).toBe(0);
    expect(await desk.set('urn:b', psk('id-a'))).toMatchObject({ outcome: 'set' });
  });
});

describe('rotation', () => {
  beforeEach(async () => void (await desk.set('urn:a', psk('id-1', KEY))));

  test('the former stays valid until the new one is first used', async () => {
    await desk.set('urn:a', psk('id-2', KEY_2));
    expect(await desk.list('urn:a')).toMatchObject([{ version: 1, state: 'former' }, { version: 2, state: 'current' }]);
    const lookup = world.lookup();
    const [former] = await lookup.byPskIdentity(encodeUtf8('id-1'), world.nowMs);
    expect(former).toMatchObject({ version: 1 });
    await use(lookup, former!);
    const [current] = await lookup.byPskIdentity(encodeUtf8('id-2'), world.nowMs);
    expect(current).toMatchObject({ version: 2 });
    expect(await world.keysOf('id-1')).toEqual([KEY]);
    await use(lookup, current!);
    expect(await world.keysOf('id-1')).toEqual([]);
    expect(await world.keysOf('id-2')).toEqual([KEY_2]);
    const [head] = await lookup.headsOf(['N0000000']);
    expect([1, 2].map((version) => lookup.isLive(head, version, world.nowMs))).toEqual([false, true]);
  });

  test('a handshake costs no store a step where nothing is replaced', async () => {
    const lookup = world.lookup();
    const [found] = await lookup.byPskIdentity(encodeUtf8('id-1'), world.nowMs);
    const before = world.store.steps.length;
    await use(lookup, found!);
    expect(world.store.steps).toHaveLength(before);
  });

  test('under the same identity both keys are candidates, the new one first', async () => {
    await desk.set('urn:a', psk('id-1', KEY_2));
    expect(await world.keysOf('id-1')).toEqual([KEY_2, KEY]);
    const lookup = world.lookup();
    await use(lookup, (await lookup.byPskIdentity(encodeUtf8('id-1'), world.nowMs))[0]!);
    expect(await world.keysOf('id-1')).toEqual([KEY_2]);
  });

  test('the former ends with the overlap', async () => {
    await desk.set('urn:a', { ...psk('id-2', KEY_2), overlapS: 60 });
    const [head] = await world.lookup().headsOf(['N0000000']);
    world.nowMs += 59_000;
    expect([await world.keysOf('id-1'), world.lookup().isLive(head, 1, world.nowMs)]).toEqual([[KEY], true]);
    world.nowMs += 1_000;
    expect([await world.keysOf('id-1'), world.lookup().isLive(head, 1, world.nowMs)]).toEqual([[], false]);
    expect(await desk.list('urn:a')).toMatchObject([{ version: 2 }]);
    expect(await desk.set('urn:b', psk('id-1', KEY))).toMatchObject({ outcome: 'set' });
  });

  test('without an overlap it ends at once (row B17)', async () => {
    await desk.set('urn:a', { ...psk('id-2', KEY_2), overlapS: 0 });
    expect(await world.keysOf('id-1')).toEqual([]);
  });

  test('a second rotation before the first one was used keeps what the device has', async () => {
    await desk.set('urn:a', psk('id-2', KEY_2));
    await desk.set('urn:a', psk('id-3', KEY_3));
    expect([await world.keysOf('id-1'), await world.keysOf('id-2'), await world.keysOf('id-3')]).toEqual([[KEY], [], [KEY_3]]);
  });

  test('a repeat changes nothing, and the former can be made current again', async () => {
    await desk.set('urn:a', { ...psk('id-2', KEY_2), overlapS: 60 });
    const before = await desk.list('urn:a');
    await desk.set('urn:a', psk('id-2', KEY_2));
    expect(await desk.list('urn:a')).toEqual(before);
    await desk.set('urn:a', psk('id-1', KEY));
    expect(await desk.list('urn:a')).toMatchObject([{ version: 1, state: 'current', identity: 'id-1' }]);
    expect(await world.keysOf('id-2')).toEqual([]);
  });

  test('kinds rotate apart', async () => {
    await desk.set('urn:a', { x509: { sha256: 'ab'.repeat(32) } });
    expect(await desk.list('urn:a')).toMatchObject([{ kind: 'psk', state: 'current' }, { kind: 'x509', state: 'current' }]);
  });
});

describe('revocation', () => {
  test('one credential, or all; no version is ever used again', async () => {
    await desk.set('urn:a', { ...psk('id-1', KEY), x509: { sha256: 'ab'.repeat(32) } });
    expect(await desk.remove('urn:a', 1)).toBe(true);
    expect(await desk.remove('urn:a', 1)).toBe(false);
    expect(await world.keysOf('id-1')).toEqual([]);
    expect(await desk.list('urn:a')).toMatchObject([{ version: 2 }]);
    expect(await desk.remove('urn:a', 'all')).toBe(true);
    expect(await desk.list('urn:a')).toEqual([]);
    expect(await desk.remove('urn:none', 'all')).toBeUndefined();
    const [head] = await world.lookup().headsOf(['N0000000']);
    expect([0, 1, 2].map((version) => world.lookup().isLive(head, version, world.nowMs))).toEqual([false, false, false]);
    await desk.set('urn:a', psk('id-1', KEY));
    expect(await desk.list('urn:a')).toMatchObject([{ version: 3 }]);
  });

  test('reaches a worker that was told at its next lookup, one that was not within ten seconds', async () => {
    await desk.set('urn:a', psk('id-1', KEY));
    const [told, deaf] = [world.lookup(), world.lookup()];
    const count = async (lookup: CredentialLookup) => (await lookup.byPskIdentity(encodeUtf8('id-1'), world.nowMs)).length;
    expect([await count(told), await count(deaf)]).toEqual([1, 1]);
    await desk.remove('urn:a', 'all');
    told.forget('N0000000');
    expect([await count(told), await count(deaf)]).toEqual([0, 1]);
    world.nowMs += 10_000;
    expect([await count(told), await count(deaf)]).toEqual([0, 0]);
  });

  test('what was just set is found, also by a worker that knew the device otherwise', async () => {
    await desk.set('urn:a', psk('id-1', KEY));
    const lookup = world.lookup();
    await lookup.byPskIdentity(encodeUtf8('id-1'), world.nowMs);
    await desk.set('urn:a', psk('id-2', KEY_2));
    expect(await lookup.byPskIdentity(encodeUtf8('id-2'), world.nowMs)).toHaveLength(1);
  });

  test('what is asked for often is kept in memory, of a bounded number of devices', async () => {
    for (let i = 0; i < 5; i++) await desk.set(`urn:${i}`, psk(`id-${i}`, KEY_2 + toHex(Uint8Array.of(i))));
    const lookup = world.lookup(2);
    const loads = async (i: number) => {
      const before = world.store.steps.length;
      await lookup.byPskIdentity(encodeUtf8(`id-${i}`), world.nowMs);
      return world.store.steps.length - before;
    };
    expect([await loads(0), await loads(0), await loads(1), await loads(0), await loads(2), await loads(1), await loads(0)]).toEqual([2, 0, 2, 0, 2, 2, 2]);
  });
});

describe('whatever dies', () => {
  /** Endpoint a rotates and is killed at each step; then b wants what a may have claimed. */
  test('nothing is lost, no identity has two owners, and what was left behind can be taken', async () => {
    for (let step = 1; step <= 12; step++) {
      world = new CredentialWorld();
      await world.desk().set('urn:a', psk('id-1', KEY));
      world.store.before = killAt(world.store.steps.length + step);
      const done = await world.desk().set('urn:a', { ...psk('id-2', KEY_2), overlapS: 0 }).then(() => true, () => false);
      world.store.before = () => {};
      const [one, two] = [await world.keysOf('id-1'), await world.keysOf('id-2')];
      expect([one.length, two.length].sort(), `killed at step ${step}`).toEqual([0, 1]);
      if (done) expect(two).toEqual([KEY_2]);
      const taken = await world.desk().set('urn:b', { ...psk('id-2', KEY_2) });
      expect(taken.outcome).toBe(two.length === 1 ? 'refused' : 'set');
      if (!done) expect((await world.desk().set('urn:a', { ...psk('id-1', KEY) })).outcome).toBe('set');
    }
  });

  test('what is removed and set again at once is found if it is there', async () => {
    await fc.assert(fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      world = new CredentialWorld();
      await world.desk().set('urn:a', psk('id', KEY));
      world.store.before = () => scheduler.schedule(Promise.resolve());
      const both = Promise.all([world.desk().remove('urn:a', 'all'), world.desk().set('urn:a', psk('id', KEY))]);
      await scheduler.waitFor(both);
      world.store.before = () => {};
      const listed = (await world.desk().list('urn:a')) ?? [];
      expect((await both)[1].outcome).toBe('set');
      expect(await world.keysOf('id')).toHaveLength(listed.length);
    }), { numRuns: 200 });
  });

  test('of two who take one identity at once one gets it, at every order of their steps', async () => {
    await fc.assert(fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      world = new CredentialWorld();
      world.store.before = () => scheduler.schedule(Promise.resolve());
      const both = Promise.all([world.desk().set('urn:a', psk('id', KEY)), world.desk().set('urn:b', psk('id', KEY_2))]);
      await scheduler.waitFor(both);
      world.store.before = () => {};
      const set = (await both).filter(({ outcome }) => outcome === 'set');
      expect(set.length).toBeLessThanOrEqual(1);
      expect(await world.keysOf('id')).toHaveLength(set.length);
    }), { numRuns: 200 });
  });
});

describe('secrets', () => {
  test('are in nothing that is shown, and in nothing that is stored unsealed (rows B6, Q46)', async () => {
    const secret = 'deadbeefcafe'.repeat(4);
    const request = { ...psk('id-1', secret), oscore: { masterSecretHex: secret, saltHex: secret, senderIdHex: '01', recipientIdHex: '02' } };
    const shown = JSON.stringify([await desk.set('urn:a', request), await desk.list('urn:a'), [...world.store.names]]);
    const stored = [...world.store.records.values()].map(({ record }) => toHex(record)).join();
    expect(`${shown}${stored}`.toLowerCase()).not.toContain('deadbeefcafe');
    expect(shown).not.toContain(Buffer.from(secret, 'hex').toString('base64').slice(0, 12));
  });

  test('are sealed anew under a new master secret, after which the former one may go', async () => {
    await desk.set('urn:a', psk('id-1', KEY));
    world.ring.replace([second, first]);
    expect([await desk.reseal('urn:a'), await desk.reseal('urn:a'), await desk.reseal('urn:none')]).toEqual([true, false, false]);
    world.ring.replace([second]);
    expect(await world.keysOf('id-1')).toEqual([KEY]);
    expect(await desk.set('urn:b', psk('id-b', KEY))).toEqual(refusal('key-shared'));
  });

  test('that do not open for want of their master secret are told, can be removed, and then set anew', async () => {
    await desk.set('urn:a', psk('id-1', KEY));
    world.ring.replace([second]);
    await expect(world.keysOf('id-1')).rejects.toThrow(CredentialsUnreadable);
    await expect(desk.list('urn:a')).rejects.toThrow(CredentialsUnreadable);
    expect(await desk.set('urn:b', psk('id-1', KEY_2))).toEqual(refusal('identity-taken'));
    expect(await desk.remove('urn:a', 'all')).toBe(true);
    await desk.set('urn:a', psk('id-1', KEY));
    expect(await desk.list('urn:a')).toMatchObject([{ version: 2 }]);
  });

  test('stored for one device do not open for another, nor does a head that was altered', async () => {
    await desk.set('urn:a', psk('id-1', KEY));
    const { record } = world.store.records.get('N0000000')!;
    world.store.records.set('N0000001', { version: 1, record });
    world.numbers.set('urn:b', 'N0000001');
    await expect(desk.list('urn:b')).rejects.toThrow(CredentialsUnreadable);
    for (let at = 0; at < 14; at++) {
      const altered = Uint8Array.from(record);
      altered[at]! ^= 1;
      world.store.records.set('N0000000', { version: 1, record: altered });
      await expect(desk.list('urn:a'), `byte ${at}`).rejects.toThrow(CredentialsUnreadable);
    }
  });
});
