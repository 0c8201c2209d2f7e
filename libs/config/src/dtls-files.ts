/** The server's own keys and certificates, and whom it trusts to vouch for devices: from files, read again when they change. */
import { type Certificate, holderNames, KeyObject, parseCertificate, parsePem, parseSpki, TrustStore } from '@cluster/dtls';
import type { Logger } from '@cluster/telemetry';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { ConfigError, type ConfigFault } from './config-error.ts';
import type { Config } from './load-config.ts';
import { type Setting, settings } from './settings.ts';
import { readFiles, watchFiles } from './watched-files.ts';

/** A key pair of the server, and the certificates that vouch for it. */
export interface ServerIdentity {
  /** Lower-case host names of the certificate, for SNI. */
  readonly names: readonly string[];
  /** DER, its own first; empty for a raw public key alone. */
  readonly chain: readonly Uint8Array[];
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

export interface DtlsFiles {
  /** The first with a certificate serves names that none has. */
  readonly identities: readonly ServerIdentity[];
  readonly trust: TrustStore;
}

type Files = Partial<Pick<Config, 'dtlsCertificateFiles' | 'dtlsKeyFile' | 'dtlsTrustFiles' | 'dtlsCrlFiles'>>;
type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

/** Between a certificate and its key in files of their own, as a kubernetes.io/tls Secret has them. */
const PAIR = '+';
const NEW_LINE = Buffer.from('\n');

interface NamedFile {
  readonly setting: Setting;
  /** What it is called in messages. */
  readonly path: string;
  /** One file, or two that count as one. */
  readonly paths: readonly string[];
  readonly read: (content: Buffer, into: { identities: ServerIdentity[]; trust: TrustStore }) => string | undefined;
}

/**
 * Reads the files that the configuration names, and calls `changed` with all of them whenever one changes. A change
 * that can't be used is told in the log, and what was read before goes on to hold.
 * @throws {ConfigError} with every fault of the files at start
 */
export async function openDtlsFiles(
  config: Files, changed: (files: DtlsFiles) => void, log: Log, everyMs?: number,
): Promise<{ readonly files: DtlsFiles; close(): void }> {
  const named = filesOf(config);
  const paths = named.flatMap((each) => each.paths);
  const contents = await readFiles(paths).catch((error: NodeJS.ErrnoException) => {
    const at = named.find((each) => each.paths.includes(error.path ?? '')) ?? named[0]!;
    throw new ConfigError([fault(at, `can not be read (${error.code ?? 'unknown'})`)]);
  });
  const files = parse(named, contents, log);
  const watched = watchFiles(paths, contents, {
    changed: (next) => {
      changed(parse(named, next, log));
      log.info('certificates, keys and revocation lists were read again');
    },
    failed: (err) => log.error({ err }, 'a file of certificates, keys or revocation lists can not be used; what was read before goes on to hold'),
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  return { files, close: () => watched.stop() };
}

function filesOf({ dtlsCertificateFiles = [], dtlsKeyFile, dtlsTrustFiles = [], dtlsCrlFiles = [] }: Files): NamedFile[] {
  const named = (setting: Setting, paths: readonly string[], read: NamedFile['read']) => paths.map((path) => ({ setting, path, paths: path.split(PAIR), read }));
  return [
    ...named(settings.dtlsCertificateFiles, dtlsCertificateFiles, readIdentity),
    ...named(settings.dtlsKeyFile, dtlsKeyFile === undefined ? [] : [dtlsKeyFile], readRawKey),
    ...named(settings.dtlsTrustFiles, dtlsTrustFiles, readAnchors),
    ...named(settings.dtlsCrlFiles, dtlsCrlFiles, readList),
  ];
}

function parse(named: readonly NamedFile[], contents: readonly Buffer[], log: Log): DtlsFiles {
  const into = { identities: [] as ServerIdentity[], trust: new TrustStore() };
  const faults: ConfigFault[] = [];
  let next = 0;
  for (const file of named) {
    const message = file.read(joined(contents.slice(next, (next += file.paths.length))), into);
    if (message !== undefined) faults.push(fault(file, message));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  for (const { chain, names } of into.identities) {
    const own = chain[0] && parseCertificate(chain[0]);
    if (own !== undefined && typeof own !== 'string' && own.notAfterMs < Date.now()) log.warn({ names }, 'a certificate of this server is over');
  }
  return into;
}

/** The last line of a PEM file may lack its end. */
function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts.flatMap((part) => [part, NEW_LINE]));
}

function fault({ setting, path }: NamedFile, message: string): ConfigFault {
  return { name: setting.name, message: `${path}: ${message}` };
}

function readIdentity(content: Buffer, { identities }: { identities: ServerIdentity[] }): string | undefined {
  const chain = parsePem(content.toString('latin1')).filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => der);
  const certificates = chain.map(parseCertificate);
  const bad = certificates.findIndex((each) => typeof each === 'string');
  if (chain.length === 0) return 'holds no certificate';
  if (bad >= 0) return `certificate ${bad + 1} can not be used (${certificates[bad] as string})`;
  const [own, ...issuers] = certificates as [Certificate, ...Certificate[]];
  const gap = [own, ...issuers].findIndex((each, i, all) => i + 1 < all.length && each.issuer !== all[i + 1]!.subject);
  if (gap >= 0) return `certificate ${gap + 2} is not the issuer of the one before it`;
  const pair = readKeyPair(content);
  if (typeof pair === 'string') return pair;
  if (!Buffer.from(own.spki).equals(pair.publicKey)) return 'the private key is not that of the first certificate';
  identities.push({ ...pair, chain, names: hostNames(own) });
  return undefined;
}

/** RFC 6125 §6.4.4: the common name counts where there are no alternative names. */
function hostNames(certificate: Certificate): string[] {
  const { alternative, common } = holderNames(certificate);
  return (alternative.length > 0 ? alternative : common).map((name) => name.toLowerCase());
}

function readRawKey(content: Buffer, { identities }: { identities: ServerIdentity[] }): string | undefined {
  const pair = readKeyPair(content);
  if (typeof pair === 'string') return pair;
  identities.push({ ...pair, chain: [], names: [] });
  return undefined;
}

function readKeyPair(content: Buffer): Pick<ServerIdentity, 'privateKey' | 'publicKey'> | string {
  try {
    const privateKey = createPrivateKey(content);
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return parseSpki(publicKey) === undefined ? 'the private key is not of secp256r1' : { privateKey, publicKey };
  } catch {
    return 'holds no private key that can be read (it must not be encrypted)';
  }
}

/** A file that is just being written must not take trust from anybody, or give it back. */
function isCutShort(content: Buffer): boolean {
  const text = content.toString('latin1');
  return text.split('-----BEGIN ').length - 1 !== parsePem(text).length;
}

function readAnchors(content: Buffer, { trust }: { trust: TrustStore }): string | undefined {
  const blocks = parsePem(content.toString('latin1')).filter(({ label }) => label === 'CERTIFICATE');
  if (blocks.length === 0) return 'holds no certificate';
  if (isCutShort(content)) return 'has a block that does not end';
  const refused = blocks.map(({ der }) => trust.addAnchor(der));
  const bad = refused.findIndex((reason) => reason !== undefined);
  return bad < 0 ? undefined : `certificate ${bad + 1} ${refused[bad]}`;
}

function readList(content: Buffer, { trust }: { trust: TrustStore }): string | undefined {
  const blocks = parsePem(content.toString('latin1')).filter(({ label }) => label === 'X509 CRL');
  if (blocks.length > 0 && isCutShort(content)) return 'has a block that does not end';
  const lists = blocks.length > 0 ? blocks.map(({ der }) => der) : [content];
  return lists.map((der) => trust.addRevocationList(der)).find((reason) => reason !== undefined);
}
