/** Certification requests made by OpenSSL, and its verdict on what the authority issues. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pem } from '@cluster/dtls/testing/authority';

const folder = mkdtempSync(join(tmpdir(), 'pki-openssl-'));
let files = 0;

export function path(suffix: string, content?: Uint8Array | string): string {
  const file = join(folder, `${++files}${suffix}`);
  if (content !== undefined) writeFileSync(file, content);
  return file;
}

/** What it prints, on either stream, and whether it was content. */
export function openssl(...args: string[]): { ok: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return { ok: status === 0, text: stdout + stderr };
}

export interface RequestOptions {
  /** `/CN=…`, or `/` for an empty one; with a challenge password it is always `/CN=a`. */
  readonly subject: string;
  /** Lines of extensions, e.g. `subjectAltName=URI:urn:dev:1`. */
  readonly extensions?: readonly string[];
  /** Arguments of `-newkey`. */
  readonly key?: readonly string[];
  readonly challengePassword?: string;
}

export interface MadeRequest {
  readonly der: Buffer;
  readonly keyFile: string;
}

const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

/** A PKCS #10 of a new key. */
export function makeRequest({ subject, extensions = [], key = P256, challengePassword }: RequestOptions): MadeRequest {
  const keyFile = path('.key');
  const attributes = challengePassword === undefined ? '' : `attributes = attrs\n[attrs]\nchallengePassword = ${challengePassword}\n`;
  const config = path('.cnf', `[req]\nprompt = no\ndistinguished_name = dn\nutf8 = yes\n${attributes}[dn]\nCN = a\n`);
  // OpenSSL takes attributes from the file only together with the subject.
  const named = challengePassword === undefined ? ['-utf8', '-subj', subject] : [];
  const args = ['req', '-new', '-config', config, '-newkey', ...key, '-nodes', '-keyout', keyFile, ...named, ...extensions.flatMap((each) => ['-addext', each])];
  const der = execFileSync('openssl', [...args, '-outform', 'DER'], { stdio: ['ignore', 'pipe', 'ignore'] });
  return { der, keyFile };
}

export function pemFile(label: string, ...ders: readonly Uint8Array[]): string {
  return path('.pem', pem(ders, label));
}

export function read(file: string): string {
  return readFileSync(file, 'utf8');
}
