/**
 * The whole way of a device with nothing but a bootstrap PSK: bootstrapped over DTLS, registered at the edge with a fresh
 * PSK, bootstrapped anew as REST says, enrolled by EST, registered with its certificate.
 */
import { execFile } from 'node:child_process';
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startBootstrap, withProvisioning } from '@cluster/bootstrap';
import { Code, type CoapMessage, type CoapOption, decodeMessage, encodeMessage, MessageType, OptionNumber } from '@cluster/coap';
import { openSecurity } from '@cluster/coap-kit';
import { loadConfig, openAuthority } from '@cluster/config';
import type { CredentialView } from '@cluster/contracts';
import { DtlsClient, type DtlsClientOptions } from '@cluster/dtls';
import { authority, issue } from '@cluster/dtls/testing/authority';
import { objectModel, startEdge } from '@cluster/edge';
import { decodeContent, type ResourceValue } from '@cluster/lwm2m';
import { startRegistry } from '@cluster/registry';
import { createLogger, LabelledMetrics, Metrics } from '@cluster/telemetry';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { wireEmbedded } from './wire.ts';

const run = promisify(execFile);
const ENDPOINT = 'urn:dev:whole-way';
const FACTORY = { identity: 'factory', keyHex: 'f0'.repeat(16) };
const PATIENCE = { timeout: 10_000 };
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
  const free = Object.fromEntries(['COAP', 'COAPS', 'BOOTSTRAP_COAP', 'BOOTSTRAP_COAPS', 'HTTP'].map((name) => [`LWM2M_${name}_PORT`, '0']));
  const config = loadConfig({ ...free, LWM2M_DATA_DIR: directory, LWM2M_DTLS_CERTIFICATE_FILES: keys }, { kind: 'standalone' });
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
  const registry = await startRegistry(config, registryPorts, metrics, log, [bootstrap.mount]);
  api = `http://127.0.0.1:${registry.port}/api/v1`;
  ports = { edge: edge.coapsPort!, bootstrap: bootstrap.coapsPort! };
  closing.push(() => registry.close(), () => bootstrap.close(), () => edge.close(), () => issuing.authority.close(), () => security.close(), close);
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
  await rm(directory, { recursive: true });
});

type Opened = Omit<DtlsClientOptions, 'random'>;
interface Told { readonly path: string; readonly query?: string; readonly payload?: Uint8Array; readonly formats?: readonly [content: number, accept?: number] }

/** One association of the device. It obeys whatever it is told at the bootstrap interface, and keeps what it is written. */
class Device {
  readonly written = new Map<string, ResourceValue[]>();
  finished = false;
  readonly #socket: Socket;
  readonly #dtls: DtlsClient;
  readonly #answers: CoapMessage[] = [];
  #connected = false;
  #messageId = 1;

  private constructor(socket: Socket, port: number, options: Opened) {
    this.#socket = socket;
    this.#dtls = new DtlsClient({ random: randomBytes, ...options });
    socket.connect(port, '127.0.0.1');
    socket.on('message', (bytes) => this.#run(() => this.#dtls.handle(performance.now(), bytes)));
  }

  static async connect(port: number, options: Opened): Promise<Device> {
    const socket = createSocket('udp4');
    const device = new Device(socket, port, options);
    await once(socket, 'connect');
    closing.unshift(() => void socket.close());
    device.#run(() => device.#dtls.connect(performance.now()));
    await vi.waitFor(() => expect(device.#connected).toBe(true), PATIENCE);
    return device;
  }

  async post({ path, query, payload = new Uint8Array(), formats = [] as unknown as readonly [number] }: Told): Promise<CoapMessage> {
    const messageId = this.#messageId++;
    const [content, accept] = formats;
    const uint = (number: number, value: number | undefined): CoapOption[] => (value === undefined ? [] : [{ number, value: Uint8Array.of(value >> 8, value & 0xff) }]);
    const options = [
      ...path.split('/').map((segment) => ({ number: OptionNumber.URI_PATH, value: Buffer.from(segment) })),
      ...uint(OptionNumber.CONTENT_FORMAT, content),
      ...(query === undefined ? [] : query.split('&').map((each) => ({ number: OptionNumber.URI_QUERY, value: Buffer.from(each) }))),
      ...uint(OptionNumber.ACCEPT, accept),
    ];
    this.#send({ type: MessageType.CON, code: Code.POST, messageId, token: Uint8Array.of(messageId), options, payload });
    return vi.waitFor(() => {
      const answer = this.#answers.find(({ token }) => token[0] === messageId);
      expect(answer).toBeDefined();
      return answer!;
    }, PATIENCE);
  }

  async bootstrap(): Promise<ResourceValue[]> {
    this.finished = false;
    expect((await this.post({ path: 'bs', query: `ep=${ENDPOINT}&pct=112` })).code).toBe(Code.CHANGED);
    await vi.waitFor(() => expect(this.finished).toBe(true), PATIENCE);
    return [...this.written].find(([path]) => path.startsWith('0/') && path !== '0/0')![1];
  }

  #send(message: CoapMessage): void {
    this.#run(() => this.#dtls.send(encodeMessage(message)));
  }

  #run(step: () => void): void {
    step();
    const { datagrams, events } = this.#dtls.poll();
    for (const bytes of datagrams) this.#socket.send(bytes);
    for (const event of events) {
      if (event.kind === 'connected') this.#connected = true;
      const decoded = event.kind === 'data' ? decodeMessage(event.bytes) : undefined;
      if (decoded?.ok === true) this.#take(decoded.message);
    }
  }

  #take(message: CoapMessage): void {
    const { code, messageId, token, options, payload } = message;
    if (code >= 64) {
      if (message.type === MessageType.CON) this.#send({ type: MessageType.ACK, code: 0, messageId, token: new Uint8Array(), options: [], payload: new Uint8Array() });
      return void this.#answers.push(message);
    }
    if (code === 0) return;
    const answer = (answered: number, text = '', more: CoapOption[] = []) =>
      this.#send({ type: MessageType.ACK, code: answered, messageId, token, options: more, payload: Buffer.from(text) });
    const path = options.filter(({ number }) => number === OptionNumber.URI_PATH).map(({ value }) => Buffer.from(value).toString());
    if (code === Code.GET) return answer(Code.CONTENT, '</>;lwm2m=1.1,</0/0>', [{ number: OptionNumber.CONTENT_FORMAT, value: Uint8Array.of(40) }]);
    if (code === Code.DELETE) return answer(Code.DELETED);
    if (code === Code.PUT) {
      const format = options.find(({ number }) => number === OptionNumber.CONTENT_FORMAT)!.value;
      const values = decodeContent(Number.parseInt(Buffer.from(format).toString('hex'), 16), payload, path.map(Number), objectLookup);
      expect(values.ok).toBe(true);
      if (values.ok) this.written.set(path.join('/'), [...values.values]);
    }
    if (code === Code.POST && path[0] === 'bs') this.finished = true;
    answer(Code.CHANGED);
  }
}

const objectLookup = objectModel(loadConfig({}, { kind: 'standalone' })).lookup(new Map(), '1.1');
const bytesAt = (values: ResourceValue[], id: number) => values.find(({ path }) => path[2] === id)!.value as Uint8Array;

async function put(path: string, body: unknown): Promise<void> {
  const response = await fetch(api + path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  expect({ status: response.status, body: response.ok ? '' : await response.text() }).toEqual({ status: 200, body: '' });
}

const credentials = async () => ((await (await fetch(`${api}/endpoints/${ENDPOINT}/credentials`)).json()) as CredentialView[])
  .map(({ kind, role = 'management', state, unproved }) => `${kind} ${role} ${state}${unproved === true ? ' unproved' : ''}`);

async function registered(device: Device): Promise<void> {
  expect((await device.post({ path: 'rd', query: `ep=${ENDPOINT}&lt=300&lwm2m=1.1&b=U`, payload: Buffer.from('</1/0>,</3/0>') })).code).toBe(Code.CREATED);
}

it('from a factory PSK to a certificate, without ever being locked out (rows B13, B16, B19)', { timeout: 60_000 }, async () => {
  const account = { role: 'management', uri: `coaps://127.0.0.1:${ports.edge}`, shortServerId: 1 };
  await put(`/endpoints/${ENDPOINT}/credentials`, { psk: FACTORY, role: 'bootstrap' });
  await put('/bootstrap/configurations/lab', { accounts: [{ ...account, security: { mode: 'psk', from: 'make' } }], assign: { default: true } });

  const factory = { psk: { identity: Buffer.from(FACTORY.identity), key: Buffer.from(FACTORY.keyHex, 'hex') } };
  const first = await (await Device.connect(ports.bootstrap, factory)).bootstrap();
  expect(await credentials()).toEqual(['psk bootstrap current', 'psk management current unproved']);
  const fresh = { psk: { identity: bytesAt(first, 3), key: bytesAt(first, 5) } };
  await registered(await Device.connect(ports.edge, fresh));
  await vi.waitFor(async () => expect(await credentials()).toEqual(['psk bootstrap current', 'psk management current']), PATIENCE);

  await put(`/endpoints/${ENDPOINT}/bootstrap/configuration`, { document: { accounts: [{ ...account, security: { mode: 'est' } }] } });
  const again = await Device.connect(ports.bootstrap, factory);
  expect(Buffer.from(bytesAt(await again.bootstrap(), 4))).toEqual(server.der);

  const [keyFile, csrFile] = [join(directory, 'device.key'), join(directory, 'device.csr')];
  await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile, '-subj', `/CN=${ENDPOINT}`, '-outform', 'DER', '-out', csrFile]);
  const enrolled = await again.post({ path: '.well-known/est/sen', payload: await readFile(csrFile), formats: [286, 287] });
  expect(enrolled.code).toBe(Code.CHANGED);
  expect(await credentials()).toContain('psk management former');

  const privateKey = createPrivateKey(await readFile(keyFile));
  const certificate = { type: 'x509' as const, chain: [enrolled.payload], privateKey };
  await registered(await Device.connect(ports.edge, { certificate, judgeServer }));
  await vi.waitFor(async () => expect(await credentials()).toEqual(['psk bootstrap current', 'x509 management current']), PATIENCE);
});

it('is no endpoint but that of its credential, at either server (row B19)', { timeout: 60_000 }, async () => {
  const [own, other] = ['urn:dev:own', 'urn:dev:other'] as const;
  const account = { role: 'management', uri: `coaps://127.0.0.1:${ports.edge}`, shortServerId: 1, security: { mode: 'psk', from: 'make' } };
  const psk = (identity: string) => ({ identity, keyHex: Buffer.from(identity.padEnd(16, '.')).toString('hex') });
  for (const name of [own, other]) {
    await put(`/endpoints/${name}/credentials`, { psk: psk(name), role: 'any' });
    await put(`/endpoints/${name}/bootstrap/configuration`, { document: { accounts: [account] } });
  }
  const opened = { psk: { identity: Buffer.from(own), key: Buffer.from(psk(own).keyHex, 'hex') } };
  const [atBootstrap, atEdge] = [await Device.connect(ports.bootstrap, opened), await Device.connect(ports.edge, opened)];
  expect((await atBootstrap.post({ path: 'bs', query: `ep=${other}&pct=112` })).code).toBe(Code.BAD_REQUEST);
  expect((await atEdge.post({ path: 'rd', query: `ep=${other}&lt=300&lwm2m=1.1`, payload: Buffer.from('</3/0>') })).code).toBe(Code.BAD_REQUEST);
  expect(atBootstrap.written.size).toBe(0);
  expect(await (await fetch(`${api}/endpoints/${other}`)).json()).toMatchObject({ state: 'provisioned' });
  // Its own name, or none, is served.
  expect((await atEdge.post({ path: 'rd', query: 'lt=300&lwm2m=1.1', payload: Buffer.from('</3/0>') })).code).toBe(Code.CREATED);
  expect((await atBootstrap.post({ path: 'bs', query: `ep=${own}&pct=112` })).code).toBe(Code.CHANGED);
  await vi.waitFor(() => expect(atBootstrap.finished).toBe(true), PATIENCE);
});
