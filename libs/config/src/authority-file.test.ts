/** The certification authority: made, read, and read again when its files change. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { authority, ecKeys, pem, privatePem } from '@cluster/dtls/testing/authority';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type HeldAuthority, openAuthority } from './index.ts';

const EVERY_MS = 5;

let directory: string;
let lines: unknown[];
let opened: (HeldAuthority | undefined)[];
const note = (...parts: unknown[]) => void lines.push(...parts);
const log = { info: note, warn: note, error: note };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'authority-'));
  [lines, opened] = [[], []];
});
afterEach(async () => {
  for (const each of opened) each?.close();
  await rm(directory, { recursive: true });
});

async function open(kind: 'standalone' | 'edge', files: { caCertificateFile?: string; caKeyFile?: string } = {}): Promise<HeldAuthority | undefined> {
  const dataDir = join(directory, 'data');
  const held = await openAuthority({ kind, dataDir, caCertificateFile: undefined, caKeyFile: undefined, ...files }, log as never, EVERY_MS);
  opened.push(held);
  return held;
}

async function written(name: string, content: string): Promise<string> {
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

const subjectOf = (held: HeldAuthority | undefined) => new X509Certificate(held!.current().chain[0]!).subject;

test('standalone makes its own, which nobody else may read, and finds it again', async () => {
  const [one, other] = await Promise.all([open('standalone'), open('standalone')]);
  const file = join(directory, 'data', 'ca.pem');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(other!.current().chain).toEqual(one!.current().chain);
  expect((await open('standalone'))!.current().chain).toEqual(one!.current().chain);
  const certificate = new X509Certificate(one!.current().chain[0]!);
  expect([certificate.ca, certificate.verify(certificate.publicKey)]).toEqual([true, true]);
  expect(JSON.stringify(lines)).not.toContain((await readFile(file, 'utf8')).split('\n').at(-3));
});

test('a process of a cluster has none unless it is given one', async () => {
  expect(await open('edge')).toBeUndefined();
  const root = authority('CN=Given');
  const [certificate, key] = [pem([root.der]), privatePem(root)];
  const inTwo = { caCertificateFile: await written('ca.crt', certificate), caKeyFile: await written('ca.key', key) };
  expect(subjectOf(await open('edge', inTwo))).toBe('CN=Given');
  expect(subjectOf(await open('edge', { caCertificateFile: await written('both.pem', key + certificate) }))).toBe('CN=Given');
});

test('a changed file holds from then on, a wrong one does not', async () => {
  const file = (name: string) => { const root = authority(name); return pem([root.der]) + privatePem(root); };
  const caCertificateFile = await written('ca.pem', file('CN=First'));
  const held = (await open('edge', { caCertificateFile }))!;
  const changed = vi.fn<() => void>();
  held.onChange(changed);
  await writeFile(caCertificateFile, 'nonsense');
  await vi.waitFor(() => expect(JSON.stringify(lines)).toContain('goes on to hold'));
  expect(subjectOf(held)).toBe('CN=First');
  await writeFile(caCertificateFile, file('CN=Second'));
  await vi.waitFor(() => expect(subjectOf(held)).toBe('CN=Second'));
  expect(changed).toHaveBeenCalledOnce();
});

test('what can not be used stops the start, and says why', async () => {
  const [root, other] = [authority('CN=Root'), authority('CN=Other')];
  const sealed = root.keys.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'x' }).toString();
  const faults: [string, Promise<string>][] = [
    ['can not be read \\(ENOENT\\)', Promise.resolve(join(directory, 'nowhere'))],
    ['no private key', written('a', pem([root.der]))],
    ['must not be encrypted', written('b', pem([root.der]) + sealed)],
    ['private key is not that', written('c', pem([root.der]) + privatePem(other))],
    ['may not issue', written('d', (() => { const keys = ecKeys(); const leaf = authority('CN=Leaf', { keys, ca: false }); return pem([leaf.der]) + privatePem(leaf); })())],
  ];
  for (const [message, file] of faults) await expect(open('edge', { caCertificateFile: await file })).rejects.toThrow(new RegExp(`LWM2M_CA_CERTIFICATE_FILE.*${message}`, 's'));
  await expect(open('edge', { caKeyFile: 'x' })).rejects.toThrow('must be set for LWM2M_CA_KEY_FILE');
});
