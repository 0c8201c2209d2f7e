/** A certificate authority, a server and a client for tests, made with the `openssl` program in a directory of the caller's. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DAYS = '30';

/** PEM files of one party. The key is PKCS #8, the public key a SubjectPublicKeyInfo; both are the certificate's. */
export interface Party {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly publicKeyFile: string;
}

export interface TestPki {
  readonly trustFile: string;
  /** Its subject alternative names are `localhost` and 127.0.0.1. Brokers are clients of themselves. */
  readonly server: Party;
  /** A server that the same authority vouches for under another name, `other.example.com`. */
  readonly otherServer: Party;
  readonly client: Party;
}

/** Makes all of it anew: secp256r1 keys and ECDSA with SHA-256. `client` becomes the client's common name. */
export async function makeTestPki(directory: string, client = 'device'): Promise<TestPki> {
  const trustFile = join(directory, 'ca.pem');
  const keyFile = await makeKey(directory, 'ca');
  await run('openssl', ['req', '-x509', '-new', '-key', keyFile, '-subj', '/CN=test CA', '-days', DAYS, '-out', trustFile]);
  const serverNames = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  return {
    trustFile,
    server: await makeParty(directory, 'server', 'localhost', `${serverNames}\nextendedKeyUsage=serverAuth,clientAuth`),
    otherServer: await makeParty(directory, 'other', 'other.example.com', 'subjectAltName=DNS:other.example.com\nextendedKeyUsage=serverAuth'),
    client: await makeParty(directory, 'client', client, 'extendedKeyUsage=clientAuth'),
  };
}

/** A revocation list of the directory's authority that has these certificates, as a PEM file; an older one is replaced. */
export async function makeRevocationList(directory: string, certificateFiles: readonly string[]): Promise<string> {
  const [file, config, database] = [join(directory, 'crl.pem'), join(directory, 'ca.cnf'), join(directory, 'index.txt')];
  await writeFile(database, '');
  await writeFile(config, `[ca]\ndefault_ca=own\n[own]\ndatabase=${database}\ndefault_md=sha256\ndefault_crl_days=${DAYS}\n`);
  const ca = ['ca', '-config', config, '-keyfile', join(directory, 'ca.key.pem'), '-cert', join(directory, 'ca.pem')];
  for (const certificateFile of certificateFiles) await run('openssl', [...ca, '-revoke', certificateFile]);
  await run('openssl', [...ca, '-gencrl', '-out', file]);
  return file;
}

async function makeParty(directory: string, name: string, commonName: string, extensions: string): Promise<Party> {
  const keyFile = await makeKey(directory, name);
  const [request, extensionFile] = [join(directory, `${name}.csr`), join(directory, `${name}.ext`)];
  const [certificateFile, publicKeyFile] = [join(directory, `${name}.pem`), join(directory, `${name}.pub.pem`)];
  await run('openssl', ['req', '-new', '-key', keyFile, '-subj', `/CN=${commonName}`, '-out', request]);
  await writeFile(extensionFile, `basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n${extensions}\n`);
  const issuer = ['-CA', join(directory, 'ca.pem'), '-CAkey', join(directory, 'ca.key.pem'), '-CAcreateserial'];
  const signed = ['-in', request, ...issuer, '-extfile', extensionFile, '-days', DAYS, '-sha256', '-out', certificateFile];
  await run('openssl', ['x509', '-req', ...signed]);
  await run('openssl', ['pkey', '-in', keyFile, '-pubout', '-out', publicKeyFile]);
  return { certificateFile, keyFile, publicKeyFile };
}

async function makeKey(directory: string, name: string): Promise<string> {
  const file = join(directory, `${name}.key.pem`);
  await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file]);
  return file;
}
