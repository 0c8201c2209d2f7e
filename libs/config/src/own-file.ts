/** Files with secrets that a process makes for itself at its first start. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the file (0600) unless it is there; true: it was made. It is there as a whole or not at all. */
export async function makeOwnFile(file: string, content: () => string | Promise<string>): Promise<boolean> {
  if (await stat(file).then(() => true, () => false)) return false;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, await content(), { mode: 0o600, flag: 'wx', flush: true });
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false; // another process was first
  } finally {
    await rm(draft, { force: true });
  }
}
