/**
 * The whole way of a device with nothing but a bootstrap PSK: bootstrapped over DTLS, registered at the edge with a fresh
 * PSK, bootstrapped anew as REST says, enrolled by EST, registered with its certificate; and then it changes its provider.
 */
import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { authorityMounts, startBootstrap, withProvisioning } from '@cluster/bootstrap';
import { Code } from '@cluster/coap';
import { openSecurity } from '@cluster/coap-kit';
import { loadConfig, openAuthority } from '@cluster/config';
import type { BootstrapSessionPage, CredentialView, IssuedCertificatePage, Problem } from '@cluster/contracts';
import { authority, issue } from '@cluster/dtls/testing/authority';
import { objectModel, startEdge } from '@cluster/edge';
import { startRegistry } from '@cluster/registry';
import { createLogger, LabelledMetrics, Metrics } from '@cluster/telemetry';
import { SecureDevice, type SecureDeviceOptions } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { wireEmbedded } from './wire.ts';

const run = promisify(execFile);
const ENDPOINT = 'urn:dev:whole-way';
const FACTORY = { identity: 'factory', keyHex: 'f0'.repeat(16) };
const PATIENCE = { timeout: 10_000 };
const OF_ENDPOINT = `/endpoints/${ENDPOINT}`;
const factory = { psk: { identity: Buffer.from(FACTORY.identity), key: Buffer.from(FACTORY.keyHex, 'hex') } };
const CALLERS = {
  all: { role: 'admin', tenant: '*' }, former: { role: 'admin', tenant: 'former' }, next: { role: 'admin', tenant: 'next' },
  viewer: { role: 'viewer', tenant: 'next' },
} as const;
type Who = keyof typeof CALLERS;
const root = authority('CN=Root');
const server = issue({ subject: 'CN=localhost' }, root);
const judgeServer = () => server.keys.publicKey;

let directory: string;
let api: string;
let ports: { edge: number; bootstrap: number };
const closing: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'whole-way-'));
  const keys = join(directory, 'server.pem');
  await writeFile(keys, `${new X509Certificate(server.der).toString()}${server.keys.privateKey.export({ format: 'pem', type: 'pkcs8' })}`, { mode: 0o600 });
  const keyFile = join(directory, 'keys.json');
  const digests = Object.entries(CALLERS).map(([name, grant]) => ({ name, sha256: createHash('sha256').update(name).digest('hex'), grants: [grant] }));
  await writeFile(keyFile, JSON.stringify({ keys: digests }), { mode: 0o600 });
  const free = Object.fromEntries(['COAP', 'COAPS', 'BOOTSTRAP_COAP', 'BOOTSTRAP_COAPS', 'HTTP'].map((name) => [`LWM2M_${name}_PORT`, '0']));
  const config = loadConfig({ ...free, LWM2M_DATA_DIR: directory, LWM2M_DTLS_CERTIFICATE_FILES: keys, LWM2M_API_KEYS_FILE: keyFile }, { kind: 'standalone' });
  const log = createLogger({ service: 'test', level: 'warn' });
  const metrics = new Metrics();
  const { store, secrets, publisher, consumer, close } = await wireEmbedded(config, log);
  const security = await openSecurity(config, store, secrets, log);
  const issuing = { authority: (await openAuthority(config, log))!, certificates: store };
  const shared = { sessions: store, cluster: store, publisher, model: objectModel(config), security, log };
  const edge = await startEdge(config, { ...shared, store: { available: true, onAvailability: () => () => undefined }, metrics });
  const ofBootstrap = { ...shared, records: store, groups: store, credentials: store, secrets, issuing, metrics: new LabelledMetrics(metrics, { service: 'bootstrap' }) };
  const bootstrap = await startBootstrap(config, withProvisioning(config, ofBootstrap));
  const registryPorts = { sessions: store, cluster: store, readModel: store, fleet: store, events: consumer, publisher, credentials: { store, secrets } };
  const registry = await startRegistry(config, registryPorts, metrics, log, [bootstrap.mount, ...authorityMounts(config, ofBootstrap)]);
  api = `http://127.0.0.1:${registry.port}/api/v1`;
  ports = { edge: edge.coapsPort!, bootstrap: bootstrap.coapsPort! };
  closing.push(() => registry.close(), () => bootstrap.close(), () => edge.close(), () => issuing.authority.close(), () => security.close(), close);
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
  await rm(directory, { recursive: true });
});

type Opened = Omit<SecureDeviceOptions, 'endpoint' | 'port'> & { readonly endpoint?: string };

async function connect(port: number, options: Opened): Promise<SecureDevice> {
  const device = await SecureDevice.connect({ endpoint: ENDPOINT, port, ...options });
  closing.unshift(() => device.close());
  return device;
}

/** The PSK that a device was written for its server. */
const pskOf = (device: SecureDevice): Opened => ({ psk: { identity: device.value('/0/1/3') as Uint8Array, key: device.value('/0/1/5') as Uint8Array } });

/** As one of the callers; rejects with the code of the problem. */
async function call<T>(who: Who, method: string, path: string, body?: unknown): Promise<T> {
  const headers = { 'x-api-key': who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(api + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw new Error((answer as Problem).code);
  return answer as T;
}

const put = (path: string, body: unknown, who: Who = 'all') => call(who, 'PUT', path, body);

const credentials = async () => (await call<CredentialView[]>('all', 'GET', `${OF_ENDPOINT}/credentials`))
  .map(({ kind, role = 'management', state, unproved }) => `${kind} ${role} ${state}${unproved === true ? ' unproved' : ''}`);

/** What each provider has for the devices of its tenant, beside what is for all. */
async function providers(): Promise<void> {
  const configuration = (shortServerId: number) => ({
    accounts: [{ role: 'management', uri: `coaps://127.0.0.1:${ports.edge}`, shortServerId, lifetimeS: 1_000 * shortServerId, security: { mode: 'psk', from: 'make' } }],
    assign: { default: true },
  });
  await put('/bootstrap/configurations/cars', configuration(1), 'former');
  await put('/bootstrap/configurations/fleet', configuration(2), 'next');
}

it('from a factory PSK to a certificate, without ever being locked out (rows B13, B16, B19)', { timeout: 60_000 }, async () => {
  const account = { role: 'management', uri: `coaps://127.0.0.1:${ports.edge}`, shortServerId: 1 };
  await providers();
  await put(`${OF_ENDPOINT}/credentials`, { psk: FACTORY, role: 'bootstrap' });
  await put('/bootstrap/configurations/lab', { accounts: [{ ...account, security: { mode: 'psk', from: 'make' } }], assign: { default: true } });

  const first = await connect(ports.bootstrap, factory);
  expect(await first.bootstrap()).toBe(Code.CHANGED);
  expect(await credentials()).toEqual(['psk bootstrap current', 'psk management current unproved']);
  expect(await (await connect(ports.edge, pskOf(first))).register()).toBe(Code.CREATED);
  await vi.waitFor(async () => expect(await credentials()).toEqual(['psk bootstrap current', 'psk management current']), PATIENCE);

  await put(`${OF_ENDPOINT}/bootstrap/configuration`, { document: { accounts: [{ ...account, security: { mode: 'est' } }] } });
  const again = await connect(ports.bootstrap, factory);
  expect(await again.bootstrap()).toBe(Code.CHANGED);
  expect(Buffer.from(again.value('/0/1/4') as Uint8Array)).toEqual(server.der);

  const [keyFile, csrFile] = [join(directory, 'device.key'), join(directory, 'device.csr')];
  await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile, '-subj', `/CN=${ENDPOINT}`, '-outform', 'DER', '-out', csrFile]);
  const enrolled = await again.request({ path: '.well-known/est/sen', payload: await readFile(csrFile), contentFormat: 286, accept: 287 });
  expect(enrolled.code).toBe(Code.CHANGED);
  expect(await credentials()).toContain('psk management former');

  const privateKey = createPrivateKey(await readFile(keyFile));
  const certificate = { type: 'x509' as const, chain: [enrolled.payload], privateKey };
  expect(await (await connect(ports.edge, { certificate, judgeServer })).register()).toBe(Code.CREATED);
  await vi.waitFor(async () => expect(await credentials()).toEqual(['psk bootstrap current', 'x509 management current']), PATIENCE);
});

it('a car goes to another provider: its new tenant has it bootstrapped, with credentials of its own, and the former one has lost it (rows F38, B35)', { timeout: 60_000 }, async () => {
  await call('all', 'DELETE', OF_ENDPOINT);
  await call('all', 'PUT', `${OF_ENDPOINT}/tenant`, { tenant: 'former' });
  await put(`${OF_ENDPOINT}/credentials`, { psk: FACTORY, role: 'bootstrap' }, 'former');

  const first = await connect(ports.bootstrap, factory);
  expect(await first.bootstrap()).toBe(Code.CHANGED);
  expect(first.value('/1/0/0')).toBe(1);
  const registered = await connect(ports.edge, pskOf(first));
  expect(await registered.register(1_000)).toBe(Code.CREATED);
  expect(await call<object>('former', 'GET', OF_ENDPOINT)).toMatchObject({ state: 'registered', lifetimeS: 1_000 });

  await call('all', 'PUT', `${OF_ENDPOINT}/tenant`, { tenant: 'next' });
  await call('next', 'POST', `${OF_ENDPOINT}/bootstrap`);
  await vi.waitFor(() => expect(registered.executed).toEqual(['/1/0/9']), PATIENCE);
  const again = await connect(ports.bootstrap, factory);
  expect(await again.bootstrap()).toBe(Code.CHANGED);
  expect(again.value('/1/0/0')).toBe(2);
  expect(await (await connect(ports.edge, pskOf(again))).register(2_000)).toBe(Code.CREATED);
  expect(await call<object>('next', 'GET', OF_ENDPOINT)).toMatchObject({ state: 'registered', lifetimeS: 2_000 });
  await vi.waitFor(async () => expect(await call('next', 'GET', `${OF_ENDPOINT}/bootstrap`)).toMatchObject({ state: 'done' }), PATIENCE);

  // What the former provider gave it opens nothing any more, and shows nothing.
  await expect(connect(ports.edge, pskOf(first))).rejects.toMatchObject({ code: 'HANDSHAKE_REFUSED', alert: 115 });
  for (const path of ['', '/credentials', '/bootstrap/sessions', '/bootstrap/configuration']) await expect(call('former', 'GET', OF_ENDPOINT + path)).rejects.toThrow('ENDPOINT_UNKNOWN');
  // Each sees what was in its time.
  const seen = async (who: Who) => (await call<BootstrapSessionPage>(who, 'GET', '/bootstrap/sessions')).sessions.map(({ configuration }) => configuration);
  expect([await seen('former'), await seen('next')]).toEqual([['cars'], ['fleet']]);
  expect(await call<object[]>('next', 'GET', `${OF_ENDPOINT}/bootstrap/sessions`)).toMatchObject([{ configuration: 'fleet' }]);
});

it('certificates are listed for the tenant that their device has, and revoked by it alone', async () => {
  const certificates = async (who: Who) => (await call<IssuedCertificatePage>(who, 'GET', '/pki/certificates')).certificates;
  expect(await certificates('former')).toEqual([]);
  const [certificate] = await certificates('next');
  expect(certificate).toMatchObject({ endpoint: ENDPOINT, state: 'valid' });
  expect((await call<IssuedCertificatePage>('former', 'GET', `/pki/certificates?endpoint=${ENDPOINT}`)).certificates).toEqual([]);
  const path = `/pki/certificates/${certificate!.serial}`;
  await expect(call('former', 'DELETE', path)).rejects.toThrow('CERTIFICATE_UNKNOWN');
  await expect(call('viewer', 'DELETE', path)).rejects.toThrow('ACCESS_DENIED');
  await call('next', 'DELETE', path);
  expect(await certificates('viewer')).toMatchObject([{ state: 'revoked' }]);
});

it('what is refused has its code and its reason, for the device and for its operator', async () => {
  const stranger = await connect(ports.bootstrap, { ...factory, endpoint: 'urn:dev:somebody-else' });
  expect(await stranger.bootstrap()).toBe(Code.BAD_REQUEST);
  const device = await connect(ports.bootstrap, factory);

  const csr = await readFile(join(directory, 'device.csr'));
  csr[csr.length - 1]! ^= 1;
  const enrolled = await device.request({ path: '.well-known/est/sen', payload: csr, contentFormat: 286, accept: 287 });
  expect([enrolled.code, Buffer.from(enrolled.payload).toString()]).toEqual([Code.BAD_REQUEST, 'the signature is not by the key']);

  await put('/bootstrap/configurations/short-lived', { accounts: [{ role: 'management', uri: 'coaps://a', shortServerId: 1, security: { mode: 'psk', from: 'make' } }] }, 'next');
  await put(`${OF_ENDPOINT}/bootstrap/configuration`, { configuration: 'short-lived' }, 'next');
  await call('next', 'DELETE', '/bootstrap/configurations/short-lived');
  expect(await device.bootstrap()).toBe(Code.BAD_REQUEST);

  await vi.waitFor(async () => {
    const { sessions } = await call<BootstrapSessionPage>('next', 'GET', '/bootstrap/sessions?outcome=failed');
    expect(sessions.map(({ endpoint, reason, detail }) => `${endpoint} ${reason}: ${detail}`).sort()).toEqual([
      'urn:dev:somebody-else wrong-identity: the credential is of another endpoint',
      `${ENDPOINT} enrolment-refused: the signature is not by the key`,
      `${ENDPOINT} no-configuration: its configuration short-lived is gone, another tenant's, or can not be read`,
    ]);
  }, PATIENCE);
});

it('a device that is forgotten has nothing of its own any more', async () => {
  await put(`${OF_ENDPOINT}/bootstrap/configuration`, { configuration: 'fleet' }, 'next');
  await call('all', 'DELETE', OF_ENDPOINT);
  await expect(call('all', 'GET', `${OF_ENDPOINT}/bootstrap/configuration`)).rejects.toThrow('BOOTSTRAP_CONFIGURATION_UNKNOWN');
  await expect(connect(ports.bootstrap, factory)).rejects.toMatchObject({ code: 'HANDSHAKE_REFUSED', alert: 115 });
});
