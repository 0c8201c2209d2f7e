/** The pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 §5). */
import { concatBytes, encodeUtf8 } from '@cluster/bytes';
import type { KeyObject } from '../crypto.ts';
import { createHmac } from '../crypto.ts';

const HASH_LENGTH = 32;

/** `length` bytes of PRF(secret, label, seed). */
export function prf(secret: KeyObject, label: string, seed: Uint8Array, length: number): Uint8Array {
  const labelAndSeed = concatBytes([encodeUtf8(label), seed]);
  const output = new Uint8Array(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
  let a: Uint8Array = labelAndSeed;
  for (let at = 0; at < length; at += HASH_LENGTH) {
    a = createHmac('sha256', secret).update(a).digest();
    output.set(createHmac('sha256', secret).update(a).update(labelAndSeed).digest(), at);
  }
  return output.subarray(0, length);
}
