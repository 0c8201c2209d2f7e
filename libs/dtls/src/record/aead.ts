/** Records under AES-128-CCM-8 (RFC 6655) and AES-128-GCM (RFC 5288): explicit nonce, ciphertext, tag. */
import { createCipheriv, createDecipheriv, createSecretKey } from '../crypto.ts';
import type { RandomBytes } from '../random.ts';
import { putUint } from '../wire/writer.ts';
import { authenticatedHeader, fromInnerPlaintext, innerPlaintext } from './inner.ts';
import type { Opener, Protection, Sealer } from './protection.ts';
import { ContentType, DTLS_1_2, PROTECTED_EPOCH, RECORD_HEADER_LENGTH, writeHeader } from './record.ts';

const EXPLICIT_NONCE = 8;
/** The random bits of the explicit nonce; the other 40 are the low ones of the sequence number. */
const NONCE_PREFIX = 3;
const NONCE = 12;

/** The differences between the two AEADs. */
function algorithm(protection: Protection): { name: 'aes-128-ccm' | 'aes-128-gcm'; tagLength: number } {
  return protection.cipher === 'aes-128-ccm-8' ? { name: 'aes-128-ccm', tagLength: 8 } : { name: 'aes-128-gcm', tagLength: 16 };
}

export function aeadSealer(protection: Protection, random: RandomBytes): Sealer {
  const { name, tagLength } = algorithm(protection);
  const { cid, keys } = protection;
  const key = createSecretKey(keys.key);
  const nonce = new Uint8Array(NONCE);
  nonce.set(keys.iv);
  nonce.set(random(NONCE_PREFIX), keys.iv.length);
  return {
    seal(type, sequence, content) {
      putNonceSequence(nonce, sequence);
      const plaintext = cid.length === 0 ? content : innerPlaintext(type, content);
      const outerType = cid.length === 0 ? type : ContentType.TLS12_CID;
      const fragmentLength = EXPLICIT_NONCE + plaintext.length + tagLength;
      const record = new Uint8Array(RECORD_HEADER_LENGTH + cid.length + fragmentLength);
      const start = writeHeader(record, { type: outerType, version: DTLS_1_2, epoch: PROTECTED_EPOCH, sequence, cid }, fragmentLength);
      const cipher = createCipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength: tagLength });
      cipher.setAAD(authenticatedHeader(outerType, sequence, cid, plaintext.length), { plaintextLength: plaintext.length });
      record.set(nonce.subarray(NONCE - EXPLICIT_NONCE), start);
      record.set(cipher.update(plaintext), start + EXPLICIT_NONCE);
      cipher.final();
      record.set(cipher.getAuthTag(), start + EXPLICIT_NONCE + plaintext.length);
      return record;
    },
  };
}

function putNonceSequence(nonce: Uint8Array, sequence: number): void {
  nonce[7] = Math.floor(sequence / 0x1_0000_0000);
  putUint(nonce, 8, sequence, 4);
}

export function aeadOpener(protection: Protection): Opener {
  const { name, tagLength } = algorithm(protection);
  const { cid, keys } = protection;
  const key = createSecretKey(keys.key);
  const nonce = new Uint8Array(NONCE);
  nonce.set(keys.iv);
  return {
    open({ type, sequence, fragment }) {
      const length = fragment.length - EXPLICIT_NONCE - tagLength;
      if (length < 0) return undefined;
      nonce.set(fragment.subarray(0, EXPLICIT_NONCE), keys.iv.length);
      const decipher = createDecipheriv(name as 'aes-128-ccm', key, nonce, { authTagLength: tagLength });
      decipher.setAuthTag(fragment.subarray(EXPLICIT_NONCE + length));
      decipher.setAAD(authenticatedHeader(type, sequence, cid, length), { plaintextLength: length });
      try {
        const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE, EXPLICIT_NONCE + length));
        decipher.final();
        return cid.length === 0 ? { type, content: plaintext } : fromInnerPlaintext(plaintext);
      } catch {
        return undefined;
      }
    },
  };
}
