/** The one door of this package to `node:crypto`, and to the Web Crypto that pkijs signs with. */
import { hex } from '@cluster/bytes';
import { type KeyObject, sign, webcrypto } from 'node:crypto';
import { CryptoEngine } from 'pkijs';

export { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';

export const cryptoEngine = new CryptoEngine({ name: 'node', crypto: webcrypto });

/** A key to sign with, and the hash that goes with its strength. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512';
  /** AlgorithmIdentifier of its signatures, in DER. */
  readonly algorithm: Uint8Array;
  readonly sign: (content: Uint8Array) => Uint8Array;
}

/** RFC 5480 §4: a hash no weaker than the curve. */
const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly hash: SigningKey['hash']; readonly algorithm: Uint8Array }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256', algorithm: hex('300a06082a8648ce3d040302') },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384', algorithm: hex('300a06082a8648ce3d040303') },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512', algorithm: hex('300a06082a8648ce3d040304') },
};
/** sha256WithRSAEncryption. RFC 4055 §5 */
const RSA_SHA256 = hex('300d06092a864886f70d01010b0500');
const MIN_RSA_BITS = 2_048;

/** Undefined: of a kind that certificates are not signed with here. */
export function signingKey(key: KeyObject): SigningKey | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const curve = key.asymmetricKeyType === 'ec' ? CURVES[namedCurve] : undefined;
  const signer = (hash: SigningKey['hash']) => (content: Uint8Array) => sign(hash, content, key);
  if (curve !== undefined) {
    const { hash, algorithm } = curve;
    return { key: toCryptoKey(key, { name: 'ECDSA', namedCurve: curve.namedCurve }), hash, algorithm, sign: signer(hash) };
  }
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < MIN_RSA_BITS) return undefined;
  return { key: toCryptoKey(key, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }), hash: 'SHA-256', algorithm: RSA_SHA256, sign: signer('SHA-256') };
}

function toCryptoKey(key: KeyObject, algorithm: Parameters<KeyObject['toCryptoKey']>[0]): webcrypto.CryptoKey {
  return key.toCryptoKey(algorithm, false, ['sign']);
}
