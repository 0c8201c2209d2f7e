/** Who signed what: signatures of certificates and revocation lists, with algorithms and keys that are strong enough. */
import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject, verify } from '../crypto.ts';
import type { Signed } from './certificate.ts';

interface Algorithm {
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly hash: string | null;
}

/** RFC 5758 §3.2, RFC 4055 §5, RFC 8410 §3. No SHA-1. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.10045.4.3.2': { keyType: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keyType: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { keyType: 'ec', hash: 'sha512' },
  '1.2.840.113549.1.1.11': { keyType: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keyType: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { keyType: 'rsa', hash: 'sha512' },
  '1.3.101.112': { keyType: 'ed25519', hash: null },
};

/** OMA Transport 1.1.1 §5.2.3: no group of less than 255 bits. */
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const MIN_RSA_BITS = 2_048;
const MAX_RSA_BITS = 4_096;

export function isKnownAlgorithm(oid: string): boolean {
  return ALGORITHMS[oid] !== undefined;
}

/** The key of an issuer; undefined: it is none, or too weak. */
export function issuerKey(spki: Uint8Array): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
    if (key.asymmetricKeyType === 'ec') return CURVES.has(namedCurve ?? '') ? key : undefined;
    if (key.asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS ? key : undefined;
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `signed` is signed by `key`. */
export interface SignatureCheck {
  readonly signed: Signed;
  readonly key: KeyObject;
}

export function isSignedBy({ content, algorithm, signature }: Signed, key: KeyObject): boolean {
  const known = ALGORITHMS[algorithm];
  if (known === undefined || key.asymmetricKeyType !== known.keyType) return false;
  try {
    return verify(known.hash, content, key, signature);
  } catch {
    return false;
  }
}

/** Checks it in a thread of libuv's pool. */
export function startSignatureCheck({ signed: { content, algorithm, signature }, key }: SignatureCheck, done: (valid: boolean) => void): void {
  const known = ALGORITHMS[algorithm];
  if (known === undefined || key.asymmetricKeyType !== known.keyType) done(false);
  else verify(known.hash, content, key, signature, (error, valid) => done(error === null && valid));
}
