/** Which configuration a device gets, what it makes of it, and who gets none. */
import type { BootstrapConfiguration, BootstrapSecurity } from '@cluster/contracts';
import { decodeUtf8, fromHex, toHex } from '@cluster/bytes';
import { parseCertificate, publicKeyOf } from '@cluster/dtls';
import { authority, issue } from '@cluster/dtls/testing/authority';
import { sha256 } from '@cluster/secrets';
import { createPublicKey } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BootstrapRequest, Prepared, ProvisionedInstance } from '../index.ts';
import { BootstrapWorld } from '../testing/bootstrap-world.ts';

const A = 'urn:dev:a';
const KEY = 'f0'.repeat(16);
const uri = 'coaps://edge.example.com:5684';
const account = (security: BootstrapSecurity, shortServerId = 1) => ({ role: 'management', uri, shortServerId, security }) as const;
const psk = account({ mode: 'psk', from: 'make' });
const root = authority('CN=Root');
const server = issue({ subject: 'CN=edge.example.com' }, root);
const spki = Buffer.from(fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5')!);

let world: BootstrapWorld;
beforeEach(async () => {
  world = new BootstrapWorld();
  world.serverKeys = [{ names: ['edge.example.com'], chain: [server.der, root.der], publicKey: spki }];
  world.certificate = async (endpoint, key) => issue({ subject: `CN=${endpoint}`, keys: { ...root.keys, publicKey: createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' }) } }, root).der;
  await world.desk().set(A, { psk: { identity: 'factory', keyHex: KEY }, role: 'bootstrap' });
});

const put = (name: string, configuration: BootstrapConfiguration) => world.configurations.put(name, configuration);
const identity = (credentialVersion = 1) => ({ deviceNumber: world.numbers.get(A)!, credentialVersion });
const prepare = (request: Partial<BootstrapRequest> = {}): Promise<Prepared> =>
  world.provisioning().prepare({ endpoint: A, identity: identity(), nowMs: world.nowMs, preferredFormat: 112, ...request });

async function provided(request: Partial<BootstrapRequest> = {}) {
  const prepared = await prepare(request);
  if (prepared.kind !== 'provision') throw new Error(`${prepared.kind}: ${prepared.detail}`);
  return prepared.provision;
}

const values = (write: ProvisionedInstance | undefined) => Object.fromEntries((write?.resources ?? []).map(({ id, value }) => [id, value instanceof Uint8Array ? toHex(value) : value]));

describe('the order in which configurations count', () => {
  const lifetime = (lifetimeS: number, assign: BootstrapConfiguration['assign'] = {}): BootstrapConfiguration => ({ accounts: [{ ...psk, lifetimeS }], assign });
  const got = async () => {
    const { configuration, revision, writes } = await provided();
    return `${configuration} ${revision} ${String(values(writes.find(({ path }) => path === '/1/0'))[1])}`;
  };

  test('own document, then its own assignment, then groups by priority and name, then the default', async () => {
    world.labels.set(A, { site: 'hall' });
    world.groups.set('hall', { site: 'hall' });
    expect(await prepare()).toMatchObject({ kind: 'no-configuration', detail: 'no configuration is assigned to it' });
    await put('z-default', lifetime(1, { default: true }));
    expect(await got()).toBe('z-default 1 1');
    await put('b-hall', lifetime(2, { groups: ['hall', 'gone'] }));
    await put('c-other', lifetime(3, { groups: ['other'] }));
    expect(await got()).toBe('b-hall 1 2');
    await put('a-hall', lifetime(4, { groups: ['hall'] }));
    expect(await got()).toBe('a-hall 1 4');
    await put('b-hall', lifetime(5, { groups: ['hall'], priority: 9 }));
    expect(await got()).toBe('b-hall 2 5');
    await world.configurations.putOwn(A, { configuration: 'c-other' });
    expect(await got()).toBe('c-other 1 3');
    await world.configurations.putOwn(A, { document: { accounts: [{ ...psk, lifetimeS: 6 }] } });
    expect(await got()).toBe('own 2 6');
    await world.configurations.removeOwn(A);
    expect(await got()).toBe('b-hall 2 5');
  });

  test('what is a tenant’s before what is for all, and never what is another tenant’s', async () => {
    const of = (tenant: string, name: string, lifetimeS: number) => world.configurations.put(name, lifetime(lifetimeS, { default: true }), tenant);
    await put('shared', lifetime(1, { default: true, priority: 9 }));
    await of('acme', 'x-acme', 2);
    expect(await got()).toBe('shared 1 1');
    world.tenants.set(A, 'acme');
    expect(await got()).toBe('x-acme 1 2');
    await world.configurations.putOwn(A, { configuration: 'x-acme' });
    expect(await got()).toBe('x-acme 1 2');
    world.tenants.set(A, 'rival');
    expect(await prepare()).toMatchObject({ kind: 'no-configuration', detail: "its configuration x-acme is gone, another tenant's, or can not be read" });
    await world.configurations.removeOwn(A);
    expect(await got()).toBe('shared 1 1');
  });

  test('an assignment to what is gone gets nothing, instead of something else', async () => {
    await put('all', lifetime(1, { default: true }));
    await world.configurations.putOwn(A, { configuration: 'gone' });
    expect(await prepare()).toMatchObject({ kind: 'no-configuration' });
  });
});

describe('who gets nothing', () => {
  beforeEach(async () => void (await put('all', { accounts: [psk], assign: { default: true } })));

  test('a device of which nothing is known; unless the default takes such', async () => {
    expect(await prepare({ endpoint: 'urn:dev:b', identity: undefined })).toMatchObject({ kind: 'unknown-endpoint' });
    await put('all', { accounts: [psk], assign: { default: true, unknownEndpoints: true } });
    expect(await prepare({ endpoint: 'urn:dev:b', identity: undefined })).toMatchObject({ kind: 'provision', endpoint: 'urn:dev:b' });
  });

  test('one with another name than its credential has (row B19); its name may be left out', async () => {
    expect(await prepare({ endpoint: 'urn:dev:b' })).toMatchObject({ kind: 'wrong-identity' });
    expect(await prepare({ endpoint: undefined })).toMatchObject({ kind: 'provision', endpoint: A, number: world.numbers.get(A) });
  });

  test('one that proves nothing, where it has credentials for bootstrapping', async () => {
    expect(await prepare({ identity: undefined })).toMatchObject({ kind: 'wrong-identity' });
  });

  test('one without security that was made known may come again and again', async () => {
    await world.configurations.putOwn('urn:dev:b', { configuration: 'all' });
    for (let i = 0; i < 2; i++) expect(await prepare({ endpoint: 'urn:dev:b', identity: undefined })).toMatchObject({ kind: 'provision' });
  });

  test('one that comes too often is in quarantine, each time for longer, until it kept away or its operator lets it in', async () => {
    await put('all', { accounts: [psk], assign: { default: true }, policy: { sessions: 3, windowS: 60, quarantineS: 100 } });
    const comes = async () => {
      const prepared = await prepare();
      return prepared.kind === 'quarantined' ? prepared.retryAfterS : prepared.kind;
    };
    const often = async () => [await comes(), await comes(), await comes(), await comes()];
    expect(await often()).toEqual(['provision', 'provision', 'provision', 100]);
    world.nowMs += 40_000;
    expect(await comes()).toBe(60);
    world.nowMs += 60_000;
    expect(await often()).toEqual(['provision', 'provision', 'provision', 200]);
    world.nowMs += 200_000;
    for (let i = 0; i < 10; i++) {
      expect(await comes()).toBe('provision');
      world.nowMs += 20_001;
    }
    world.nowMs += 86_400_000;
    expect(await often()).toEqual(['provision', 'provision', 'provision', 100]);
  });

  test.each<[string, BootstrapConfiguration, string]>([
    ['a credential that nobody set', { accounts: [account({ mode: 'psk', from: 'given' })] }, 'no psk credential is set for the endpoint (management)'],
    ['a key that another device has', { accounts: [account({ mode: 'psk', from: { identity: 'x', keyHex: 'bb'.repeat(16) } })] }, 'psk: key-shared'],
  ])('one whose configuration needs %s', async (_, configuration, detail) => {
    await world.desk().set('urn:dev:b', { psk: { identity: 'b', keyHex: 'bb'.repeat(16) } });
    await world.configurations.putOwn(A, { document: configuration });
    expect(await prepare()).toMatchObject({ kind: 'no-configuration', detail });
  });

  test('one that needs a certificate where there is no authority', async () => {
    world.certificate = undefined;
    await world.configurations.putOwn(A, { document: { accounts: [account({ mode: 'x509', from: 'make' })] } });
    expect(await prepare()).toMatchObject({ kind: 'no-configuration', detail: 'no certification authority is configured' });
  });
});

describe('what is written', () => {
  const own = (document: BootstrapConfiguration) => world.configurations.putOwn(A, { document });

  test('a PSK that is made is new to each device, and accepted: identity and key, and no server key (row B25)', async () => {
    await own({ accounts: [psk] });
    const { writes, deletes, discoverFirst } = await provided();
    expect(writes.map(({ path }) => path)).toEqual(['/0/1', '/1/0']);
    const { 3: id, 5: key, ...rest } = values(writes[0]);
    expect(rest).toEqual({ 0: uri, 1: false, 2: 0, 4: '', 10: 1 });
    expect(values(writes[1])).toEqual({ 0: 1, 1: 86_400, 6: true, 7: 'U', 23: false });
    const [found] = await world.lookup().byPskIdentity(fromHex(id as string)!, world.nowMs);
    expect([found?.endpoint, toHex(found!.key), (key as string).length]).toEqual([A, key, 64]);
    expect(decodeUtf8(fromHex(id as string)!)).toMatch(/^[\w-]{16}$/);
    expect({ deletes, discoverFirst }).toEqual({ deletes: ['/0', '/1'], discoverFirst: true });
  });

  test('one that is given is what the operator set; the device keeps the raw key of its secure element (row F26)', async () => {
    await world.desk().set(A, { psk: { identity: 'mine', keyHex: 'ab'.repeat(16) }, rpk: { spkiBase64: spki.toString('base64') } });
    await own({ accounts: [account({ mode: 'psk', from: 'given' }), account({ mode: 'rpk', from: 'given' }, 2)] });
    const { writes } = await provided();
    expect(values(writes[0])).toMatchObject({ 2: 0, 3: toHex(Buffer.from('mine')), 5: 'ab'.repeat(16) });
    expect(values(writes[1])).toMatchObject({ 2: 1, 3: '', 4: spki.toString('hex'), 5: '' });
  });

  test('a raw key pair, with the server’s key (row B28)', async () => {
    await own({ accounts: [account({ mode: 'rpk', from: 'make' })] });
    const { 3: publicKey, 4: serverKey, 5: secret } = values((await provided()).writes[0]);
    expect(serverKey).toBe(spki.toString('hex'));
    expect(toHex(publicKeyOf(fromHex(secret as string)!)!)).toBe(publicKey);
  });

  test.each<[string, object, Buffer]>([
    ['the server’s certificate', {}, server.der],
    ['its issuer’s for Certificate Usage 2 (row B36)', { usage: 2 }, root.der],
    ['what the document has', { serverCertificateBase64: Buffer.from('der').toString('base64') }, Buffer.from('der')],
  ])('a certificate with its key, and %s (row B32)', async (_, more, expected) => {
    await own({ accounts: [account({ mode: 'x509', from: 'make', sni: 'edge.example.com', ...more })] });
    const written = values((await provided()).writes[0]);
    expect(written).toMatchObject({ 2: 2, 4: expected.toString('hex'), 14: 'edge.example.com' });
    const certificate = parseCertificate(fromHex(written[3] as string)!);
    expect(typeof certificate === 'string' ? certificate : toHex(certificate.spki)).toBe(toHex(publicKeyOf(fromHex(written[5] as string)!)!));
    if ('usage' in more) expect(written[15]).toBe(2);
  });

  test.each<[BootstrapSecurity, number]>([
    [{ mode: 'psk', from: 'make' }, 0], [{ mode: 'rpk', from: 'make' }, 1], [{ mode: 'x509', from: 'make' }, 2], [{ mode: 'nosec' }, 3], [{ mode: 'est' }, 4],
  ])('a security mode as its number: %o is %i (row B15)', async (security, mode) => {
    await own({ accounts: [account(security)] });
    expect(values((await provided()).writes[0])[2]).toBe(mode);
  });

  test.each([0, 1, 2, 3])('Certificate Usage %i (row B36)', async (usage) => {
    await own({ accounts: [account({ mode: 'x509', from: 'make', usage })] });
    expect(values((await provided()).writes[0])[15]).toBe(usage);
  });

  test('by EST nothing but the mode and the server’s certificate (row B16); what is enrolled replaces the PSK once it is used', async () => {
    await world.desk().set(A, { psk: { identity: 'old', keyHex: 'ab'.repeat(16) } });
    await own({ accounts: [account({ mode: 'est' })] });
    expect(values((await provided()).writes[0])).toMatchObject({ 2: 4, 3: '', 4: server.der.toString('hex'), 5: '' });
    const certificate = issue({ subject: `CN=${A}` }, root).der;
    expect(await world.enrolled().install({ number: world.numbers.get(A)!, endpoint: A }, { certificate, sha256: sha256(certificate) })).toBe(true);
    const states = async () => (await world.desk().list(A))!.map(({ kind, role, state }) => `${kind} ${role ?? ''} ${state}`);
    expect(await states()).toEqual(['psk bootstrap current', 'psk  former', 'x509  current']);
    await world.lookup().used({ deviceNumber: world.numbers.get(A)!, credentialVersion: 3 }, world.nowMs);
    expect(await states()).toEqual(['psk bootstrap current', 'x509  current']);
  });

  test('an account without security opens the endpoint to whoever says its name', async () => {
    await own({ accounts: [{ role: 'management', uri: 'coap://edge.example.com', shortServerId: 1, security: { mode: 'nosec' } }] });
    expect(values((await provided()).writes[0])).toMatchObject({ 2: 3, 3: '', 4: '', 5: '' });
    expect(world.opened.has(A)).toBe(true);
  });

  test('OSCORE contexts linked from their accounts (row B53), access rights, other objects', async () => {
    await own({
      accounts: [{ ...psk, oscore: { from: 'make', aead: 10 } }],
      accessControl: [{ object: 3, instance: 0, owner: 1, acl: { 0: 1, 1: 15 } }],
      objects: [{ path: '/16/0', resources: [{ id: 0, instance: 3, value: 'text' }] }],
      delete: 'all-but-bootstrap', keep: ['/16/1'], discoverFirst: false, readBack: ['/1'],
    });
    const { writes, ...rest } = await provided();
    expect(writes.map(({ path }) => path)).toEqual(['/0/1', '/1/0', '/21/1', '/2/0', '/16/0']);
    expect(values(writes[0])[17]).toEqual({ object: 21, instance: 1 });
    const { 0: secret, 1: sender, 2: recipient, 3: aead, 5: salt } = values(writes[2]);
    expect([secret, sender, recipient, aead, salt].map((each) => String(each).length)).toEqual([32, 14, 14, 2, 16]);
    expect(writes[3]?.resources).toEqual([
      { id: 0, type: 'integer', value: 3 }, { id: 1, type: 'integer', value: 0 },
      { id: 2, instance: 0, type: 'integer', value: 1 }, { id: 2, instance: 1, type: 'integer', value: 15 }, { id: 3, type: 'integer', value: 1 },
    ]);
    expect(writes[4]?.resources).toEqual([{ id: 0, instance: 3, type: 'string', value: 'text' }]);
    expect(rest).toEqual({ configuration: 'own', revision: 1, deletes: 'all-but-bootstrap', keep: ['/16/1'], discoverFirst: false, readBack: ['/1'] });
  });

  test('to a client of 1.0 nothing that it can not know', async () => {
    await own({ accounts: [{ ...account({ mode: 'x509', from: 'make', sni: 'edge.example.com', usage: 3 }) }] });
    const { writes } = await provided({ preferredFormat: undefined });
    expect(Object.keys(values(writes[0]))).toEqual(['0', '1', '2', '3', '4', '5', '10']);
    expect(Object.keys(values(writes[1]))).toEqual(['0', '1', '6', '7']);
  });

  test('a bootstrap account of its own first, and servers elsewhere with what the document has', async () => {
    await own({
      accounts: [
        { role: 'bootstrap', uri, security: { mode: 'psk', from: 'make' }, securityResources: [{ id: 12, value: 60 }] }, psk,
        { role: 'management', uri: 'coaps://other.example.org', shortServerId: 2, elsewhere: true, security: { mode: 'psk', from: { identity: 'there', keyHex: 'cd'.repeat(16) } } },
      ],
    });
    const { writes } = await provided();
    expect(writes.map(({ path }) => path)).toEqual(['/0/0', '/0/1', '/0/2', '/1/0', '/1/1']);
    expect(values(writes[0])).toMatchObject({ 1: true, 12: 60 });
    expect(values(writes[2])).toMatchObject({ 3: toHex(Buffer.from('there')), 5: 'cd'.repeat(16) });
    expect((await world.desk().list(A))!.map(({ identity: id }) => id)).not.toContain('there');
  });
});
