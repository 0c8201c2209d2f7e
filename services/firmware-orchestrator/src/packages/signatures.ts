/** Checks the detached signature of a package against the configured public keys. */
import { createVerify, type KeyObject, verify } from 'node:crypto';
import type { PackageSignature } from '@cluster/contracts';

/** Ed25519 signs the message itself, twice: it has to be at hand as a whole. RFC 8032 §5.1.6 */
export const MAX_ED25519_BYTES = 64 * 1_048_576;

const KEY_TYPES = { 'ed25519': 'ed25519', 'ecdsa-p256-sha256': 'ec' } as const;

/** Whether a key can check signatures of the algorithm. */
export function fitsAlgorithm(key: KeyObject, algorithm: PackageSignature['algorithm']): boolean {
  if (key.asymmetricKeyType !== KEY_TYPES[algorithm]) return false;
  return algorithm === 'ed25519' || key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** Takes the bytes of a package in order, and tells at the end whether they are what was signed. */
export class SignatureCheck {
  readonly #signature: PackageSignature;
  readonly #key: KeyObject;
  readonly #digest = createVerify('sha256');
  readonly #whole: Uint8Array[] = [];

  constructor(signature: PackageSignature, key: KeyObject) {
    this.#signature = signature;
    this.#key = key;
  }

  update(bytes: Uint8Array): void {
    if (this.#signature.algorithm === 'ed25519') this.#whole.push(bytes);
    else this.#digest.update(bytes);
  }

  valid(): boolean {
    const { algorithm, signatureBase64 } = this.#signature;
    const signature = Buffer.from(signatureBase64, 'base64');
    try {
      return algorithm === 'ed25519' ? verify(null, Buffer.concat(this.#whole), this.#key, signature) : this.#digest.verify(this.#key, signature);
    } catch {
      return false; // not the form of a signature
    }
  }
}
