/** The file of API keys: what is refused at start, and what a change of the file does. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiKey } from '@cluster/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openApiKeys } from './api-key-file.ts';

const sha256 = 'ab'.repeat(32);
const key = (name: string) => ({ name, sha256, grants: [{ role: 'viewer' }] });
let directory: string;
let file: string;
const lines: string[] = [];
const log = { info: () => lines.push('info'), error: () => lines.push('error') };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'api-keys-'));
  file = join(directory, 'keys.json');
  lines.length = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const write = (document: unknown) => writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
const open = (changed: (keys: readonly ApiKey[]) => void = () => undefined) => openApiKeys({ apiKeysFile: file }, changed, log, 5);

test('no file, no keys', async () => {
  expect(await openApiKeys({ apiKeysFile: undefined }, () => undefined, log)).toBeUndefined();
});

test('a grant without a tenant is one at the default tenant', async () => {
  write({ keys: [key('one')] });
  const opened = await open();
  opened?.close();
  expect(opened?.keys).toEqual([{ name: 'one', sha256, grants: [{ role: 'viewer', tenant: 'default' }] }]);
});

test.each<[name: string, document: unknown, message: string]>([
  ['no JSON', 'keys: []', 'is not JSON'],
  ['an unknown role', { keys: [{ ...key('one'), grants: [{ role: 'root' }] }] }, 'keys.0.grants.0.role'],
  ['a key without a grant', { keys: [{ ...key('one'), grants: [] }] }, 'keys.0.grants'],
  ['a key in the clear', { keys: [{ name: 'one', key: 'secret', grants: [{ role: 'viewer' }] }] }, 'keys.0'],
  ['a name that stands twice', { keys: [key('one'), key('one')] }, 'two keys of the name one'],
])('%s is refused', async (_name, document, message) => {
  write(document);
  await expect(open()).rejects.toThrow(message);
});

test('a file that is not there is refused', async () => {
  await expect(open()).rejects.toThrow('can not be read (ENOENT)');
});

test('a change holds at once; one that can not be used leaves the former keys', async () => {
  write({ keys: [key('one')] });
  const changes = new EventTarget();
  const next = () => new Promise((resolve) => changes.addEventListener('change', (event) => resolve((event as CustomEvent).detail), { once: true }));
  const opened = await open((keys) => changes.dispatchEvent(new CustomEvent('change', { detail: keys.map(({ name }) => name) })));
  const failed = new Promise<void>((resolve) => (log.error = () => (resolve(), 0)));
  write('{');
  await failed;
  const changed = next();
  write({ keys: [key('two'), key('three')] });
  expect(await changed).toEqual(['two', 'three']);
  opened?.close();
});
