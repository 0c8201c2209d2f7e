/** The certification authority for devices: its files are read at start, made where a process stands alone, read again when they change. */
import { parsePem, randomPool } from '@cluster/dtls';
import { CertificateAuthority, createAuthority, pemBlock } from '@cluster/pki';
import type { Logger } from '@cluster/telemetry';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import type { Config } from './load-config.ts';
import { makeOwnFile } from './own-file.ts';
import { settings } from './settings.ts';
import { readFiles, watchFiles } from './watched-files.ts';

/** The authority as its files are now. */
export interface HeldAuthority {
  readonly current: () => CertificateAuthority;
  /** Hears when the files hold another. */
  onChange(listener: () => void): void;
  close(): void;
}

type Files = Pick<Config, 'kind' | 'caCertificateFile' | 'caKeyFile' | 'dataDir'>;
type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

const OWN_FILE = 'ca.pem';
const OWN_NAME = 'LwM2M development CA';
const HOUR_MS = 3_600_000;
const OWN_VALIDITY_MS = 10 * 365 * 24 * HOUR_MS;

/**
 * Opens the authority. Undefined: a cluster's process without one. Standalone makes `ca.pem` (certificate and key, 0600)
 * in its data directory at its first start.
 * @throws {ConfigError} if the files can't be read or are no authority
 */
export async function openAuthority(config: Files, log: Log, everyMs?: number): Promise<HeldAuthority | undefined> {
  const paths = await filesOf(config, log);
  if (paths === undefined) return undefined;
  const contents = await readFiles(paths).catch((error: NodeJS.ErrnoException) => refuse(`${error.path ?? paths[0]}: can not be read (${error.code ?? 'unknown'})`));
  let authority = read(paths, contents);
  const listeners: (() => void)[] = [];
  const watched = watchFiles(paths, contents, {
    changed: (next) => {
      authority = read(paths, next);
      for (const listener of listeners) listener();
      log.info('the certification authority was read again');
    },
    failed: (err) => log.error({ err }, 'the certification authority can not be used; the one that was read before goes on to hold'),
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  if (authority.notAfterMs < Date.now()) log.warn('the certificate of the certification authority is over: it issues nothing');
  return { current: () => authority, onChange: (listener) => void listeners.push(listener), close: () => watched.stop() };
}

/** The file with the certificates first, the one with the key last: they may be one. */
async function filesOf({ kind, caCertificateFile, caKeyFile, dataDir }: Files, log: Log): Promise<string[] | undefined> {
  if (caCertificateFile !== undefined) return caKeyFile === undefined ? [caCertificateFile] : [caCertificateFile, caKeyFile];
  if (caKeyFile !== undefined) refuse(`must be set for ${settings.caKeyFile.name}`);
  return kind === 'standalone' ? [await ownFile(dataDir, log)] : undefined;
}

function read([certificates, key = certificates]: readonly string[], contents: readonly Buffer[]): CertificateAuthority {
  const chain = parsePem(contents[0]!.toString('latin1')).filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => der);
  const authority = CertificateAuthority.open(chain, readKey(key!, contents.at(-1)!));
  return typeof authority === 'string' ? refuse(`${certificates}: ${authority}`) : authority;
}

function readKey(path: string, content: Buffer): KeyObject {
  try {
    return createPrivateKey(content);
  } catch {
    return refuse(`${path}: holds no private key that can be read (it must not be encrypted)`);
  }
}

function refuse(message: string): never {
  throw new ConfigError([{ name: settings.caCertificateFile.name, message }]);
}

async function ownFile(dataDir: string, log: Log): Promise<string> {
  const file = join(dataDir, OWN_FILE);
  const made = await makeOwnFile(file, async () => {
    const nowMs = Date.now();
    const own = await createAuthority({ commonName: OWN_NAME, notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + OWN_VALIDITY_MS, random: randomPool() });
    return pemBlock('CERTIFICATE', own.certificate) + own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  });
  if (made) log.info({ file }, 'made a certification authority for devices');
  return file;
}
