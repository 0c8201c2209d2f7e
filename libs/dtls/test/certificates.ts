/** P-256 keys and certificates for tests, made by `openssl` once for a run. */
import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  readonly der: Uint8Array;
  readonly spki: Uint8Array;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** For these and other files of a test; to be removed by it. */
export const folder: string = mkdtempSync(join(tmpdir(), 'dtls-certificates-'));

/** A self-signed certificate for a name. */
export function testCertificate(name: string): TestCertificate {
  const certificateFile = join(folder, `${name}.crt`);
  const keyFile = join(folder, `${name}.key`);
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  execFileSync('openssl', [...request, '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', keyFile, '-out', certificateFile], { stdio: 'ignore' });
  const certificate = new X509Certificate(readFileSync(certificateFile));
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return { der: certificate.raw, spki, privateKey: createPrivateKey(readFileSync(keyFile)), publicKey: certificate.publicKey, certificateFile, keyFile };
}
