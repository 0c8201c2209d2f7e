/**
 * By whom and under which serial number the certificates of a path were issued, in a few bytes that stand in what was made
 * with them: so a revocation list that comes later is heard, without the certificates themselves.
 */
import { Buffer } from 'node:buffer';
import { concatBytes, toHex } from '@cluster/bytes';
import { createHash } from '../crypto.ts';
import { WireReader } from '../wire/reader.ts';
import { vector8 } from '../wire/writer.ts';
import type { Certificate } from './certificate.ts';

const ISSUER_BYTES = 8;

export interface Issuance {
  /** {@link issuerDigest} of its issuer. */
  readonly issuer: string;
  /** In hex. */
  readonly serial: string;
}

/** Of a name in canonical form. */
export function issuerDigest(issuer: string): string {
  return createHash('sha256').update(issuer).digest().subarray(0, ISSUER_BYTES).toString('hex');
}

export function encodeIssuances(path: readonly Certificate[]): Uint8Array {
  return concatBytes(path.flatMap(({ issuer, serial }) => [Buffer.from(issuerDigest(issuer), 'hex'), vector8(serial)]));
}

/** What can't be read is none: it was made by this program alone. */
export function decodeIssuances(bytes: Uint8Array): Issuance[] {
  const reader = new WireReader(bytes);
  const issuances: Issuance[] = [];
  while (reader.intact && !reader.ended) issuances.push({ issuer: toHex(reader.take(ISSUER_BYTES)), serial: toHex(reader.vector8()) });
  return reader.intact ? issuances : [];
}
