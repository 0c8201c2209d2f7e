/**
 * Object definition files from disk: the registry's, which come with this package, and the operator's own. The one file
 * of the package that touches the file system; its own entry, `@cluster/lwm2m/ddf-directory`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DdfError, parseDdf } from './ddf.ts';
import { ddfFileName, type DdfSource } from './object-model.ts';

/** The package's own data; src/model and dist/model lie equally deep. */
const REGISTRY = fileURLToPath(new URL('../../ddf/', import.meta.url));

/**
 * The registry's files, read when they are asked for, and above them those of `directories` (every `*.xml` in them, of
 * any name), read and checked at once: a file adds its object version or overrides one; a later directory wins. Throws
 * {@link DdfError} naming the file that can't be used.
 */
export function ddfDirectory(directories: readonly string[] = []): DdfSource {
  const registry = join(REGISTRY, 'objects');
  const own = new Map(directories.flatMap(readOwn));
  return {
    list: () => [...new Set([...xmlFiles(registry), ...own.keys()])],
    read: (name) => own.get(name) ?? readFileSync(join(registry, name), 'utf8'),
    readReusable: () => readFileSync(join(REGISTRY, 'Common.xml'), 'utf8'),
  };
}

function readOwn(directory: string): [name: string, xml: string][] {
  return xmlFiles(directory).map((file) => {
    const path = join(directory, file);
    const xml = readFileSync(path, 'utf8');
    try {
      return [ddfFileName(parseDdf(xml)), xml];
    } catch (cause) {
      throw new DdfError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  });
}

function xmlFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.xml')).sort();
}
