/** Raw public keys (RFC 7250): a SubjectPublicKeyInfo of secp256r1 in DER, uncompressed. OMA Transport 1.1.1 §5.2.3, §5.2.8.2 */
import { concatBytes, equalBytes, hex } from '@cluster/bytes';
import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, type KeyObject } from '../crypto.ts';

/** A peer's key: `sha256` of its SubjectPublicKeyInfo names it. */
export interface PublicKeyInfo {
  readonly key: KeyObject;
  readonly der: Uint8Array;
  readonly sha256: Uint8Array;
}

/** SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of an uncompressed point }. RFC 5480 §2 */
const P256_PREFIX = hex('3059301306072a8648ce3d020106082a8648ce3d03010703420004');
const COORDINATES_BYTES = 64;

/** The key, if it is one of secp256r1 whose point lies on the curve, and nothing stands behind it. */
export function parseSpki(der: Uint8Array): PublicKeyInfo | undefined {
  const start = der.subarray(0, P256_PREFIX.length);
  if (der.length !== P256_PREFIX.length + COORDINATES_BYTES || !equalBytes(start, P256_PREFIX)) return undefined;
  const copy = concatBytes([der]);
  try {
    const key = createPublicKey({ key: Buffer.from(copy), format: 'der', type: 'spki' });
    return { key, der: copy, sha256: createHash('sha256').update(copy).digest() };
  } catch {
    return undefined; // not on the curve
  }
}
