/** The pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 §5). */
import { encodeUtf8 } from '@cluster/bytes';
import type { KeyObject } from '../crypto.ts';
import { createHmac } from '../crypto.ts';

const HASH_LENGTH = 32;

/** The labels that TLS knows, as bytes. */
export const Label = {
  MASTER_SECRET: encodeUtf8('master secret'),
  EXTENDED_MASTER_SECRET: encodeUtf8('extended master secret'),
  KEY_EXPANSION: encodeUtf8('key expansion'),
  CLIENT_FINISHED: encodeUtf8('client finished'),
  SERVER_FINISHED: encodeUtf8('server finished'),
} as const;

/** `length` bytes of PRF(secret, label, seed). */
export function prf(secret: KeyObject, label: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const labelAndSeed = Buffer.concat([label, seed]);
  const output = new Uint8Array(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
  let a: Uint8Array = labelAndSeed;
  for (let at = 0; at < length; at += HASH_LENGTH) {
    a = createHmac('sha256', secret).update(a).digest();
    output.set(createHmac('sha256', secret).update(a).update(labelAndSeed).digest(), at);
  }
  return output.subarray(0, length);
}
