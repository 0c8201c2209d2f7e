/** Bootstrap configurations as operators write them: what is refused and where, what is shown, what is stored. */
import { type BootstrapConfiguration, bootstrapConfiguration, bootstrapPreview } from '@cluster/contracts';
import { authority } from '@cluster/dtls/testing/authority';
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { Assignments, ConfigurationDesk } from '../index.ts';
import { BootstrapWorld } from '../testing/bootstrap-world.ts';
import { second, first } from '../testing/credential-world.ts';

const A = 'urn:dev:a';
const SECRET = 'deadbeefcafe'.repeat(4);
const model = new ObjectModel(ddfDirectory());
const account = { role: 'management', uri: 'coaps://edge.example.com', shortServerId: 1, security: { mode: 'psk', from: 'make' } } as const;
const fixed = { ...account, security: { mode: 'psk', from: { identity: 'a', keyHex: SECRET } } } as const;

function keyOf() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = { format: 'der', type: 'pkcs8' } as const;
  return { spki: publicKey.export({ format: 'der', type: 'spki' }), key: privateKey.export(pkcs8), encrypted: privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }) };
}
const raw = keyOf();
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

let world: BootstrapWorld;
let desk: ConfigurationDesk;
beforeEach(() => {
  world = new BootstrapWorld();
  const { configurations: store } = world;
  const devices = { find: world.devices.find, named: async () => undefined, prepare: world.devices.keep };
  const assignments = new Assignments({ store, groupsOf: async () => [] });
  desk = new ConfigurationDesk({ store, assignments, devices, model, timeMs: async () => world.nowMs });
});

const with_ = (change: object, ...more: object[]) => ({ accounts: [{ ...account, ...change }, ...more] });

test.each<[string, unknown, string]>([
  ['no account', { accounts: [] }, 'accounts'],
  ['a server with a path', with_({ uri: 'coaps://a/rd' }), 'accounts.0.uri'],
  ['a security mode that there is not (row B15)', with_({ security: { mode: 'tls' } }), 'accounts.0.security.mode'],
  ['a Certificate Usage above 3 (row B36)', with_({ security: { mode: 'x509', from: 'make', usage: 4 } }), 'accounts.0.security.usage'],
  ['a short server id of 0', with_({ shortServerId: 0 }), 'accounts.0.shortServerId'],
  ['a binding of unknown letters', with_({ binding: 'X' }), 'accounts.0.binding'],
  ['an unknown field', with_({ sni: 'a' }), 'accounts.0'],
  ['a path that is none', { ...with_({}), keep: ['/0/01'] }, 'keep.0'],
  ['a read of what may not be read', { ...with_({}), readBack: ['/0'] }, 'readBack.0'],
])('%s is no configuration', (_, configuration, path) => {
  const { error } = bootstrapConfiguration.safeParse(configuration);
  expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
});

test.each<[string, unknown, string, string]>([
  ['plain CoAP with a key', with_({ uri: 'coap://a' }), 'accounts.0.uri', 'psk needs coaps'],
  ['coaps without one', with_({ security: { mode: 'nosec' } }), 'accounts.0.uri', 'coaps needs a security mode other than nosec'],
  ['management without short server id', with_({ shortServerId: undefined }), 'accounts.0.shortServerId', 'a management account needs it'],
  ['one short server id twice', with_({}, { ...account }), 'accounts.1.shortServerId', 'occurs twice'],
  ['one instance twice', with_({ securityInstance: 3 }, { ...account, shortServerId: 2, securityInstance: 3 }), 'accounts.1.securityInstance', 'occurs twice'],
  ['two bootstrap accounts', { accounts: [1, 2].map(() => ({ role: 'bootstrap', uri: account.uri, security: account.security })) }, 'accounts', 'a client has one bootstrap account'],
  ['a bootstrap account with a lifetime', { accounts: [{ role: 'bootstrap', uri: account.uri, security: account.security, lifetimeS: 5 }] }, 'accounts.0.lifetimeS', 'a bootstrap account has no Server object instance'],
  ['a key made for a server elsewhere', with_({ elsewhere: true }), 'accounts.0.security.from', 'credentials of a server elsewhere are to be given in the document'],
  ['two sources of one kind', with_({}, { ...account, shortServerId: 2, security: { mode: 'psk', from: 'given' } }), 'accounts.1.security.from', 'accounts of one role at this cluster share their psk credential'],
  ['EST beside a PSK', with_({}, { ...account, shortServerId: 2, security: { mode: 'est' } }), 'accounts.1.security.mode', 'EST and another mode can not stand side by side at this cluster'],
  ['a public key that is none', with_({ security: { mode: 'rpk', from: 'make', serverPublicKeyBase64: 'AAAA' } }), 'accounts.0.security.serverPublicKeyBase64', 'expected a SubjectPublicKeyInfo of secp256r1 in DER'],
  ['a public key as a certificate', with_({ security: { mode: 'x509', from: { certificateBase64: base64(raw.spki), privateKeyBase64: base64(raw.key) } } }), 'accounts.0.security.from.certificateBase64', 'expected an X.509 certificate of version 3 in DER'],
  ['an encrypted private key (row B32)', with_({ security: { mode: 'rpk', from: { publicKeyBase64: base64(raw.spki), privateKeyBase64: base64(raw.encrypted) } } }), 'accounts.0.security.from.privateKeyBase64', 'expected a OneAsymmetricKey of version 1 in DER, not encrypted'],
  ['a private key of another public key (row B28)', with_({ security: { mode: 'rpk', from: { publicKeyBase64: base64(raw.spki), privateKeyBase64: base64(keyOf().key) } } }), 'accounts.0.security.from.privateKeyBase64', 'is not the key of what stands beside it'],
  ['a private key of another certificate (row B32)', with_({ security: { mode: 'x509', from: { certificateBase64: base64(authority('CN=A').der), privateKeyBase64: base64(raw.key) } } }), 'accounts.0.security.from.privateKeyBase64', 'is not the key of what stands beside it'],
  ['a resource that the account sets itself', with_({ serverResources: [{ id: 1, value: 5 }] }), 'accounts.0.serverResources.0.id', 'is set by a field of the account'],
  ['an Execute resource', with_({ serverResources: [{ id: 8, value: 5 }] }), 'accounts.0.serverResources.0', 'Registration Update Trigger is executed, not written'],
  ['a value of another type', with_({ serverResources: [{ id: 5, value: 'soon' }] }), 'accounts.0.serverResources.0', 'is no integer'],
  ['a value out of its range', with_({ securityResources: [{ id: 13, value: 4 }] }), 'accounts.0.securityResources.0', 'Matching Type is 0..3'],
  ['a multiple resource without instance', with_({ securityResources: [{ id: 16, value: 4 }] }), 'accounts.0.securityResources.0', 'DTLS/TLS Ciphersuite is a multiple resource: name the instance'],
  ['an instance of a single one', with_({ securityResources: [{ id: 11, instance: 0, value: 4 }] }), 'accounts.0.securityResources.0', 'Client Hold Off Time has no instances'],
  ['an object of the accounts', { ...with_({}), objects: [{ path: '/1/4', resources: [] }] }, 'objects.0.path', 'object 1 is written by what stands in accounts'],
  ['an instance without what is mandatory', { ...with_({}), objects: [{ path: '/11/0', resources: [] }] }, 'objects.0.resources', 'lacks Profile name (0), which is mandatory'],
  ['an unknown object without types', { ...with_({}), objects: [{ path: '/65000/0', resources: [{ id: 1, value: 1 }] }] }, 'objects.0.resources.0', 'the object model does not know it: give it a type'],
  ['rights of a server that the client has not', { ...with_({}), accessControl: [{ object: 3, instance: 0, owner: 7, acl: { 9: 1 } }] }, 'accessControl.0.owner', 'is no short server id of this document'],
  ['unknown endpoints for a group', { ...with_({}), assign: { groups: ['a'], unknownEndpoints: true } }, 'assign.unknownEndpoints', 'is for the default'],
])('%s is told by its field', async (_, configuration, path, message) => {
  const put = await desk.put('x', bootstrapConfiguration.parse(configuration));
  expect(put).toMatchObject({ outcome: 'malformed' });
  expect(put.outcome === 'malformed' ? put.faults : []).toContainEqual({ path, message });
  expect(await desk.list()).toEqual([]);
});

describe('what is stored', () => {
  const configuration: BootstrapConfiguration = {
    accounts: [{ ...fixed, securityResources: [{ id: 8, value: Buffer.from('sms secret').toString('base64') }] }],
    objects: [{ path: '/11/0', resources: [{ id: 0, value: 'profile' }, { id: 4, value: 3 }, { id: 6, value: 'p4ssword' }] }],
    assign: { default: true },
  };

  test('is shown without its secrets, and counted', async () => {
    expect(await desk.put('one', configuration)).toMatchObject({ outcome: 'stored', view: { name: 'one', revision: 1 } });
    expect(await desk.put('one', configuration)).toMatchObject({ view: { revision: 2 } });
    expect(await desk.putOwn(A, { document: { accounts: [fixed] } })).toMatchObject({ outcome: 'stored', view: { revision: 1 } });
    const shown = JSON.stringify([await desk.get('one'), await desk.own(A), await desk.list(), await desk.preview(A, '1.1')]);
    for (const secret of [SECRET, 'sms secret', Buffer.from('sms secret').toString('base64'), 'p4ssword']) expect(shown).not.toContain(secret);
    expect(await desk.get('one')).toMatchObject({ configuration: { accounts: [{ security: { from: { identity: 'a', keyHex: '********' } } }], objects: [{ resources: [{ value: 'profile' }, { value: 3 }, { value: '********' }] }] } });
  });

  test('is sealed, also under a new master secret', async () => {
    await desk.put('one', configuration);
    await desk.putOwn(A, { document: { accounts: [fixed] } });
    expect(JSON.stringify([...world.documents.sets].map(([, { documents }]) => [...documents]))).not.toContain(SECRET.slice(0, 12));
    world.ring.replace([second, first]);
    expect([await world.configurations.reseal(), await world.configurations.resealOwn(A), await world.configurations.reseal()]).toEqual([1, 1, 0]);
    world.ring.replace([second]);
    expect((await world.configurations.get('one'))?.configuration).toEqual(configuration);
    expect((await world.configurations.ofEndpoint(A)).own).toMatchObject({ document: { accounts: [fixed] } });
  });

  test('may be removed, and assigned only while it is there', async () => {
    expect(await desk.putOwn(A, { configuration: 'one' })).toEqual({ outcome: 'unknown-configuration' });
    await desk.put('one', configuration);
    expect(await desk.putOwn(A, { configuration: 'one' })).toMatchObject({ outcome: 'stored', view: { configuration: 'one' } });
    expect([await desk.removeOwn(A), await desk.removeOwn(A), await desk.own(A)]).toEqual([true, false, undefined]);
    expect([await desk.remove('one'), await desk.remove('one'), await desk.get('one')]).toEqual([true, false, undefined]);
  });
});

test('a preview tells what would be written, and makes nothing', async () => {
  await desk.put('all', { accounts: [account, { ...account, shortServerId: 2, security: { mode: 'x509', from: 'make' } }], assign: { default: true } });
  expect(await desk.preview(A, '1.1')).toBe('nothing is known of this endpoint');
  await world.devices.keep(A);
  const preview = await desk.preview(A, '1.1');
  expect(bootstrapPreview.safeParse(preview).error).toBeUndefined();
  expect(preview).toMatchObject({ configuration: 'all', source: 'default', writes: [{ path: '/0/1' }, { path: '/0/2' }, { path: '/1/0' }, { path: '/1/1' }] });
  const [security] = (preview as { writes: { resources: object[] }[] }).writes;
  expect(security?.resources).toContainEqual({ id: 5, name: 'Secret Key', type: 'opaque', secret: true });
  expect(security?.resources).toContainEqual({ id: 0, name: 'LWM2M Server URI', type: 'string', value: account.uri });
  expect(await world.desk().list(A)).toEqual([]);
});
