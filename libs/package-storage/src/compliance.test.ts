import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageStorageCompliance } from '@cluster/testing';
import { DirectoryStorage } from './index.ts';

packageStorageCompliance('a directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'packages-'));
  return { store: await DirectoryStorage.open(directory), close: () => rm(directory, { recursive: true }) };
});
