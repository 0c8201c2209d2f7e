/** What is wrong with the keys and certificates that an account names: each has the form that OMA gives it, and belongs to the others. */
import { equalBytes } from '@cluster/bytes';
import type { BootstrapAccount } from '@cluster/contracts';
import { parseCertificate, parseSpki, publicKeyOf } from '@cluster/dtls';
import { Buffer } from 'node:buffer';
import type { DocumentFault } from './resource-rules.ts';

const NO_RAW_KEY = 'expected a SubjectPublicKeyInfo of secp256r1 in DER';
const NO_CERTIFICATE = 'expected an X.509 certificate of version 3 in DER';
const NO_PRIVATE_KEY = 'expected a OneAsymmetricKey of version 1 in DER, not encrypted';

/** OMA Transport 1.1.1 §5.2.8.2, §5.2.8.3 */
export function checkKeys({ security }: BootstrapAccount, at: string): DocumentFault[] {
  const faults: DocumentFault[] = [];
  const fault = (field: string, message: string) => void faults.push({ path: `${at}.security.${field}`, message });
  if (security.mode === 'rpk') {
    const { serverPublicKeyBase64: server, from } = security;
    if (server !== undefined && parseSpki(bytesOf(server)) === undefined) fault('serverPublicKeyBase64', NO_RAW_KEY);
    if (typeof from !== 'object') return faults;
    const spki = parseSpki(bytesOf(from.publicKeyBase64))?.der;
    if (spki === undefined) fault('from.publicKeyBase64', NO_RAW_KEY);
    else checkPair(from.privateKeyBase64, spki, fault);
  }
  if (security.mode === 'x509' && typeof security.from === 'object') {
    const certificate = parseCertificate(bytesOf(security.from.certificateBase64));
    if (typeof certificate === 'string') fault('from.certificateBase64', NO_CERTIFICATE);
    else checkPair(security.from.privateKeyBase64, certificate.spki, fault);
  }
  return faults;
}

function checkPair(privateKeyBase64: string, spki: Uint8Array, fault: (field: string, message: string) => void): void {
  const own = publicKeyOf(bytesOf(privateKeyBase64));
  if (own === undefined) fault('from.privateKeyBase64', NO_PRIVATE_KEY);
  else if (!equalBytes(own, spki)) fault('from.privateKeyBase64', 'is not the key of what stands beside it');
}

function bytesOf(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64');
}
