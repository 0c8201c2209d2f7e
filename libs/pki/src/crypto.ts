/** The one door of this package to `node:crypto`, and to the Web Crypto that pkijs signs with. */
import { type KeyObject, webcrypto } from 'node:crypto';
import { CryptoEngine } from 'pkijs';

export { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';

export const cryptoEngine = new CryptoEngine({ name: 'node', crypto: webcrypto });

/** A key to sign with, and the hash that goes with its strength. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512';
}

/** RFC 5480 §4: a hash no weaker than the curve. */
const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly hash: SigningKey['hash'] }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
};
const MIN_RSA_BITS = 2_048;

/** Undefined: of a kind that certificates are not signed with here. */
export function signingKey(key: KeyObject): SigningKey | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const curve = key.asymmetricKeyType === 'ec' ? CURVES[namedCurve] : undefined;
  if (curve !== undefined) return { key: toCryptoKey(key, { name: 'ECDSA', namedCurve: curve.namedCurve }), hash: curve.hash };
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < MIN_RSA_BITS) return undefined;
  return { key: toCryptoKey(key, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }), hash: 'SHA-256' };
}

function toCryptoKey(key: KeyObject, algorithm: Parameters<KeyObject['toCryptoKey']>[0]): webcrypto.CryptoKey {
  return key.toCryptoKey(algorithm, false, ['sign']);
}
