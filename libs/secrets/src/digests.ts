/** Digests that names in the store are made of, keyed where what they tell of is secret. */
import { createHash, createHmac, type KeyObject, timingSafeEqual } from './primitives.ts';

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** HMAC-SHA-256: equal inputs can be told from it, and nothing else, by those who lack the key. */
export function keyedDigest(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(bytes).digest();
}

/** Compares secrets in a time that tells nothing of where they differ. */
export function equalSecrets(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
