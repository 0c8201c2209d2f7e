/** Private keys as the Security object holds them: OneAsymmetricKey of version 1, not encrypted. RFC 5958 §2, OMA Transport 1.1.1 §5.2.8.3 */
import { Buffer } from 'node:buffer';
import { readAll, readWhole, smallInteger, Tag } from '../certificates/der.ts';
import { createPrivateKey, createPublicKey } from '../crypto.ts';

const VERSION_1 = 0;
/** Version, algorithm, key, and the attributes that may follow. */
const MOST_PARTS = 4;

/** SubjectPublicKeyInfo of the key in DER; undefined for what is no such key. */
export function publicKeyOf(der: Uint8Array): Uint8Array | undefined {
  const outer = readWhole(der, Tag.sequence);
  const [version, algorithm, key] = (outer && readAll(outer.content, MOST_PARTS)) ?? [];
  if (version?.tag !== Tag.integer || smallInteger(version.content) !== VERSION_1) return undefined;
  if (algorithm?.tag !== Tag.sequence || key?.tag !== Tag.octetString) return undefined;
  try {
    return createPublicKey(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })).export({ format: 'der', type: 'spki' });
  } catch {
    return undefined; // an algorithm that there is not, or no key of it
  }
}
