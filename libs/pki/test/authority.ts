/** An authority for tests, and how it issues. */
import { randomPool } from '@cluster/dtls';
import { CertificateAuthority, createAuthority, newSerial } from '../src/index.ts';

export const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
export const DAY_MS = 86_400_000;
export const random = randomPool();

export async function testAuthority({ notAfterMs = NOW_MS + 3_650 * DAY_MS } = {}): Promise<CertificateAuthority> {
  const { certificate, privateKey } = await createAuthority({ commonName: 'Test CA', notBeforeMs: NOW_MS - DAY_MS, notAfterMs, random });
  const authority = CertificateAuthority.open([certificate], privateKey);
  if (typeof authority === 'string') throw new Error(authority);
  return authority;
}

export async function issued(authority: CertificateAuthority, endpoint: string, publicKey: Uint8Array, serial = newSerial(random)): Promise<Uint8Array> {
  const certificate = await authority.issue({ endpoint, publicKey, serial, notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 365 * DAY_MS });
  if (typeof certificate === 'string') throw new Error(certificate);
  return certificate;
}
