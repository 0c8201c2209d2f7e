/**
 * Seals what is stored: AES-256-GCM, under a data key derived for each sealing, bound to the name of the record.
 *
 * | bytes | what |
 * |---|---|
 * | 1 | format, 1 |
 * | 1 | id of the master secret |
 * | 16 | salt, random |
 * | m | ciphertext, as long as the plaintext |
 * | 16 | tag |
 */
import { concatBytes, encodeUtf8 } from '@cluster/bytes';
import type { KeyRing } from './key-ring.ts';
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from './primitives.ts';

/** Draws bytes that nobody can foretell; comes in from outside. */
export type RandomBytes = (length: number) => Uint8Array;

/** `unknown-key`: the master secret it was sealed with is not in the secret file. `forged`: altered, or of another name. */
export type Opened =
  | { readonly ok: true; readonly plaintext: Uint8Array }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown-key' | 'forged' };

const FORMAT = 1;
const SALT_BYTES = 16;
const SALT_START = 2;
const SALT_END = SALT_START + SALT_BYTES;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

export class Sealer {
  readonly #ring: KeyRing;
  readonly #random: RandomBytes;

  constructor(ring: KeyRing, random: RandomBytes) {
    this.#ring = ring;
    this.#random = random;
  }

  /** Seals under the current key. Only {@link open} with the same name gives the plaintext back. */
  seal(name: string, plaintext: Uint8Array): Uint8Array {
    const { id, key } = this.#ring.current('sealing');
    const salt = this.#random(SALT_BYTES);
    const data = dataKey(key, salt);
    const cipher = createCipheriv(CIPHER, data.key, data.nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(encodeUtf8(name));
    const ciphertext = [cipher.update(plaintext), cipher.final()];
    return concatBytes([Uint8Array.of(FORMAT, id), salt, ...ciphertext, cipher.getAuthTag()]);
  }

  open(name: string, sealed: Uint8Array): Opened {
    const parts = split(sealed);
    if (parts === undefined) return { ok: false, reason: 'malformed' };
    const key = this.#ring.find('sealing', parts.id);
    if (key === undefined) return { ok: false, reason: 'unknown-key' };
    const data = dataKey(key, parts.salt);
    const decipher = createDecipheriv(CIPHER, data.key, data.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(encodeUtf8(name));
    decipher.setAuthTag(parts.tag);
    const plaintext = decipher.update(parts.ciphertext);
    try {
      decipher.final();
    } catch {
      return { ok: false, reason: 'forged' };
    }
    return { ok: true, plaintext };
  }

  /** Whether it was sealed under the current key; otherwise it should be sealed again. */
  isCurrent(sealed: Uint8Array): boolean {
    return split(sealed)?.id === this.#ring.current('sealing').id;
  }
}

interface Parts {
  readonly id: number;
  readonly salt: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

function split(sealed: Uint8Array): Parts | undefined {
  const tagStart = sealed.length - TAG_BYTES;
  if (sealed[0] !== FORMAT || tagStart < SALT_END) return undefined;
  return {
    id: sealed[1]!,
    salt: sealed.subarray(SALT_START, SALT_END),
    ciphertext: sealed.subarray(SALT_END, tagStart),
    tag: sealed.subarray(tagStart),
  };
}

/** A key and nonce of its own for each sealing: the random salt makes both fresh, so no nonce is ever used twice under a key. */
function dataKey(sealing: KeyObject, salt: Uint8Array): { key: KeyObject; nonce: Uint8Array } {
  const bytes = new Uint8Array(hkdfSync('sha256', sealing, salt, 'lwm2m-cluster data key', KEY_BYTES + NONCE_BYTES));
  return { key: createSecretKey(bytes.subarray(0, KEY_BYTES)), nonce: bytes.subarray(KEY_BYTES) };
}
