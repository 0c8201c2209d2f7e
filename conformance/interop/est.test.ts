/** Enrolment over CoAP (EST) with libcoap as the device and OpenSSL as its key store: certificates asked for, used, renewed and refused. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { issuedCertificatePage } from '@cluster/contracts';
import { ensureLibcoap, freeUdpPort, LibcoapClient, type LibcoapDtls, startOpenssl } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scene } from '../src/scene.ts';
import { makeServerKeys } from '../src/server-keys.ts';

const run = promisify(execFile);
const ENDPOINT = 'urn:dev:est-1';
const PSK = { mode: 'psk', identity: 'est-1', keyHex: Buffer.from('sixteen octets..').toString('hex') } as const;

const { env, pki, remove } = await makeServerKeys('est');
const scene = new Scene();
let directory: string;
let bootstrapPort: number;

beforeAll(async () => {
  await ensureLibcoap();
  directory = await mkdtemp(join(tmpdir(), 'est-'));
  bootstrapPort = await freeUdpPort();
  await scene.open({ env: { ...env, LWM2M_BOOTSTRAP_COAPS_PORT: String(bootstrapPort) } });
  await scene.rest.setCredentials(ENDPOINT, { psk: { identity: PSK.identity, keyHex: PSK.keyHex } });
});
afterAll(async () => {
  await scene.close();
  await rm(directory, { recursive: true });
  await remove();
});

type Security = Extract<LibcoapDtls, { library: 'openssl' }>['security'];

async function ask(request: Parameters<LibcoapClient['request']>[0], security: Security = PSK, port = scene.server.coapsPort) {
  return new LibcoapClient(port, await freeUdpPort(), { library: 'openssl', security }).request(request);
}

const est = (resource: string) => `.well-known/est/${resource}`;
const enrol = (resource: string, csr: Buffer, security?: Security, blockSize = 256, port?: number) =>
  ask({ method: 'post', path: est(resource), payload: csr, contentFormat: 286, accept: 287, blockSize }, security, port);

/** A new key pair and a request for its certificate. */
async function request(name: string, subject = `/CN=${ENDPOINT}`, curve = 'prime256v1') {
  const keyFile = join(directory, `${name}.key`);
  const csrFile = join(directory, `${name}.csr`);
  await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-nodes', '-keyout', keyFile, '-subj', subject, '-outform', 'DER', '-out', csrFile]);
  return { keyFile, csr: await readFile(csrFile) };
}

/** What a device keeps of its certificate. */
async function keep(name: string, certificate: Buffer, keyFile: string) {
  const certificateFile = join(directory, `${name}.crt`);
  await writeFile(certificateFile, new X509Certificate(certificate).toString());
  return { mode: 'x509', certificateFile, keyFile, trustFile: pki.trustFile } as const;
}

async function authority(): Promise<string> {
  const { code, payload } = await ask({ method: 'get', path: est('crts'), blockSize: 64 });
  expect(code).toBe('2.05');
  const file = join(directory, 'crts.p7');
  await writeFile(file, payload);
  const { stdout } = await run('openssl', ['pkcs7', '-inform', 'DER', '-in', file, '-print_certs']);
  await writeFile(join(directory, 'ca.pem'), stdout);
  return join(directory, 'ca.pem');
}

describe('a device with nothing but a PSK (rows B16, E11, E36)', () => {
  it('finds EST, and whom its certificates will be of', async () => {
    const links = await ask({ method: 'get', path: '.well-known/core?rt=ace.est*' });
    expect(links.code).toBe('2.05');
    expect(links.payload.toString()).toContain('</.well-known/est/sen>;rt="ace.est.sen";ct="281 287"');
    expect(await readFile(await authority(), 'utf8')).toContain('BEGIN CERTIFICATE');
  });

  it('enrols in blocks, registers with its certificate, and renews it; the PSK ends with the first use', async () => {
    const first = await request('first');
    const { code, payload } = await enrol('sen', first.csr, PSK, 64);
    expect(code).toBe('2.04');
    const certificate = await keep('first', payload, first.keyFile);
    await run('openssl', ['verify', '-purpose', 'sslclient', '-x509_strict', '-CAfile', await authority(), certificate.certificateFile]);

    const client = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), { library: 'openssl', security: certificate });
    expect(await client.register('lt=300&lwm2m=1.1&b=U', '</1/0>,</3/0>')).toMatch(/^\/rd\//);
    expect(await scene.rest.endpoint(ENDPOINT)).toMatchObject({ state: 'registered' });
    expect(await startOpenssl({ port: scene.server.coapsPort, security: PSK }).handshake()).toMatchObject({ ok: false, alert: 115 });

    const second = await request('second');
    const renewed = await enrol('sren', second.csr, certificate);
    expect(renewed.code).toBe('2.04');
    // A lost answer: the same request again brings the same certificate.
    expect((await enrol('sren', second.csr, certificate)).payload).toEqual(renewed.payload);
    const next = await keep('second', renewed.payload, second.keyFile);
    expect((await ask({ method: 'post', path: 'rd?lt=300&lwm2m=1.1&b=U', payload: '</3/0>', contentFormat: 40 }, next)).code).toBe('2.01');
    expect(await startOpenssl({ port: scene.server.coapsPort, security: certificate }).handshake()).toMatchObject({ ok: false });
  });
});

it('a device that may only bootstrap enrols at the bootstrap server, and registers at the edge with its certificate (row E11)', async () => {
  const security = { mode: 'psk', identity: 'est-4', keyHex: Buffer.from('a fourth of 16 b').toString('hex') } as const;
  await scene.rest.setCredentials('est-4', { psk: { identity: security.identity, keyHex: security.keyHex }, role: 'bootstrap' });
  expect((await ask({ method: 'get', path: est('crts') }, security, bootstrapPort)).code).toBe('2.05');
  const { keyFile, csr } = await request('fourth', '/CN=est-4');
  const { code, payload } = await enrol('sen', csr, security, 128, bootstrapPort);
  expect(code).toBe('2.04');
  const register = { method: 'post', path: 'rd?lt=300&lwm2m=1.1&b=U', payload: '</3/0>', contentFormat: 40 } as const;
  expect((await ask(register, await keep('fourth', payload, keyFile))).code).toBe('2.01');
  // What opens bootstrap stays.
  expect((await ask({ method: 'get', path: est('crts') }, security, bootstrapPort)).code).toBe('2.05');
});

describe('an operator', () => {
  const KEY = { mode: 'psk', identity: 'est-3', keyHex: Buffer.from('a third of 16 b.').toString('hex') } as const;
  const pki = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${scene.server.httpPort}/api/v1/pki/${path}`, { method });
  const list = async (query: string) => issuedCertificatePage.parse(await (await pki(`certificates?${query}`)).json());

  it('sees what was issued, and revokes it: associations end, and the revocation list has it (rows B17, B37)', async () => {
    await scene.rest.setCredentials('est-3', { psk: { identity: KEY.identity, keyHex: KEY.keyHex } });
    const { keyFile, csr } = await request('third', '/CN=est-3');
    const { payload } = await enrol('sen', csr, KEY);
    const security = await keep('third', payload, keyFile);
    const { serialNumber, fingerprint256 } = new X509Certificate(payload);
    const { certificates: [view] } = await list('endpoint=est-3');
    expect(view).toMatchObject({ serial: serialNumber.toLowerCase(), sha256: fingerprint256.replaceAll(':', '').toLowerCase(), state: 'valid' });
    expect((await list('limit=1000')).certificates.map(({ serial }) => serial)).toContain(view!.serial);
    expect((await list(`expiresBefore=${new Date().toISOString()}`)).certificates).toEqual([]);

    const session = startOpenssl({ port: scene.server.coapsPort, security });
    expect(await session.handshake()).toMatchObject({ ok: true });
    expect((await pki(`certificates/${view!.serial}?reason=keyCompromise`, 'DELETE')).status).toBe(204);
    expect(await session.ended()).toMatchObject({ alert: 49 });
    expect(await startOpenssl({ port: scene.server.coapsPort, security }).handshake()).toMatchObject({ ok: false });
    expect((await list('endpoint=est-3')).certificates).toMatchObject([{ state: 'revoked', reason: 'keyCompromise' }]);

    const [crl, ca] = [join(directory, 'crl.der'), join(directory, 'chain.pem')];
    await writeFile(crl, Buffer.from(await (await pki('crl')).arrayBuffer()));
    await writeFile(ca, await (await pki('ca')).text());
    const pemCrl = join(directory, 'crl.pem');
    await run('openssl', ['crl', '-inform', 'DER', '-in', crl, '-CAfile', ca, '-out', pemCrl]);
    await expect(run('openssl', ['verify', '-crl_check', '-CRLfile', pemCrl, '-CAfile', ca, security.certificateFile])).rejects.toThrow(/certificate revoked/);
  });

  it('is told what there is not', async () => {
    expect((await pki('certificates/4000', 'DELETE')).status).toBe(404);
    expect((await pki('certificates/xyz', 'DELETE')).status).toBe(400);
    expect((await pki('certificates?cursor=AAAA')).status).toBe(400);
    expect((await pki('certificates/4000?reason=none', 'DELETE')).status).toBe(400);
  });
});

describe('what is refused, with its code', () => {
  const OTHER = { mode: 'psk', identity: 'est-2', keyHex: Buffer.from('another sixteen.').toString('hex') } as const;
  beforeAll(() => scene.rest.setCredentials('est-2', { psk: { identity: OTHER.identity, keyHex: OTHER.keyHex } }));
  const refused = async (csr: Buffer, resource = 'sen') => (await enrol(resource, csr, OTHER)).code;

  it('a request for another endpoint', async () => expect(await refused((await request('a')).csr)).toBe('4.03'));
  it('a key of another curve', async () => expect(await refused((await request('b', '/CN=est-2', 'secp384r1')).csr)).toBe('4.00'));
  it('a signature by another key', async () => {
    const { csr } = await request('c', '/CN=est-2');
    csr[csr.length - 1]! ^= 1;
    expect(await refused(csr)).toBe('4.00');
  });
  it('a request cut short', async () => expect(await refused((await request('d', '/CN=est-2')).csr.subarray(0, 150))).toBe('4.00'));
  it('a request too large', async () => expect(await refused(Buffer.alloc(6_000, 0x30))).toBe('4.13'));
  it('a renewal without a certificate', async () => expect(await refused((await request('e', '/CN=est-2')).csr, 'sren')).toBe('4.03'));
  it('a resource that is not there', async () => expect(await refused((await request('f', '/CN=est-2')).csr, 'skg')).toBe('4.04'));
  it('a message without security', async () => {
    const plain = new LibcoapClient(scene.server.coapPort, await freeUdpPort());
    expect((await plain.request({ method: 'get', path: est('crts') })).code).toBe('4.01');
  });
});
