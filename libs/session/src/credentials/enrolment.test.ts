/** Certificates that a device enrols for: accepted before they are sent, and nothing ends before it used one. */
import { encodeUtf8 } from '@cluster/bytes';
import { sha256 } from '@cluster/secrets';
import { beforeEach, expect, test } from 'vitest';
import { type CredentialDesk, CREDENTIALS_BELL, type Enrolled, type EnrolledCertificates, type Enrolling } from '../index.ts';
import { CredentialWorld } from '../testing/credential-world.ts';
import { killAt } from '../testing/memory-credential-store.ts';

const KEY = 'a0'.repeat(16);
let world: CredentialWorld;
let desk: CredentialDesk;
let enrolled: EnrolledCertificates;
let device: Enrolling;
beforeEach(async () => {
  world = new CredentialWorld();
  [desk, enrolled] = [world.desk(), world.enrolled()];
  device = { number: await world.devices.keep('urn:a'), endpoint: 'urn:a' };
});

const certificate = (name: string): Enrolled => ({ certificate: encodeUtf8(name), sha256: sha256(encodeUtf8(name)) });
const install = (name: string, from: Partial<Enrolling> = {}) => enrolled.install({ ...device, ...from }, certificate(name));
const found = async (name: string, use?: 'bootstrap') => (await world.lookup(100, use).byFingerprint(certificate(name).sha256, world.nowMs))?.version;
const use = (version: number | undefined) => world.lookup().used({ deviceNumber: device.number, credentialVersion: version! }, world.nowMs);
const unused = async () => { const der = await enrolled.unused(device); return der && Buffer.from(der).toString(); };
const shown = async () => (await desk.list('urn:a'))!.map(({ kind, state, role, unproved }) => [kind, role ?? 'management', state, unproved === true ? 'unproved' : 'used'].join(' '));

test('a device that has nothing else is known by its certificate at once, at the edge alone', async () => {
  expect(await install('one')).toBe(true);
  expect(await found('one')).toBe(1);
  expect(await found('one', 'bootstrap')).toBeUndefined();
  expect(world.rung).toEqual([`${CREDENTIALS_BELL} ${device.number}`]);
});

test('what it had holds until the certificate is first used, whatever its kind; what opens bootstrap stays', async () => {
  await desk.set('urn:a', { psk: { identity: 'old', keyHex: KEY } });
  await desk.set('urn:a', { psk: { identity: 'factory', keyHex: 'b1'.repeat(16) }, role: 'bootstrap' });
  await install('one');
  expect(await shown()).toEqual(['psk management former used', 'psk bootstrap current used', 'x509 management current unproved']);
  expect(await world.keysOf('old')).toEqual([KEY]);
  await use(await found('one'));
  expect(await shown()).toEqual(['psk bootstrap current used', 'x509 management current used']);
});

test('who enrols again and loses the answer can go on with what it has', async () => {
  await install('one');
  await use(await found('one'));
  await install('two');
  await install('three');
  expect(await Promise.all(['one', 'two', 'three'].map((name) => found(name)))).toEqual([1, 2, 3]);
  await use(await found('two'));
  expect(await Promise.all(['one', 'two', 'three'].map((name) => found(name)))).toEqual([undefined, 2, 3]);
  await use(await found('three'));
  expect(await shown()).toEqual(['x509 management current used']);
});

test('who enrols without end has three at most', async () => {
  await install('0');
  await use(await found('0'));
  for (let i = 1; i < 20; i++) await install(String(i));
  expect(await Promise.all(['0', '17', '18', '19'].map((name) => found(name)))).toEqual([1, undefined, 19, 20]);
  expect(await shown()).toHaveLength(3);
});

test('a renewed certificate opens what the one before it opened', async () => {
  await desk.set('urn:a', { x509: { sha256: Buffer.from(certificate('factory').sha256).toString('hex') }, role: 'any' });
  await install('renewed', { certificate: certificate('factory').sha256 });
  expect(await found('renewed', 'bootstrap')).toBe(2);
  await install('other', { certificate: certificate('nobody').sha256 });
  expect(await found('other', 'bootstrap')).toBeUndefined();
});

test('the newest that was not used is given again', async () => {
  expect(await unused()).toBeUndefined();
  await install('one');
  await install('two');
  expect(await unused()).toBe('two');
  await use(await found('two'));
  expect(await unused()).toBeUndefined();
});

test('what a bootstrap session makes is not mixed up with what a device enrolled for', async () => {
  await install('one');
  const secret = { privateKey: encodeUtf8('key'), certificate: encodeUtf8('made') };
  const staged = await desk.stage('urn:a', [{ use: 'management', kind: 'x509', made: { content: { kind: 'x509', sha256: certificate('made').sha256 }, secret } }], []);
  expect(staged).toMatchObject({ outcome: 'staged', staged: [{ unproved: secret }] });
  expect(await unused()).toBeUndefined();
});

test('a certificate of another device is not taken from it', async () => {
  await install('one');
  expect(await install('one', { number: await world.devices.keep('urn:b'), endpoint: 'urn:b' })).toBe(false);
  expect(await world.lookup().byFingerprint(certificate('one').sha256, world.nowMs)).toMatchObject({ endpoint: 'urn:a' });
});

test('a revoked one is gone, the others stay; the endpoint stays one that has to prove itself', async () => {
  await install('one');
  await install('two');
  expect(await enrolled.revoke(device, certificate('one').sha256)).toBe(true);
  expect(await enrolled.revoke(device, certificate('one').sha256)).toBe(false);
  expect(await Promise.all([found('one'), found('two')])).toEqual([undefined, 2]);
  await enrolled.revoke(device, certificate('two').sha256);
  expect(await world.lookup().hasCredentials('urn:a')).toBe(true);
});

test('killed at any step, a device has what it had, and enrols again', async () => {
  await install('before');
  await use(await found('before'));
  for (let step = 1; ; step++) {
    world.store.before = killAt(world.store.steps.length + step);
    const died = await install(`try ${step}`).then(() => false, () => true);
    world.store.before = () => {};
    expect(await found('before')).toBe(1);
    if (!died) break;
    expect(await install(`again ${step}`)).toBe(true);
    expect(await found(`again ${step}`)).toBeDefined();
  }
});
