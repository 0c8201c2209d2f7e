/** What the authority issues, as OpenSSL and the DTLS engine judge it. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { judgeCertificate, parseCertificate, parseRevocationList, TrustStore } from '@cluster/dtls';
import { authority as otherAuthority, ecKeys } from '@cluster/dtls/testing/authority';
import { expect, test } from 'vitest';
import { DAY_MS, issued, NOW_MS, testAuthority } from '../test/authority.ts';
import { openssl, path, pemFile } from '../test/openssl.ts';
import { CertificateAuthority, certsOnly } from './index.ts';

const ca = await testAuthority();
const caFile = pemFile('CERTIFICATE', ca.chain[0]!);
const key = () => ecKeys().publicKey.export({ format: 'der', type: 'spki' });
const at = String(NOW_MS / 1_000 + 60);
const verify = (...args: string[]) => openssl('verify', '-attime', at, '-purpose', 'sslclient', '-x509_strict', '-CAfile', caFile, ...args);

test('a certificate names its endpoint and stands before OpenSSL as a TLS client', async () => {
  const spki = key();
  const der = await issued(ca, 'urn:dev:ops:32473-1', spki);
  expect(verify(pemFile('CERTIFICATE', der))).toMatchObject({ ok: true });
  const certificate = new X509Certificate(der);
  expect(certificate.subject).toBe('CN=urn:dev:ops:32473-1');
  expect(certificate.subjectAltName).toBe('URI:urn:dev:ops:32473-1');
  expect(certificate.publicKey.export({ format: 'der', type: 'spki' })).toEqual(spki);
  expect(certificate.ca).toBe(false);
  expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(365 * DAY_MS);
  const { text } = openssl('x509', '-inform', 'DER', '-in', path('.der', der), '-noout', '-text');
  expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
  expect(text).toMatch(/Extended Key Usage: *\s+TLS Web Client Authentication\n/);
});

test.each(['sensor-7', 'Fühler 7', 'a'.repeat(64), `urn:dev:${'x'.repeat(100)}`])('a device is known by its certificate: %s', async (endpoint) => {
  const trust = new TrustStore();
  trust.addAnchor(ca.chain[0]!);
  const judged = judgeCertificate([await issued(ca, endpoint, key())], { nowMs: NOW_MS, trust, requireRevocationLists: false });
  expect(judged.ok && [...judged.names.alternative, ...judged.names.common]).toContain(endpoint);
});

test('serial numbers are random', async () => {
  const serials = await Promise.all(Array.from({ length: 20 }, async () => new X509Certificate(await issued(ca, 'a', key())).serialNumber));
  expect(new Set(serials).size).toBe(20);
  expect(serials.every((serial) => serial.length === 32)).toBe(true);
});

test('nothing is issued that would not be believed', async () => {
  const order = { endpoint: 'a', publicKey: key(), serial: Uint8Array.of(1), notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAY_MS };
  expect(await ca.issue({ ...order, endpoint: 'x'.repeat(65) })).toBe('endpoint-unusable');
  expect(await ca.issue({ ...order, endpoint: '' })).toBe('endpoint-unusable');
  expect(await ca.issue({ ...order, publicKey: ecKeys('P-384').publicKey.export({ format: 'der', type: 'spki' }) })).toBe('key-unusable');
  const old = await testAuthority({ notAfterMs: NOW_MS + DAY_MS });
  expect(await old.issue({ ...order, notBeforeMs: NOW_MS + 2 * DAY_MS, notAfterMs: NOW_MS + 3 * DAY_MS })).toBe('authority-over');
  const short = await old.issue({ ...order, notAfterMs: NOW_MS + 300 * DAY_MS });
  expect(new X509Certificate(short as Uint8Array).validToDate.getTime()).toBe(NOW_MS + DAY_MS);
});

test('a revocation list ends a certificate before OpenSSL and the DTLS engine', async () => {
  const [kept, lost] = [await issued(ca, 'kept', key()), await issued(ca, 'lost', key())];
  const { serial } = parseCertificate(lost) as Exclude<ReturnType<typeof parseCertificate>, string>;
  const list = ca.revocationList({ entries: [{ serial, revokedAtMs: NOW_MS, reason: 1 }], number: 1_780_000_000_123, thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + DAY_MS });
  const crl = pemFile('X509 CRL', list);
  expect(verify('-crl_check', '-CRLfile', crl, pemFile('CERTIFICATE', kept))).toMatchObject({ ok: true });
  const refused = verify('-crl_check', '-CRLfile', crl, pemFile('CERTIFICATE', lost));
  expect(refused.ok).toBe(false);
  expect(refused.text).toContain('certificate revoked');
  expect(openssl('crl', '-in', crl, '-noout', '-text').text).toContain('Key Compromise');
  const trust = new TrustStore();
  trust.addAnchor(ca.chain[0]!);
  expect(trust.addRevocationList(list)).toBeUndefined();
  const policy = { nowMs: NOW_MS, trust, requireRevocationLists: true };
  expect(judgeCertificate([kept], policy)).toMatchObject({ ok: true });
  expect(judgeCertificate([lost], policy)).toMatchObject({ ok: false, reason: 'revoked' });
});

test('an empty revocation list is one', async () => {
  const list = ca.revocationList({ entries: [], number: 0, thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + DAY_MS });
  expect(parseRevocationList(list)).toMatchObject({ revoked: new Set(), thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + DAY_MS });
  expect(openssl('crl', '-inform', 'DER', '-in', path('.crl', list), '-noout', '-CAfile', caFile)).toMatchObject({ ok: true });
});

test('certificates alone come out of a PKCS #7 as they went in', async () => {
  const ders = [await issued(ca, 'a', key()), ca.chain[0]!];
  const { ok, text } = openssl('pkcs7', '-inform', 'DER', '-in', path('.p7', certsOnly(ders)), '-print_certs');
  expect(ok).toBe(true);
  const printed = [...text.matchAll(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)].map(([each]) => new X509Certificate(each).raw);
  expect(printed.map((each) => each.toString('hex')).sort()).toEqual(ders.map((each) => Buffer.from(each).toString('hex')).sort());
});

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2_048 });
test.each([['P-384', () => ecKeys('P-384')], ['P-521', () => ecKeys('P-521')], ['RSA', rsa]])('an authority may have a key of %s', async (_, makeKeys) => {
  const root = otherAuthority('CN=Root,O=Example', { keys: makeKeys() });
  const other = CertificateAuthority.open([root.der], root.keys.privateKey) as CertificateAuthority;
  const der = await issued(other, 'a', key());
  expect(new X509Certificate(der).verify(root.keys.publicKey)).toBe(true);
  expect(new X509Certificate(der).issuer).toBe('CN=Root\nO=Example');
  const list = other.revocationList({ entries: [{ serial: Uint8Array.of(0x7f), revokedAtMs: Date.UTC(2050), reason: 9 }], number: 0xff, thisUpdateMs: NOW_MS, nextUpdateMs: Date.UTC(2051) });
  const checked = openssl('crl', '-inform', 'DER', '-in', path('.crl', list), '-noout', '-text', '-CAfile', pemFile('CERTIFICATE', root.der));
  expect(checked.text).toContain('verify OK');
  expect(checked.text).toMatch(/Next Update: Jan {2}1 00:00:00 2051 GMT[\s\S]*CRL Number: *\s+255[\s\S]*Serial Number: 7F\s+Revocation Date: Jan {2}1 00:00:00 2050 GMT[\s\S]*Privilege Withdrawn/);
});

test('what can not be an authority is told apart', () => {
  const root = otherAuthority('CN=Root');
  const device = otherAuthority('CN=Device', { ca: false, keyUsage: [0] });
  const weak = otherAuthority('CN=Ed', { keys: ecKeys('secp256k1') });
  expect(CertificateAuthority.open([], root.keys.privateKey)).toContain('no certificate');
  expect(CertificateAuthority.open([root.der.subarray(1)], root.keys.privateKey)).toContain('malformed');
  expect(CertificateAuthority.open([device.der], device.keys.privateKey)).toContain('may not issue');
  expect(CertificateAuthority.open([root.der], device.keys.privateKey)).toContain('private key');
  expect(CertificateAuthority.open([root.der, device.der], root.keys.privateKey)).toContain('not the issuer');
  expect(CertificateAuthority.open([weak.der], weak.keys.privateKey)).toContain('not supported');
});
