/** The file of static API keys, read again when it changes. */
import { type ApiKey, apiKeyFile } from '@cluster/contracts';
import type { Logger } from '@cluster/telemetry';
import { ConfigError } from './config-error.ts';
import type { Config } from './load-config.ts';
import { settings } from './settings.ts';
import { readFiles, watchFiles } from './watched-files.ts';

type Log = Pick<Logger, 'info' | 'error'>;

export interface ApiKeyFile {
  readonly keys: readonly ApiKey[];
  close(): void;
}

/**
 * Reads the file that the configuration names, and calls `changed` with its keys whenever it changes. A change that
 * can't be used is told in the log, and the keys that were read before go on to hold. Undefined where none is named.
 * @throws {ConfigError} with every fault of the file at start
 */
export async function openApiKeys(
  { apiKeysFile: file }: Pick<Config, 'apiKeysFile'>, changed: (keys: readonly ApiKey[]) => void, log: Log, everyMs?: number,
): Promise<ApiKeyFile | undefined> {
  if (file === undefined) return undefined;
  const contents = await readFiles([file]).catch((error: NodeJS.ErrnoException) => refuse(`can not be read (${error.code ?? 'unknown'})`));
  const watched = watchFiles([file], contents, {
    changed: ([content]) => {
      const keys = parse(content!);
      changed(keys);
      log.info({ keys: keys.length }, 'the API keys were read again');
    },
    failed: (err) => log.error({ err }, 'the file of API keys can not be used; the keys that were read before go on to hold'),
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  return { keys: parse(contents[0]!), close: () => watched.stop() };
}

function parse(content: Buffer): readonly ApiKey[] {
  let document: unknown;
  try {
    document = JSON.parse(content.toString('utf8'));
  } catch {
    return refuse('is not JSON');
  }
  const { data, error } = apiKeyFile.safeParse(document);
  if (error !== undefined) return refuse(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const twice = data.keys.find(({ name }, i) => data.keys.findIndex((other) => other.name === name) !== i);
  return twice === undefined ? data.keys : refuse(`has two keys of the name ${twice.name}`);
}

function refuse(message: string): never {
  throw new ConfigError([{ name: settings.apiKeysFile.name, message }]);
}
