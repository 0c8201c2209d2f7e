/** The secret file: made, read, and read again when it changes. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSecrets, type Secrets } from './index.ts';

const HEX = '0a'.repeat(32);
const EVERY_MS = 5;

let directory: string;
let file: string;
let lines: string[];
let opened: Secrets[];
const log = { info: note, warn: note, error: note };
function note(...parts: unknown[]): void {
  lines.push(parts.map((part) => JSON.stringify(part instanceof Object && 'err' in part ? String(part.err) : part)).join(' '));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secrets-'));
  file = join(directory, 'given');
  [lines, opened] = [[], []];
});
afterEach(async () => {
  for (const secrets of opened) secrets.close();
  await rm(directory, { recursive: true });
});

async function open(kind: 'standalone' | 'edge', secretKeyFile?: string): Promise<Secrets> {
  const secrets = await openSecrets({ kind, secretKeyFile, dataDir: join(directory, 'data') }, log as never, EVERY_MS);
  opened.push(secrets!);
  return secrets!;
}

const ids = (secrets: Secrets): number[] => secrets.ring.all('sealing').map(({ id }) => id);

describe('standalone', () => {
  test('makes its own file, which nobody else may read, and finds it again', async () => {
    const secrets = await open('standalone');
    expect((await stat(join(directory, 'data', 'secret.key'))).mode & 0o777).toBe(0o600);
    const sealed = secrets.sealer.seal('n', Uint8Array.of(1));
    expect((await open('standalone')).sealer.open('n', sealed)).toMatchObject({ ok: true });
    expect(lines.join()).not.toContain((await readFile(join(directory, 'data', 'secret.key'), 'utf8')).split(' ').at(-1)!.trim());
  });

  test('two that start at once have one secret', async () => {
    const [one, other] = await Promise.all([open('standalone'), open('standalone')]);
    expect(other.sealer.open('n', one.sealer.seal('n', Uint8Array.of(1)))).toMatchObject({ ok: true });
  });
});

describe('a file that is given', () => {
  test('is used, newest first; without one a cluster has no secrets', async () => {
    await writeFile(file, `2 ${HEX}\n1 ${'0b'.repeat(32)}\n`, { mode: 0o600 });
    expect(ids(await open('edge', file))).toEqual([2, 1]);
    expect(await openSecrets({ kind: 'edge', secretKeyFile: undefined, dataDir: directory }, log as never)).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test.each([
    ['is not there', undefined, 'LWM2M_SECRET_KEY_FILE: can not be read (ENOENT)'],
    ['holds nothing', '', 'LWM2M_SECRET_KEY_FILE: holds no secret: expected a line "id hex"'],
    ['holds a short secret', '1 abcdef', 'LWM2M_SECRET_KEY_FILE: line 1: expected a secret of 32 to 1024 bytes'],
  ])('that %s stops the start, and nothing of it is told', async (_, content, message) => {
    if (content !== undefined) await writeFile(file, content);
    const error = await open('edge', file).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('abcdef');
  });

  test('that others may read is warned of', async () => {
    await writeFile(file, `1 ${HEX}`, { mode: 0o644 });
    await open('edge', file);
    expect(lines).toEqual([expect.stringContaining('every user of this host may read the secret file')]);
  });

  test('is read again when it changes; what can not be used changes nothing', async () => {
    await writeFile(file, `1 ${HEX}`, { mode: 0o600 });
    const secrets = await open('edge', file);
    const sealed = secrets.sealer.seal('n', Uint8Array.of(1));
    await writeFile(file, `2 ${'0b'.repeat(32)}\n1 ${HEX}`);
    await expect.poll(() => ids(secrets)).toEqual([2, 1]);
    expect([secrets.sealer.open('n', sealed).ok, secrets.sealer.isCurrent(sealed)]).toEqual([true, false]);
    await writeFile(file, 'rubbish');
    await expect.poll(() => lines.join()).toContain('go on to hold');
    expect(ids(secrets)).toEqual([2, 1]);
    expect(lines.join()).not.toContain(HEX);
    await writeFile(file, `2 ${'0b'.repeat(32)}`);
    await expect.poll(() => ids(secrets)).toEqual([2]);
  });
});
