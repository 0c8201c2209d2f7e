/** Certificates, keys, trust anchors and revocation lists from files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeCertificate, type TrustStore } from '@cluster/dtls';
import { authority, ecKeys, issue, pem, privatePem, revocationList, spkiOf } from '@cluster/dtls/testing/authority';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, type DtlsFiles, openDtlsFiles } from './index.ts';

const NOW = Date.parse('2030-06-01T00:00:00Z');
const root = authority('CN=Root');
const middle = issue({ subject: 'CN=Middle', ca: true }, root);
const server = issue({ subject: 'CN=server', dnsNames: ['Server.Example.com', 'other.example.com'], keyUsage: [0] }, middle);
const second = issue({ subject: 'CN=second.example.com' }, root);
const device = issue({ subject: 'CN=d' }, root);

let directory: string;
let lines: string[];
let close: (() => void)[];
const note = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '));

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dtls-'));
  [lines, close] = [[], []];
});
afterEach(async () => {
  for (const each of close) each();
  await rm(directory, { recursive: true });
});

async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function open(config: Parameters<typeof openDtlsFiles>[0], changed: (files: DtlsFiles) => void = () => {}): Promise<DtlsFiles> {
  const opened = await openDtlsFiles(config, changed, { info: note, warn: note, error: note } as never, 5);
  close.push(() => opened.close());
  return opened.files;
}

const outcome = (trust: TrustStore): string => {
  const judgement = judgeCertificate([device.der], { nowMs: NOW, trust, requireRevocationLists: false });
  return judgement.ok ? 'ok' : judgement.reason;
};

describe('what is read', () => {
  test('a certificate and its key in two files', async () => {
    const [certificate, key] = [await put('tls.crt', pem([server.der, middle.der]).trimEnd()), await put('tls.key', privatePem(server))];
    const { identities } = await open({ dtlsCertificateFiles: [`${certificate}+${key}`] });
    expect(identities.map(({ names, chain }) => [names, chain.length])).toEqual([[['server.example.com', 'other.example.com'], 2]]);
  });

  test('several certificates with their chains and names, and a raw key', async () => {
    const raw = { keys: ecKeys() };
    const { identities } = await open({
      dtlsCertificateFiles: [await put('a.pem', pem([server.der, middle.der]) + privatePem(server)), await put('b.pem', privatePem(second) + pem([second.der]))],
      dtlsKeyFile: await put('raw.pem', privatePem(raw)),
    });
    expect(identities.map(({ names, chain }) => [names, chain.length])).toEqual([
      [['server.example.com', 'other.example.com'], 2], [['second.example.com'], 1], [[], 0],
    ]);
    expect(identities.map(({ publicKey }) => Buffer.from(publicKey))).toEqual([server, second, raw].map(spkiOf));
    expect(identities.every(({ privateKey }) => privateKey.type === 'private')).toBe(true);
  });

  test('whom to trust, and what they revoked, as PEM or DER', async () => {
    const dtlsTrustFiles = [await put('ca.pem', pem([authority('CN=Other').der, root.der]))];
    expect(outcome((await open({ dtlsTrustFiles })).trust)).toBe('ok');
    const list = revocationList(root, [device.serial]);
    expect(outcome((await open({ dtlsTrustFiles, dtlsCrlFiles: [await put('crl.der', list)] })).trust)).toBe('revoked');
    expect(outcome((await open({ dtlsTrustFiles, dtlsCrlFiles: [await put('crl.pem', pem([list], 'X509 CRL'))] })).trust)).toBe('revoked');
  });

  test('nothing, where nothing is named', async () => {
    expect(await open({})).toMatchObject({ identities: [] });
  });
});

describe('what can not be used', () => {
  const key = privatePem(server);
  test.each<[string, string, string]>([
    ['no certificate', key, 'holds no certificate'],
    ['no key', pem([server.der]), 'holds no private key that can be read (it must not be encrypted)'],
    ['the key of another', pem([server.der]) + privatePem(second), 'the private key is not that of the first certificate'],
    ['a chain with a gap', pem([server.der, root.der]) + key, 'certificate 2 is not the issuer of the one before it'],
    ['rubbish in a certificate', pem([Buffer.from('x')]) + key, 'certificate 1 can not be used (malformed)'],
    ['a key of another curve', pem([server.der]) + privatePem({ keys: ecKeys('P-384') }), 'the private key is not of secp256r1'],
  ])('%s', async (_, content, message) => {
    const path = await put('bad.pem', content);
    const error = await open({ dtlsCertificateFiles: [path] }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults).toEqual([{ name: 'LWM2M_DTLS_CERTIFICATE_FILES', message: `${path}: ${message}` }]);
  });

  test('anchors and lists in a file that is just being written', async () => {
    const lists = [1, 2].map((serial) => revocationList(root, [serial]));
    const cut = (text: string) => text.slice(0, -'-----END CERTIFICATE-----'.length);
    const config = { dtlsTrustFiles: [await put('ca.pem', cut(pem([root.der, middle.der])))], dtlsCrlFiles: [await put('crl.pem', cut(pem(lists, 'X509 CRL')))] };
    const error = await open(config).catch((e: unknown) => e as ConfigError);
    expect((error as ConfigError).faults.map(({ message }) => message.split(': ')[1])).toEqual(['has a block that does not end', 'has a block that does not end']);
  });

  test('all of it is told at once, by its setting', async () => {
    const bad = await put('bad.pem', 'rubbish');
    const error = await open({ dtlsKeyFile: bad, dtlsTrustFiles: [bad], dtlsCrlFiles: [bad] }).catch((e: unknown) => e as ConfigError);
    expect((error as ConfigError).faults.map(({ name }) => name)).toEqual(['LWM2M_DTLS_KEY_FILE', 'LWM2M_DTLS_TRUST_FILES', 'LWM2M_DTLS_CRL_FILES']);
    await expect(open({ dtlsTrustFiles: [join(directory, 'none')] })).rejects.toThrow('none: can not be read (ENOENT)');
  });
});

describe('what changes', () => {
  test('is read again; a change that can not be used changes nothing', async () => {
    const crl = await put('crl.pem', revocationList(root, []));
    let trust: TrustStore | undefined;
    const config = { dtlsTrustFiles: [await put('ca.pem', pem([root.der]))], dtlsCrlFiles: [crl] };
    expect(outcome((await open(config, (files) => (trust = files.trust))).trust)).toBe('ok');
    await writeFile(crl, 'rubbish');
    await expect.poll(() => lines.join()).toContain('on to hold');
    expect(trust).toBeUndefined();
    await writeFile(crl, revocationList(root, [device.serial]));
    await expect.poll(() => trust && outcome(trust)).toBe('revoked');
  });
});
