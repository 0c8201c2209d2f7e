/** What is of a directory alone: several processes share it, and one of them makes what is missing. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryStorage } from './index.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'packages-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('what is missing is made, and what is there stays', async () => {
  const inside = join(directory, 'a', 'firmware');
  await DirectoryStorage.open(inside);
  await writeFile(join(inside, 'packages', 'x'), 'bytes');
  await DirectoryStorage.open(inside);
  expect((await readdir(inside, { recursive: true })).toSorted()).toEqual(['packages', 'packages/x', 'uploads']);
});

test('a directory that can not be made is told', async () => {
  await writeFile(join(directory, 'file'), '');
  await expect(DirectoryStorage.open(join(directory, 'file', 'firmware'))).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
});
