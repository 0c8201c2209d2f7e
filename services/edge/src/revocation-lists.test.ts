/** A certificate is put on its issuer's revocation list, or is over, while its device is connected, asleep with a session, or between workers. */
import { Code } from '@cluster/coap';
import { TrustStore } from '@cluster/dtls';
import { authority, issue, revocationList, spkiOf } from '@cluster/dtls/testing/authority';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SecureDevice, type SecureDeviceOptions } from './testing/secure-device.ts';
import { openSecureScene, type SecureScene, type SecureWorker } from './testing/secure-scene.ts';

const root = authority('CN=Root');
const middle = issue({ subject: 'CN=Middle', ca: true }, root);
const server = issue({ subject: 'CN=server', keyUsage: [0] }, root);
const CLOSE_NOTIFY = 0;
const CERTIFICATE_REVOKED = 44;
const CERTIFICATE_EXPIRED = 45;
const DAY_MS = 86_400_000;

let scene: SecureScene;
let workers: SecureWorker[];
let devices: SecureDevice[];

beforeEach(async () => {
  scene = await openSecureScene([{ names: ['server'], chain: [server.der], publicKey: spkiOf(server), privateKey: server.keys.privateKey }]);
  scene.setFiles({ trust: trusting() });
  workers = [await scene.start(), await scene.start()];
  devices = [];
});
afterEach(async () => {
  for (const device of devices) device.close();
  await scene.harness.close();
});

function anchored(...anchors: { der: Buffer }[]): TrustStore {
  const trust = new TrustStore();
  for (const { der } of anchors) trust.addAnchor(der);
  return trust;
}

function trusting(...lists: Buffer[]): TrustStore {
  const trust = anchored(root);
  for (const list of lists) trust.addRevocationList(list);
  return trust;
}

function holder(name: string, by = middle, more: { notAfter?: Date } = {}) {
  const own = issue({ subject: `CN=${name}`, ...more }, by);
  const chain = by === middle ? [own.der, by.der] : [own.der];
  const options: SecureDeviceOptions = { certificate: { type: 'x509', chain, privateKey: own.keys.privateKey }, judgeServer: () => server.keys.publicKey, tickets: true };
  return { ...own, options };
}

async function connect(options: SecureDeviceOptions, worker = 0): Promise<SecureDevice> {
  const device = await SecureDevice.connect(workers[worker]!.port, options);
  devices.push(device);
  return device;
}

const register = { code: Code.POST, path: ['rd'], query: ['lt=300', 'lwm2m=1.1'], payload: '</3/0>' };

it('its association ends with certificate_revoked, and those of others go on (row B37)', async () => {
  const [listed, other] = [holder('urn:a', root), holder('urn:b', root)];
  const [device, bystander] = [await connect(listed.options), await connect(other.options)];
  for (const each of [device, bystander]) expect((await each.request(register)).code).toBe(Code.CREATED);
  scene.setFiles({ trust: trusting(revocationList(root, [listed.serial])) });
  expect(await device.until(() => device.alerts[0])).toBe(CERTIFICATE_REVOKED);
  expect((await bystander.request(register)).code).toBe(Code.CREATED);
  expect(bystander.alerts).toEqual([]);
});

it('so do those of all whom a listed issuer vouched for', async () => {
  const device = await connect(holder('urn:a').options);
  const bystander = await connect(holder('urn:b', root).options);
  scene.setFiles({ trust: trusting(revocationList(root, [middle.serial])) });
  expect(await device.until(() => device.alerts[0])).toBe(CERTIFICATE_REVOKED);
  expect((await bystander.request(register)).code).toBe(Code.CREATED);
});

it('no worker that knows the list takes its association over, or resumes its session by a ticket', async () => {
  const files = scene.security.files();
  const late = await scene.start({}, (deps) => ({ ...deps, security: { ...scene.security, files: () => files, onFiles: () => {} } }));
  const { options, serial } = holder('urn:a');
  const device = await SecureDevice.connect(late.port, options);
  devices.push(device);
  expect((await device.request(register)).code).toBe(Code.CREATED);
  scene.setFiles({ trust: trusting(revocationList(middle, [serial])) });
  device.port = workers[1]!.port;
  device.send(register);
  await vi.waitFor(() => expect(workers[1]!.counted('lwm2m_dtls_records_dropped_total{reason="unknown-cid"}')).toBe(1), 5_000);
  const again = await SecureDevice.greet(workers[1]!.port, { ...options, session: device.session! });
  devices.push(again);
  expect(await again.until(() => again.alerts[0])).toBe(CERTIFICATE_REVOKED);
  expect(workers[1]!.counted('lwm2m_dtls_resumptions_total')).toBe(0);
});

it('without the authority that vouched for it associations end; who has a certificate of another one goes on', async () => {
  const other = authority('CN=Other');
  scene.setFiles({ trust: anchored(root, other) });
  const [device, bystander] = [await connect(holder('urn:a').options), await connect(holder('urn:b', other).options)];
  scene.setFiles({ trust: anchored(other) });
  expect(await device.until(() => device.alerts[0])).toBe(CLOSE_NOTIFY);
  expect((await bystander.request(register)).code).toBe(Code.CREATED);
});

it('one that is over is good for no takeover and no resumption: its device is let in with the one that it has now', async () => {
  const brief = holder('urn:a', middle, { notAfter: new Date(Date.now() + DAY_MS) });
  const device = await connect(brief.options);
  expect((await device.request(register)).code).toBe(Code.CREATED);
  const { store } = scene.harness;
  const renewLease: typeof store.renewLease = async (...lease) => (await store.renewLease(...lease)) + 2 * DAY_MS;
  const later = await scene.start({}, (deps) => ({ ...deps, cluster: { ...store, renewLease } }));
  device.port = later.port;
  device.send(register);
  await vi.waitFor(() => expect(later.counted('lwm2m_dtls_records_dropped_total{reason="unknown-cid"}')).toBe(1), 5_000);
  const again = await SecureDevice.greet(later.port, { ...brief.options, session: device.session! });
  devices.push(again);
  expect(await again.until(() => again.alerts[0])).toBe(CERTIFICATE_EXPIRED);
  const renewed = await SecureDevice.connect(later.port, { ...holder('urn:a').options, session: device.session! });
  devices.push(renewed);
  expect((await renewed.request(register)).code).toBe(Code.CREATED);
  expect(later.counted('lwm2m_dtls_resumptions_total')).toBe(0);
});
