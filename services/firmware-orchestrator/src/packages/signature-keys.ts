/** The public keys that signatures of packages are checked with. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { ConfigError } from '@cluster/config';

/** The keys by their ids: the names of their files without what follows the last dot. @throws {ConfigError} */
export async function readSignatureKeys(files: readonly string[]): Promise<ReadonlyMap<string, KeyObject>> {
  const keys = new Map<string, KeyObject>();
  for (const file of files) {
    const id = basename(file, extname(file));
    if (keys.has(id)) throw refusal(`holds two keys named ${id}`);
    keys.set(id, await readKey(file));
  }
  return keys;
}

async function readKey(file: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(file));
  } catch (error) {
    throw refusal(`${basename(file)} is no public key in PEM that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ name: 'LWM2M_FIRMWARE_KEY_FILES', message }]);
}
