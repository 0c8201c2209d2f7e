/** Certificates revoked, and the list of them as workers read it. */
import { toHex } from '@cluster/bytes';
import { parseRevocationList, type RevocationList } from '@cluster/dtls';
import { ecKeys } from '@cluster/dtls/testing/authority';
import { beforeEach, expect, test } from 'vitest';
import { DAY_MS, NOW_MS, random, testAuthority } from '../test/authority.ts';
import { MemoryCertificates } from '../test/memory-store.ts';
import { openssl, path, pemFile } from '../test/openssl.ts';
import { CertificateDesk, type Issued, type PublishedDocuments, PublishedList, RevocationDesk, RevocationsFull } from './index.ts';

class Documents implements PublishedDocuments {
  readonly documentsByName = new Map<string, string>();
  version = 0;
  full = false;
  /** Called once, before the next put. */
  meanwhile: (() => Promise<unknown>) | undefined;
  async documents(_: string, known?: number) {
    return known === this.version ? undefined : { version: this.version, documents: this.documentsByName };
  }
  async putDocument(_: string, name: string, document: string) {
    if (this.full) return 'full' as const;
    const { meanwhile } = this;
    this.meanwhile = undefined;
    await meanwhile?.();
    this.documentsByName.set(name, document);
    this.version += 1;
    return 'stored' as const;
  }
}

const ca = await testAuthority();
let store: MemoryCertificates;
let documents: Documents;
let withdrawn: string[];
let desk: RevocationDesk;
let issuing: CertificateDesk;
beforeEach(() => {
  [store, documents, withdrawn] = [new MemoryCertificates(), new Documents(), []];
  desk = another();
  issuing = new CertificateDesk({ authority: () => ca, store, random, validityMs: 30 * DAY_MS });
});

const another = () => new RevocationDesk({ authority: () => ca, store, documents, withdraw: async (endpoint, sha256) => void withdrawn.push(`${endpoint} ${toHex(sha256)}`) });
const issue = async (endpoint: string) => (await issuing.issue(endpoint, ecKeys().publicKey.export({ format: 'der', type: 'spki' }), NOW_MS)) as Issued;
const listed = async () => parseRevocationList((await desk.list())!) as RevocationList;

test('a revoked certificate is withdrawn from its device and stands on the list, by OpenSSL too', async () => {
  const [lost, kept] = [await issue('lost'), await issue('kept')];
  expect(await desk.revoke(lost.kept.serial, 'keyCompromise', NOW_MS)).toEqual({ ...lost.kept, revocation: { atMs: NOW_MS, reason: 'keyCompromise' } });
  expect(withdrawn).toEqual([`lost ${lost.kept.sha256}`]);
  const crl = pemFile('X509 CRL', (await desk.list())!);
  const verify = (certificate: Uint8Array) =>
    openssl('verify', '-attime', String(NOW_MS / 1_000), '-crl_check', '-CRLfile', crl, '-CAfile', pemFile('CERTIFICATE', ca.chain[0]!), path('.pem', pemOf(certificate)));
  expect(verify(lost.certificate).text).toContain('certificate revoked');
  expect(verify(kept.certificate)).toMatchObject({ ok: true });
});

const pemOf = (der: Uint8Array) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

test('one that is not kept is not revoked; a repeat changes nothing and does what was left undone', async () => {
  expect(await desk.revoke('40', 'unspecified', NOW_MS)).toBeUndefined();
  const { kept: { serial } } = await issue('a');
  await store.revokeCertificate(serial, { atMs: NOW_MS - 1, reason: 'superseded' }); // and then the process died
  expect(await desk.revoke(serial, 'keyCompromise', NOW_MS)).toMatchObject({ revocation: { atMs: NOW_MS - 1, reason: 'superseded' } });
  expect(withdrawn).toHaveLength(1);
  expect((await listed()).revoked).toEqual(new Set([serial]));
});

test('a list is made anew when half of its time is over, and when it lacks what is revoked', async () => {
  expect(await desk.renew(NOW_MS)).toBe(true);
  expect(await desk.renew(NOW_MS + 3 * DAY_MS)).toBe(false);
  expect(await desk.renew(NOW_MS + 4 * DAY_MS)).toBe(true);
  const { kept: { serial } } = await issue('a');
  await store.revokeCertificate(serial, { atMs: NOW_MS, reason: 'unspecified' });
  expect(await desk.renew(NOW_MS + 4 * DAY_MS)).toBe(true);
  expect(await listed()).toMatchObject({ revoked: new Set([serial]), thisUpdateMs: NOW_MS + 4 * DAY_MS, nextUpdateMs: NOW_MS + 11 * DAY_MS });
});

test('what is over leaves the list', async () => {
  const { kept: { serial } } = await issue('a');
  await desk.revoke(serial, 'unspecified', NOW_MS);
  await desk.publish(NOW_MS + 31 * DAY_MS);
  expect((await listed()).revoked).toEqual(new Set());
});

test('of two that publish at once neither leaves out what the other has', async () => {
  const [one, two] = [(await issue('a')).kept.serial, (await issue('b')).kept.serial];
  documents.meanwhile = () => another().revoke(two, 'unspecified', NOW_MS);
  await desk.revoke(one, 'unspecified', NOW_MS);
  expect((await listed()).revoked).toEqual(new Set([one, two]));
});

test('a worker is told each list once', async () => {
  const published = new PublishedList(documents);
  expect(await published.next()).toBeUndefined();
  await desk.publish(NOW_MS);
  expect(parseRevocationList((await published.next())!)).toMatchObject({ thisUpdateMs: NOW_MS });
  expect(await published.next()).toBeUndefined();
});

test('a list that is full is said to be', async () => {
  documents.full = true;
  await expect(desk.publish(NOW_MS)).rejects.toThrow(RevocationsFull);
});

test('10,000 revoked certificates are listed', async () => {
  const serial = (i: number) => `4${i.toString(16).padStart(31, '0')}`;
  const certificate = (i: number) => ({ serial: serial(i), endpoint: `${i}`, sha256: 'ab'.repeat(32), notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAY_MS, revocation: { atMs: NOW_MS, reason: 'unspecified' as const } });
  for (let i = 0; i < 10_000; i++) await store.putCertificate(certificate(i));
  await desk.publish(NOW_MS);
  const { revoked } = await listed();
  expect([revoked.size, revoked.has(serial(9_999))]).toEqual([10_000, true]);
});
