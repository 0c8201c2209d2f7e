/** Certification requests of OpenSSL: read, and judged for the endpoint that sent them. */
import { Buffer } from 'node:buffer';
import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeRequest, read, type RequestOptions } from '../test/openssl.ts';
import { judgeRequest, MAX_REQUEST_BYTES, parseRequest, type CertificationRequest } from './index.ts';

const parsed = (der: Uint8Array): CertificationRequest => {
  const request = parseRequest(der);
  if (typeof request === 'string') throw new Error(request);
  return request;
};

test('a request names its key and its subject', () => {
  const { der, keyFile } = makeRequest({ subject: '/O=Example/CN=dev-1', extensions: ['subjectAltName=URI:dev-1'] });
  const request = parsed(der);
  expect(request.subject).toEqual([{ type: 'O', value: 'Example' }, { type: 'CN', value: 'dev-1' }]);
  expect(Buffer.from(request.publicKey.der)).toEqual(createPublicKey(read(keyFile)).export({ format: 'der', type: 'spki' }));
  expect(judgeRequest(request, 'dev-1')).toBeUndefined();
});

test.each<[string, RequestOptions]>([
  ['no subject at all', { subject: '/' }],
  ['its name as common name', { subject: '/CN=dev-1' }],
  ['its name twice', { subject: '/CN=dev-1', extensions: ['subjectAltName=DNS:dev-1'] }],
  ['a use that it gets anyway', { subject: '/CN=dev-1', extensions: ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth', 'basicConstraints=CA:FALSE'] }],
])('a device may ask with %s', (_, options) => {
  expect(judgeRequest(parsed(makeRequest(options).der), 'dev-1')).toBeUndefined();
});

test.each<[string, RequestOptions]>([
  ['names-differ', { subject: '/CN=dev-2' }],
  ['names-differ', { subject: '/CN=dev-1/CN=dev-2' }],
  ['names-differ', { subject: '/CN=*' }],
  ['names-differ', { subject: '/CN=dev-1', extensions: ['subjectAltName=DNS:*.example.com'] }],
  ['names-differ', { subject: '/CN=dev-1', extensions: ['subjectAltName=DNS:dev-1,URI:urn:dev:2'] }],
  ['names-differ', { subject: '/CN=dev-1', extensions: ['subjectAltName=email:dev-1@example.com'] }],
  ['names-differ', { subject: '/CN=dev-1', extensions: ['subjectAltName=IP:192.0.2.1'] }],
  ['unsupported-use', { subject: '/CN=dev-1', extensions: ['basicConstraints=critical,CA:TRUE'] }],
  ['unsupported-use', { subject: '/CN=dev-1', extensions: ['keyUsage=keyCertSign'] }],
  ['unsupported-use', { subject: '/CN=dev-1', extensions: ['extendedKeyUsage=serverAuth'] }],
  ['unsupported-extension', { subject: '/CN=dev-1', extensions: ['nameConstraints=permitted;DNS:example.com'] }],
  ['unsupported-extension', { subject: '/CN=dev-1', extensions: ['1.2.3.4=ASN1:NULL'] }],
])('%s: %j', (refusal, options) => {
  expect(judgeRequest(parsed(makeRequest(options).der), 'dev-1')).toBe(refusal);
});

test('keys other than of secp256r1 are refused', () => {
  const keys = [['rsa:2048'], ['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'], ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-pkeyopt', 'ec_param_enc:explicit'], ['ed25519']];
  expect(keys.map((key) => parseRequest(makeRequest({ subject: '/CN=a', key }).der))).toEqual(keys.map(() => 'unsupported-key'));
});

test('channel binding that can not be checked is refused, not passed over', () => {
  expect(parseRequest(makeRequest({ subject: '/CN=a', challengePassword: 'c2VjcmV0' }).der)).toBe('channel-binding-unsupported');
});

test('whoever does not have the key gets nothing', () => {
  const { der } = makeRequest({ subject: '/CN=a' });
  const other = makeRequest({ subject: '/CN=a' }).der;
  const spki = (bytes: Buffer) => bytes.indexOf(Buffer.from('3059301306072a8648ce3d0201', 'hex'));
  const stolen = Buffer.from(der);
  other.copy(stolen, spki(stolen), spki(other), spki(other) + 91);
  expect(parseRequest(stolen)).toBe('bad-signature');
  expect(parseRequest(stolen, { proof: false })).toMatchObject({ subject: [{ type: 'CN', value: 'a' }] });
  const forged = Buffer.from(der);
  forged[forged.length - 1]! ^= 1;
  expect(parseRequest(forged)).toBe('bad-signature');
});

test('what is cut short, too long or has a tail is malformed', () => {
  const { der } = makeRequest({ subject: '/CN=a', extensions: ['subjectAltName=DNS:a'] });
  for (let length = 0; length < der.length; length++) expect(parseRequest(der.subarray(0, length))).toBe('malformed');
  expect(parseRequest(Buffer.concat([der, Buffer.of(0)]))).toBe('malformed');
  expect(parseRequest(Buffer.alloc(MAX_REQUEST_BYTES + 1, 0x30))).toBe('too-large');
});
