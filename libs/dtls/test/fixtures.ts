/** What the tests of this package share: seeded random bytes, keys of a test cluster, protections with known keys. */
import { createSecretKey } from 'node:crypto';
import type { KeyRing } from '../src/association/key-ring.ts';
import type { RandomBytes } from '../src/random.ts';
import type { Protection } from '../src/record/protection.ts';
import type { BulkCipher } from '../src/suites.ts';
import { EMPTY_BYTES } from '@cluster/bytes';

/** Integers from 0 to 2^32 - 1 (xorshift32). */
export function seededIntegers(seed = 1): () => number {
  let state = (Math.imul(seed, 0x9e37_79b1) | 1) >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

export function seededBytes(seed = 1): RandomBytes {
  const next = seededIntegers(seed);
  return (size) => Uint8Array.from({ length: size }, () => next() >>> 11);
}

/** One ring key of `size` bytes, all of value `fill`. */
export function ring(fill: number, size = 32): KeyRing {
  return [{ id: fill & 0x0f, key: createSecretKey(Buffer.alloc(size, fill)) }];
}

export const CIPHERS: readonly BulkCipher[] = ['aes-128-ccm-8', 'aes-128-gcm', 'aes-128-cbc-sha256'];

/** A protection whose keys are the same in every test. */
export function protection(cipher: BulkCipher, fields: Partial<Protection> = {}): Protection {
  const cbc = cipher === 'aes-128-cbc-sha256';
  const keys = {
    mac: cbc ? new Uint8Array(32).fill(1) : EMPTY_BYTES,
    key: new Uint8Array(16).fill(2),
    iv: cbc ? EMPTY_BYTES : new Uint8Array(4).fill(3),
  };
  return { cipher, keys, encryptThenMac: false, cid: EMPTY_BYTES, ...fields };
}

export const CLUSTER_KEYS = { cookie: ring(1), cid: ring(2), ticket: ring(3) };
