/** The server's own keys for tests with certificates and raw public keys: made anew in a directory of their own. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureOpenssl, makeTestPki, type Party, type TestPki } from '@cluster/testing';

export interface ServerKeys {
  readonly pki: TestPki;
  /** What the server's processes are told. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** `client` is the common name of the client's certificate; `server` chooses among the servers' certificates. */
export async function makeServerKeys(client: string, server: (pki: TestPki) => Party = (pki) => pki.server): Promise<ServerKeys> {
  await ensureOpenssl();
  const directory = await mkdtemp(join(tmpdir(), 'server-keys-'));
  const pki = await makeTestPki(directory, client);
  const { certificateFile, keyFile } = server(pki);
  const file = join(directory, 'server-with-key.pem');
  await writeFile(file, (await readFile(certificateFile, 'utf8')) + (await readFile(keyFile, 'utf8')), { mode: 0o600 });
  const env = { LWM2M_DTLS_CERTIFICATE_FILES: file, LWM2M_DTLS_TRUST_FILES: pki.trustFile };
  return { pki, env, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** SubjectPublicKeyInfo of a PEM file, in base64. */
export async function spkiBase64(publicKeyFile: string): Promise<string> {
  return (await readFile(publicKeyFile, 'utf8')).replaceAll(/-----[^-]+-----|\s/g, '');
}
