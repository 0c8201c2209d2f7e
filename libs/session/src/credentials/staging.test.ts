/** Credentials made for a bootstrap session: accepted at once, one of a kind at most, and nothing ends before its time. */
import { encodeUtf8, fromHex } from '@cluster/bytes';
import { sha256 } from '@cluster/secrets';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Credential, CredentialContent, CredentialDesk, CredentialUse, Wanted } from '../index.ts';
import { CredentialWorld } from '../testing/credential-world.ts';

const KEY = 'a0'.repeat(16);
let world: CredentialWorld;
let desk: CredentialDesk;
let drawn = 0;
beforeEach(() => {
  world = new CredentialWorld();
  desk = world.desk();
  drawn = 0;
});

function wanted(kind: 'psk' | 'x509' | 'rpk' | 'oscore', use: CredentialUse = 'management'): Wanted {
  drawn += 1;
  const bytes = sha256(encodeUtf8(`${kind}${drawn}`));
  const content = {
    psk: { kind: 'psk', identity: encodeUtf8(`made-${drawn}`), key: bytes },
    x509: { kind: 'x509', sha256: bytes },
    rpk: { kind: 'rpk', spki: bytes },
    oscore: { kind: 'oscore', masterSecret: bytes, salt: bytes, senderId: bytes.subarray(0, 4), recipientId: bytes.subarray(4, 8) },
  }[kind] as CredentialContent;
  return { use, kind, made: { content, secret: { privateKey: bytes } } };
}

async function stage(...wants: Wanted[]): Promise<readonly Credential[]> {
  const result = await desk.stage('urn:a', wants, []);
  if (result.outcome !== 'staged') throw new Error(result.reason);
  return result.staged;
}

const use = (version: number, at: CredentialUse = 'management') =>
  world.lookup(100, at).used({ deviceNumber: world.numbers.get('urn:a')!, credentialVersion: version }, world.nowMs);
const shown = async () => (await desk.list('urn:a'))!.map(({ version, kind, state, unproved }) => `${version} ${kind} ${state}${unproved === true ? ' unproved' : ''}`);

describe('what is staged', () => {
  test('is accepted at once, beside what it replaces, which ends when it is first used', async () => {
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY } });
    await stage(wanted('x509'));
    expect(await shown()).toEqual(['1 psk former', '2 x509 current unproved']);
    expect(await world.keysOf('old')).toEqual([KEY]);
    await use(1);
    expect(await world.keysOf('old')).toEqual([KEY]);
    await use(2);
    expect(await shown()).toEqual(['2 x509 current']);
  });

  test('begins with what was read before, and loses nothing that was set since', async () => {
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY } });
    const proved = { number: world.numbers.get('urn:a')!, nowMs: world.nowMs };
    const standing = await desk.standing('urn:a', proved);
    await desk.set('urn:a', { x509: { sha256: 'b0'.repeat(32) } });
    const staged = await desk.stage('urn:a', [wanted('x509')], [], standing);
    expect(staged).toMatchObject({ outcome: 'staged', staged: [{ version: 3 }] });
    expect(await shown()).toEqual(['1 psk former', '2 x509 former', '3 x509 current unproved']);
  });

  test('is given again until it was used, with the key that goes with it; then another one is made', async () => {
    const [first] = await stage(wanted('rpk'));
    const [again] = await stage(wanted('rpk'));
    expect(again).toEqual(first);
    expect(again?.unproved?.privateKey).toEqual(first?.unproved?.privateKey);
    await use(first!.version);
    const [next] = await stage(wanted('rpk'));
    expect(next?.version).toBe(2);
    expect(await shown()).toEqual(['1 rpk former', '2 rpk current unproved']);
  });

  test('costs no write where nothing changes', async () => {
    await stage(wanted('psk'));
    const { records } = world.store;
    const before = [...records.values()][0]!.version;
    await stage(wanted('psk'));
    expect([...records.values()][0]!.version).toBe(before);
  });

  test('is made anew where what was made does not fit any more', async () => {
    await stage(wanted('x509'));
    const [next] = await stage({ ...wanted('x509'), fits: () => false });
    expect(next?.version).toBe(2);
    expect(await shown()).toEqual(['1 x509 former unproved', '2 x509 current unproved']);
    await stage({ ...wanted('x509'), fits: () => false });
    expect(await shown()).toEqual(['2 x509 former unproved', '3 x509 current unproved']);
  });

  test('leaves what is given as well, and credentials of other interfaces', async () => {
    await desk.set('urn:a', { psk: { identity: 'factory', keyHex: KEY }, role: 'bootstrap' });
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: `${KEY}00` } });
    await desk.stage('urn:a', [wanted('x509')], [{ use: 'management', kind: 'psk' }]);
    await use(3);
    expect(await shown()).toEqual(['1 psk current', '2 psk current', '3 x509 current']);
  });

  test('of OSCORE replaces OSCORE alone', async () => {
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY }, oscore: { masterSecretHex: KEY, senderIdHex: '01', recipientIdHex: '02' } });
    await stage(wanted('oscore'));
    expect(await shown()).toEqual(['1 psk current', '2 oscore former', '3 oscore current unproved']);
    await use(3);
    expect(await shown()).toEqual(['1 psk current', '3 oscore current']);
  });

  test('stays beside what an operator sets, since the device may have it', async () => {
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY } });
    await stage(wanted('psk'));
    await desk.set('urn:a', { psk: { identity: 'new', keyHex: `${KEY}00` } });
    expect(await shown()).toEqual(['1 psk former', '2 psk former unproved', '3 psk current']);
    await use(2);
    expect(await shown()).toEqual(['2 psk former', '3 psk current']);
  });

  test('of the bootstrap account is proved at the bootstrap server, not at the edge', async () => {
    await desk.set('urn:a', { psk: { identity: 'factory', keyHex: KEY }, role: 'bootstrap' });
    await stage(wanted('psk', 'bootstrap'));
    await use(2, 'management');
    expect(await shown()).toEqual(['1 psk former', '2 psk current unproved']);
    await use(2, 'bootstrap');
    expect(await shown()).toEqual(['2 psk current']);
  });
});

/**
 * A device that holds one of the credentials that were staged last, or still the one before; in any order of sessions,
 * changes of kind and registrations its credential is accepted, and the record stays small.
 */
test('whatever comes in whatever order, the device is never locked out, and what is kept is bounded', async () => {
  const kinds = fc.constantFrom('psk' as const, 'rpk' as const, 'x509' as const);
  const steps = fc.oneof(
    fc.record({ op: fc.constant('stage' as const), kinds: fc.uniqueArray(kinds, { minLength: 1, maxLength: 2 }), arrives: fc.boolean() }),
    fc.record({ op: fc.constant('register' as const), which: fc.nat(1) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (sequence) => {
    world = new CredentialWorld();
    desk = world.desk();
    await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY } });
    let held = [1];
    for (const step of sequence) {
      if (step.op === 'register') await use(held[step.which % held.length]!);
      else {
        const staged = await stage(...step.kinds.map((kind) => wanted(kind)));
        if (step.arrives) held = staged.map(({ version }) => version);
      }
      const live = await world.lookup().areLive(held.map((credentialVersion) => ({ deviceNumber: world.numbers.get('urn:a')!, credentialVersion })), world.nowMs);
      // A device with two accounts may lose the one that a later session, whose writes were lost, has no place for.
      expect(live).toContain(true);
      const list = (await desk.list('urn:a'))!;
      for (const kind of ['psk', 'rpk', 'x509']) {
        expect(list.filter((each) => each.kind === kind).length).toBeLessThanOrEqual(3);
        expect(list.filter((each) => each.kind === kind && each.unproved === true).length).toBeLessThanOrEqual(1);
      }
    }
  }), { numRuns: 60 });
});

describe('roles', () => {
  const found = async (role: CredentialUse) => (await world.lookup(100, role).byPskIdentity(encodeUtf8('id'), world.nowMs)).length;

  test.each([['management', [1, 0]], ['bootstrap', [0, 1]], ['any', [1, 1]]] as const)('a credential for %s opens just that (row B19)', async (role, expected) => {
    await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY }, role });
    expect([await found('management'), await found('bootstrap')]).toEqual(expected);
    const used = { deviceNumber: world.numbers.get('urn:a')!, credentialVersion: 1 };
    const live = await Promise.all((['management', 'bootstrap'] as const).map(async (at) => (await world.lookup(100, at).areLive([used], world.nowMs))[0]));
    expect(live).toEqual(expected.map((count) => count > 0));
  });

  test('one of each kind stands beside the others, and rotates apart', async () => {
    for (const role of ['management', 'bootstrap'] as const) await desk.set('urn:a', { psk: { identity: role, keyHex: KEY }, role });
    await desk.set('urn:a', { psk: { identity: 'next', keyHex: `${KEY}00` }, role: 'bootstrap' });
    expect((await desk.list('urn:a'))!.map(({ role, identity, state }) => `${role ?? ''} ${identity} ${state}`)).toEqual([
      ' management current', 'bootstrap bootstrap former', 'bootstrap next current',
    ]);
  });

  test('a certificate counts by its name alone where there never was a credential for the interface', async () => {
    await desk.set('urn:a', { rpk: { spkiBase64: RPK }, role: 'bootstrap' });
    const holds = async (at: CredentialUse) => [await world.lookup(100, at).hasCredentials('urn:a'), (await world.lookup(100, at).areLive([{ deviceNumber: world.numbers.get('urn:a')!, credentialVersion: 0 }], world.nowMs))[0]];
    expect([await holds('management'), await holds('bootstrap')]).toEqual([[false, true], [true, false]]);
    await desk.remove('urn:a', 'all');
    expect([await holds('management'), await holds('bootstrap')]).toEqual([[false, true], [true, false]]);
  });
});

const RPK = Buffer.concat([
  fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')!,
  fromHex('046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5')!,
]).toString('base64');
