/** Things that tests build once and keep in the cache, each in a directory named after the hash of what it is made from. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../brokers/install.ts';

/**
 * Directory with the finished build. `build` fills an empty directory, which is renamed when complete: parallel runs and
 * aborted ones do no harm.
 */
export async function builtOnce(name: string, inputs: string, build: (into: string) => Promise<void>): Promise<string> {
  const home = join(cacheDirectory(), `${name}-${inputs}`);
  if (existsSync(home)) return home;
  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(`${home}-`);
  try {
    await build(work);
    await rename(work, home).catch((error: unknown) => {
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return home;
}

/** Short hash of all files under a directory, but not of what a build left there. */
export async function hashOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    if (file.startsWith(join(directory, 'target'))) continue;
    hash.update(file.slice(directory.length)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 12);
}
