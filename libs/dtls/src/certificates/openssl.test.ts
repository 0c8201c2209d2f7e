/** Certificates and a revocation list that OpenSSL made (`vectors/make.sh`), read and judged. */
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseCertificate } from './certificate.ts';
import { judgeCertificate } from './judge.ts';
import { canonicalName, nameText, parseName, parseNameText } from './names.ts';
import { name } from './testing/authority.ts';
import { parseSpki } from './spki.ts';
import { parsePem, TrustStore } from './trust-store.ts';

const read = (file: string): Uint8Array => parsePem(readFileSync(new URL(`vectors/${file}.pem`, import.meta.url), 'utf8'))[0]!.der;
const [root, middle, device] = ['root', 'middle', 'device'].map(read) as [Uint8Array, Uint8Array, Uint8Array];
const policy = { nowMs: Date.parse('2040-01-01T00:00:00Z'), requireRevocationLists: false };

test('what a certificate says is what OpenSSL reads in it', () => {
  for (const der of [root, middle, device]) {
    const [ours, theirs] = [parseCertificate(der), new X509Certificate(der)];
    if (typeof ours === 'string') throw new Error(ours);
    expect(Buffer.from(ours.serial).toString('hex').replace(/^00/, '')).toBe(theirs.serialNumber.toLowerCase());
    expect([ours.notBeforeMs, ours.notAfterMs]).toEqual([theirs.validFromDate.getTime(), theirs.validToDate.getTime()]);
    expect(ours.extensions.ca).toBe(theirs.ca);
    const oneLine = (text: string) => canonicalName(parseNameText(text.replaceAll('\n', ','))!);
    expect([ours.subject, ours.issuer]).toEqual([oneLine(theirs.subject), oneLine(theirs.issuer)]);
  }
});

test('a chain is accepted, and refused once its issuer revoked it', () => {
  const trust = new TrustStore();
  expect(trust.addAnchor(root)).toBeUndefined();
  expect(judgeCertificate([device, middle], { ...policy, trust })).toMatchObject({
    ok: true, names: { alternative: ['device-1.example', 'urn:imei:350457790000000'], common: ['urn:dev:1'] }, subject: 'CN="urn:dev:1",O="example"',
  });
  expect(trust.addRevocationList(read('revoked.crl'))).toBeUndefined();
  expect(judgeCertificate([device, middle], { ...policy, trust })).toEqual({ ok: false, alert: 44, reason: 'revoked' });
});

test('a raw public key is that of the certificate', () => {
  const parsed = parseSpki(read('device.spki'))!;
  expect(parsed.key.equals(new X509Certificate(device).publicKey)).toBe(true);
  expect(parseSpki(Buffer.concat([parsed.der, Buffer.of(0)]))).toBeUndefined();
  expect(parseSpki(parsed.der.subarray(1))).toBeUndefined();
});

// RFC 4514 §2.4, §3; RFC 5280 §7.1
test.each<[string, string]>([
  ['CN=a,O=b', 'O=b,CN=a'],
  ['cn = A  b , o= B', 'O=b,CN=a b'],
  ['2.5.4.3=a', 'CN=a'],
  ['OID.2.5.4.3=a+O=b', 'CN=a,O=b'],
  [String.raw`CN=a\,b`, String.raw`CN=a\2Cb`],
  [String.raw`CN=\C3\BC`, 'CN=Ü'],
])('the names %s and %s are one', (one, other) => {
  expect(canonicalName(parseNameText(one)!)).toBe(canonicalName(parseNameText(other)!));
});

test.each(['', 'CN', 'CN=', '=a', 'XX=a', 'CN=a,', 'CN=a\\', String.raw`CN=\FF`, 'CN=a,O'])('%j is no name', (text) => {
  expect(parseNameText(text)).toBeUndefined();
});

test('a name is shown as it may be written', () => {
  const attributes = parseName(name('C=XX,O=Example,CN=a+b;c'))!;
  expect(nameText(attributes)).toBe(String.raw`CN=a\+b\;c,O=Example,C=XX`);
  expect(canonicalName(parseNameText(nameText(attributes))!)).toBe(canonicalName(attributes));
});
