/** The file with the cluster's master secrets: read at start, made where a process stands alone, read again when it changes. */
import { KeyRing, type MasterSecret, MIN_SECRET_BYTES, parseMasterSecrets, Sealer } from '@cluster/secrets';
import type { Logger } from '@cluster/telemetry';
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import type { Config } from './load-config.ts';
import { makeOwnFile } from './own-file.ts';
import { settings } from './settings.ts';
import { readFiles, watchFiles } from './watched-files.ts';

/** What is made with the secrets. The ring always holds what the file says. */
export interface Secrets {
  readonly ring: KeyRing;
  readonly sealer: Sealer;
  /** Hears when the file holds other secrets. */
  onChange(listener: () => void): void;
  close(): void;
}

type SecretConfig = Pick<Config, 'kind' | 'secretKeyFile' | 'dataDir'>;
type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

const OWN_FILE = 'secret.key';
const OTHERS_MAY_READ = 0o004;

/**
 * Opens the secret file. Undefined: a cluster's process without one. Standalone makes `secret.key` in its data
 * directory (0600) at its first start: whoever loses it loses the credentials.
 * @throws {ConfigError} if the file can't be read or holds no secrets
 */
export async function openSecrets(config: SecretConfig, log: Log, everyMs?: number): Promise<Secrets | undefined> {
  const file = config.secretKeyFile ?? (config.kind === 'standalone' ? await ownFile(config.dataDir, log) : undefined);
  if (file === undefined) return undefined;
  const contents = await readFiles([file]).catch((error: NodeJS.ErrnoException) => refuse(`can not be read (${error.code ?? 'unknown'})`));
  const ring = new KeyRing(parse(contents[0]!));
  if (((await stat(file)).mode & OTHERS_MAY_READ) !== 0) log.warn({ file }, 'every user of this host may read the secret file');
  const listeners: (() => void)[] = [];
  const watched = watchFiles([file], contents, {
    changed: ([content]) => {
      const secrets = parse(content!);
      ring.replace(secrets);
      for (const listener of listeners) listener();
      log.info({ ids: secrets.map(({ id }) => id) }, 'the master secrets were read again');
    },
    failed: (err) => log.error({ err }, 'the secret file can not be used; the secrets that were read before go on to hold'),
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  return {
    ring,
    sealer: new Sealer(ring, randomBytes),
    onChange: (listener) => void listeners.push(listener),
    close: () => watched.stop(),
  };
}

function parse(content: Buffer): readonly MasterSecret[] {
  const parsed = parseMasterSecrets(content.toString('utf8'));
  return 'message' in parsed ? refuse(parsed.message) : parsed;
}

function refuse(message: string): never {
  throw new ConfigError([{ name: settings.secretKeyFile.name, message }]);
}

async function ownFile(dataDir: string, log: Log): Promise<string> {
  const file = join(dataDir, OWN_FILE);
  const text = `# The secret of this server: without it nobody can read the credentials in this directory.\n0 ${randomBytes(MIN_SECRET_BYTES).toString('hex')}\n`;
  if (await makeOwnFile(file, () => text)) log.info({ file }, 'made a secret file');
  return file;
}
