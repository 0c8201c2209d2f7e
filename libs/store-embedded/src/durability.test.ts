/** What the embedded store has acknowledged survives the death of its process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbeddedStore } from './index.ts';

const WRITER = fileURLToPath(new URL('testing/writer.ts', import.meta.url));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('a process killed at any moment loses nothing that was acknowledged, and leaves no half step', { timeout: 60_000 }, async () => {
  for (const killAfter of [1, 7, 40]) {
    const file = join(directory, `kill-${killAfter}.db`);
    const acknowledged = await writeUntilKilled(file, killAfter);
    expect(acknowledged).toBeGreaterThanOrEqual(killAfter);
    const store = openEmbeddedStore({ file });
    const versions = (await store.load(['writer_0', 'writer_1', 'writer_2'])).map((session) => session?.version);
    expect(versions[0]).toBeGreaterThanOrEqual(acknowledged);
    expect(new Set(versions).size).toBe(1);
    expect((await store.due(0, acknowledged - 1, 1_000_000)).length).toBe(acknowledged);
    expect((await store.values('writer'))[0]!.atMs).toBeGreaterThanOrEqual(acknowledged - 1);
    await store.close();
  }
});

/** Gives the last version that the writer told of before it died. */
async function writeUntilKilled(file: string, killAfter: number): Promise<number> {
  const node = spawn(process.execPath, ['--conditions=@cluster/source', WRITER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const died = once(node, 'close');
  let acknowledged = 0;
  for await (const line of createInterface({ input: node.stdout! })) {
    acknowledged = Number(line);
    if (acknowledged === killAfter) kill(node);
  }
  await died;
  return acknowledged;
}

function kill(child: ChildProcess): void {
  child.kill('SIGKILL');
}

test('a store opened again has everything but what ran out meanwhile', async () => {
  const file = join(directory, 'again.db');
  const first = openEmbeddedStore({ file });
  await first.claim([{ endpoint: 'urn:a', proposal: 'number01' }]);
  await first.bindAddresses([{ peer: '192.0.2.1:1', number: 'number01', ttlMs: 60_000 }]);
  await first.putEntries([{ endpoint: 'urn:a', state: 'registered', changedAtMs: 1 }]);
  await first.reportOutage({ fromMs: 1, toMs: 2 });
  await first.renewLease('worker', 60_000);
  await first.close();
  const second = openEmbeddedStore({ file });
  expect(await second.resolve(['urn:a'])).toEqual(['number01']);
  expect(await second.resolveAddresses(['192.0.2.1:1'])).toEqual(['number01']);
  expect(await second.list({ limit: 10 })).toEqual([{ endpoint: 'urn:a', state: 'registered', changedAtMs: 1 }]);
  expect(await second.outages(0)).toEqual([{ fromMs: 1, toMs: 2 }]);
  expect(await second.alive(['worker'])).toEqual([false]);
  await second.close();
});
