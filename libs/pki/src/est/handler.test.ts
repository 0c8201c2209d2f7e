/** EST requests of devices and what they are answered; certification requests are OpenSSL's, as is the verdict on what comes back. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { Code } from '@cluster/coap';
import { ecKeys } from '@cluster/dtls/testing/authority';
import { beforeEach, expect, test } from 'vitest';
import { DAY_MS, NOW_MS, random, testAuthority } from '../../test/authority.ts';
import { MemoryCertificates } from '../../test/memory-store.ts';
import { makeRequest, openssl, path, pemFile, type RequestOptions } from '../../test/openssl.ts';
import { CertificateDesk, type EnrolledCredentials, type EstDevice, EstHandler, type EstRequest, MAX_CERTIFICATES_OF_ENDPOINT } from '../index.ts';

const device: EstDevice = { number: 'AAAAAAAA', endpoint: 'urn:dev:1' };
const ca = await testAuthority();
const other = await testAuthority();
const caFile = pemFile('CERTIFICATE', ca.chain[0]!);

class Credentials implements EnrolledCredentials {
  readonly installed: Uint8Array[] = [];
  used = false;
  taken = false;
  unused() {
    return Promise.resolve(this.used ? undefined : this.installed.at(-1));
  }
  install(_: EstDevice, { certificate }: { certificate: Uint8Array }) {
    if (!this.taken) this.installed.push(certificate);
    return Promise.resolve(!this.taken);
  }
}

let store: MemoryCertificates;
let credentials: Credentials;
let authority = ca;
let counted: string[];
let est: EstHandler;

beforeEach(() => {
  [store, credentials, authority, counted] = [new MemoryCertificates(), new Credentials(), ca, []];
  est = handler(true);
});

function handler(serverKeys: boolean): EstHandler {
  const desk = new CertificateDesk({ authority: () => authority, store, random, validityMs: 365 * DAY_MS });
  return new EstHandler({ desk, store, credentials, serverKeys, count: (resource, outcome) => counted.push(`${resource} ${outcome}`) });
}

async function ask(resource: string, request: Partial<EstRequest> = {}): Promise<{ code: string; contentFormat: number | undefined; payload: Buffer; reason: string | undefined }> {
  const method = ['crts', 'att'].includes(resource) ? Code.GET : Code.POST;
  const answer = await est.handle({ resource, method, payload: Buffer.alloc(0), device, nowMs: NOW_MS, contentFormat: method === Code.POST ? 286 : undefined, ...request });
  if (answer === 'unavailable') return { code: '5.03', contentFormat: undefined, payload: Buffer.alloc(0), reason: undefined };
  const { code, contentFormat, payload = Buffer.alloc(0), reason } = answer;
  return { code: `${code >> 5}.${String(code & 31).padStart(2, '0')}`, contentFormat, payload: Buffer.from(payload), reason };
}

const csr = (options: Partial<RequestOptions> = {}) => makeRequest({ subject: '/CN=urn:dev:1', ...options });

function certificatesOf(pkcs7: Uint8Array): X509Certificate[] {
  const { ok, text } = openssl('pkcs7', '-inform', 'DER', '-in', path('.p7', pkcs7), '-print_certs');
  expect(ok).toBe(true);
  return [...text.matchAll(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)].map(([each]) => new X509Certificate(each));
}

test('crts gives the authority, alone or in a PKCS #7', async () => {
  const all = await ask('crts');
  expect(all).toMatchObject({ code: '2.05', contentFormat: 281 });
  expect(certificatesOf(all.payload).map(({ raw }) => raw.toString('hex'))).toEqual([Buffer.from(ca.chain[0]!).toString('hex')]);
  expect(await ask('crts', { accept: 287 })).toMatchObject({ code: '2.05', contentFormat: 287, payload: Buffer.from(ca.chain[0]!) });
  expect(await ask('crts', { accept: 60 })).toMatchObject({ code: '4.06' });
});

test('sen issues a certificate for the key that asked, which is kept and accepted before it is sent', async () => {
  const { der, keyFile } = csr();
  const { code, contentFormat, payload } = await ask('sen', { payload: der, accept: 287 });
  expect([code, contentFormat]).toEqual(['2.04', 287]);
  const certificate = new X509Certificate(payload);
  expect(certificate.checkPrivateKey(createPrivateKey(openssl('pkey', '-in', keyFile).text))).toBe(true);
  expect(openssl('verify', '-attime', String(NOW_MS / 1_000), '-purpose', 'sslclient', '-CAfile', caFile, pemFile('CERTIFICATE', payload))).toMatchObject({ ok: true });
  expect(credentials.installed).toEqual([new Uint8Array(payload)]);
  const [kept] = await store.certificatesOf('urn:dev:1');
  expect(kept).toMatchObject({ sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(), serial: certificate.serialNumber.toLowerCase(), notAfterMs: certificate.validToDate.getTime() });
});

test('without a preference it comes in a PKCS #7', async () => {
  const { code, contentFormat, payload } = await ask('sen', { payload: csr().der });
  expect([code, contentFormat]).toEqual(['2.04', 281]);
  expect(certificatesOf(payload).map(({ subjectAltName }) => subjectAltName)).toEqual(['URI:urn:dev:1']);
});

test('a request whose answer got lost brings the same certificate again, until it was used', async () => {
  const [one, two] = [csr().der, csr().der];
  const first = await ask('sen', { payload: one, accept: 287 });
  expect(await ask('sen', { payload: one, accept: 287 })).toEqual(first);
  expect((await ask('sen', { payload: two, accept: 287 })).payload).not.toEqual(first.payload);
  credentials.used = true;
  expect((await ask('sen', { payload: two, accept: 287 })).code).toBe('2.04');
  expect(await store.certificatesOf('urn:dev:1')).toHaveLength(3);
});

test('sren takes a certificate of this server that holds', async () => {
  const { payload } = await ask('sen', { payload: csr().der, accept: 287 });
  const certificate = Buffer.from(new X509Certificate(payload).fingerprint256.replaceAll(':', ''), 'hex');
  const renewing = { ...device, certificate };
  credentials.used = true;
  expect(await ask('sren', { payload: csr().der, device: renewing, accept: 287 })).toMatchObject({ code: '2.04' });
  expect(credentials.installed).toHaveLength(2);
  expect(await ask('sren', { payload: csr().der })).toMatchObject({ code: '4.03' });
  expect(await ask('sren', { payload: csr().der, device: { ...device, certificate: Buffer.alloc(32) } })).toMatchObject({ code: '4.03' });
  expect(await ask('sren', { payload: csr({ subject: '/CN=x' }).der, device: { ...renewing, endpoint: 'x' } })).toMatchObject({ code: '4.03' });
  expect(await ask('sren', { payload: csr().der, device: renewing, nowMs: NOW_MS + 366 * DAY_MS })).toMatchObject({ code: '4.03' });
  const serial = new X509Certificate(payload).serialNumber.toLowerCase();
  await store.revokeCertificate(serial, { atMs: NOW_MS, reason: 'keyCompromise' });
  expect(await ask('sren', { payload: csr().der, device: renewing })).toMatchObject({ code: '4.03' });
});

test.each<[string, string, () => Partial<EstRequest>]>([
  ['4.00', 'nothing', () => ({})],
  ['4.00', 'a request cut short', () => ({ payload: csr().der.subarray(0, 100) })],
  ['4.00', 'a key of another curve', () => ({ payload: csr({ key: ['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'] }).der })],
  ['4.00', 'a signature of another key', () => { const { der } = csr(); der[der.length - 1]! ^= 1; return { payload: der }; }],
  ['4.00', 'channel binding', () => ({ payload: csr({ challengePassword: 'x' }).der })],
  ['4.03', 'another subject', () => ({ payload: csr({ subject: '/CN=urn:dev:2' }).der })],
  ['4.03', 'a wildcard', () => ({ payload: csr({ extensions: ['subjectAltName=DNS:*'] }).der })],
  ['4.03', 'the rights of an authority', () => ({ payload: csr({ extensions: ['basicConstraints=CA:TRUE'] }).der })],
  ['4.13', 'a request too large', () => ({ payload: Buffer.alloc(5_000, 0x30) })],
  ['4.15', 'another format', () => ({ payload: csr().der, contentFormat: 42 })],
  ['4.15', 'no format', () => ({ payload: csr().der, contentFormat: undefined })],
  ['4.06', 'an answer in another format', () => ({ payload: csr().der, accept: 50 })],
  ['4.05', 'another method', () => ({ method: Code.GET })],
  ['4.01', 'no security', () => ({ payload: csr().der, device: undefined })],
])('%s: %s', async (code, _, request) => {
  expect(await ask('sen', request())).toMatchObject({ code, payload: Buffer.alloc(0) });
  expect(counted).toEqual([`sen ${code}`]);
  expect([await store.certificatesOf('urn:dev:1'), credentials.installed]).toEqual([[], []]);
});

test.each(['', 'serverkeygen', 'constructor', '__proto__'])('there is no resource %j', async (resource) => {
  expect(await ask(resource)).toMatchObject({ code: '4.04' });
  expect(counted).toEqual(['unknown 4.04']);
});

test('skg and skc bring a key of the server with its certificate', async () => {
  for (const [resource, format] of [['skg', 281], ['skc', 287]] as const) {
    const { code, contentFormat, payload } = await ask(resource, { payload: csr().der });
    expect([code, contentFormat]).toEqual(['2.04', 62]);
    // RFC 9148 §4.8: [284, key, 281 or 287, certificate]; 0x58 and 0x59 begin byte strings (RFC 8949 §3).
    expect(payload.subarray(0, 5).toString('hex')).toBe('8419011c58');
    const key = payload.subarray(6, 6 + payload[5]!);
    const rest = payload.subarray(6 + payload[5]!);
    expect(rest.subarray(0, 4).toString('hex')).toBe(`19${format.toString(16).padStart(4, '0')}59`);
    expect(rest.readUInt16BE(4)).toBe(rest.length - 6);
    const certificate = format === 287 ? new X509Certificate(rest.subarray(6)) : certificatesOf(rest.subarray(6))[0]!;
    expect(certificate.checkPrivateKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))).toBe(true);
  }
  est = handler(false);
  expect(await ask('skg', { payload: csr().der })).toMatchObject({ code: '4.04' });
});

test('att names the key that is expected', async () => {
  const { code, contentFormat, payload } = await ask('att');
  expect([code, contentFormat]).toEqual(['2.05', 285]);
  const { text } = openssl('asn1parse', '-inform', 'DER', '-in', path('.der', payload));
  expect(['id-ecPublicKey', 'prime256v1', 'ecdsa-with-SHA256'].every((name) => text.includes(name))).toBe(true);
});

test('discovery links what is served', () => {
  const links = (...query: string[]) => { const answer = est.links(query); return answer === 'unavailable' ? '' : Buffer.from(answer.payload!).toString(); };
  expect(links('rt=ace.est*')).toContain('</.well-known/est/sen>;rt="ace.est.sen";ct="281 287"');
  expect(links('rt=ace.est.att')).toBe('</.well-known/est/att>;rt="ace.est.att";ct=285');
  expect(links()).toBe(links('rt=ace.est*'));
  expect(links('rt=oma.lwm2m')).toBe('');
  expect(links().split(',')).toHaveLength(6);
  est = handler(false);
  expect(links()).not.toContain('sk');
});

test('one device is enrolled one request at a time', async () => {
  const answers = await Promise.all([ask('sen', { payload: csr().der }), ask('sen', { payload: csr().der })]);
  expect(answers.map(({ code }) => code)).toEqual(['2.04', '5.03']);
  expect(await ask('sen', { payload: csr().der })).toMatchObject({ code: '2.04' });
});

test('an authority that is over is our fault, a certificate of another device not', async () => {
  authority = await testAuthority({ notAfterMs: NOW_MS + DAY_MS });
  expect(await ask('sen', { payload: csr().der, nowMs: NOW_MS + 2 * DAY_MS })).toMatchObject({ code: '5.03' });
  [authority, credentials.taken] = [ca, true];
  expect(await ask('sen', { payload: csr().der })).toMatchObject({ code: '4.03', payload: Buffer.alloc(0) });
});

test('the authority is the one of now', async () => {
  authority = other;
  const { payload } = await ask('sen', { payload: csr().der, accept: 287 });
  expect(new X509Certificate(payload).verify(createPublicKey(new X509Certificate(other.chain[0]!).publicKey.export({ format: 'pem', type: 'spki' })))).toBe(true);
});

test('an endpoint that asks without end has a bounded number, and what is over is kept no longer', async () => {
  const desk = new CertificateDesk({ authority: () => ca, store, random, validityMs: 365 * DAY_MS });
  const key = ecKeys().publicKey.export({ format: 'der', type: 'spki' });
  for (let i = 0; i < MAX_CERTIFICATES_OF_ENDPOINT + 4; i++) await desk.issue('a', key, NOW_MS + i * 1_000);
  const kept = await store.certificatesOf('a');
  expect(kept).toHaveLength(MAX_CERTIFICATES_OF_ENDPOINT);
  expect(kept[0]!.notAfterMs).toBe(NOW_MS + 4_000 + 365 * DAY_MS);
  await desk.issue('b', key, NOW_MS + 400 * DAY_MS);
  expect(await store.certificatesOf('a')).toEqual([]);
});
