/** Records under AES-128-CBC with HMAC-SHA256: MAC-then-encrypt (RFC 5246 §6.2.3.2) or encrypt-then-MAC (RFC 7366). */
import { concatBytes } from '@cluster/bytes';
import type { KeyObject } from '../crypto.ts';
import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, timingSafeEqual } from '../crypto.ts';
import type { RandomBytes } from '../random.ts';
import { authenticatedHeader, fromInnerPlaintext, innerPlaintext } from './inner.ts';
import type { Opener, Protection, Sealer } from './protection.ts';
import type { OpenedRecord, WireRecord } from './record.ts';
import { ContentType, DTLS_1_2, PROTECTED_EPOCH, RECORD_HEADER_LENGTH, writeHeader } from './record.ts';

const BLOCK = 16;
const MAC = 32;

export function cbcSealer(protection: Protection, random: RandomBytes): Sealer {
  const { cid, encryptThenMac } = protection;
  const key = createSecretKey(protection.keys.key);
  const macKey = createSecretKey(protection.keys.mac);
  return {
    seal(type, sequence, content) {
      const plaintext = cid.length === 0 ? content : innerPlaintext(type, content);
      const outerType = cid.length === 0 ? type : ContentType.TLS12_CID;
      const iv = random(BLOCK);
      let fragment: Uint8Array;
      if (encryptThenMac) {
        const encrypted = concatBytes([iv, encrypt(key, iv, padded(plaintext))]);
        fragment = concatBytes([encrypted, mac(macKey, outerType, sequence, cid, encrypted)]);
      } else {
        const authenticated = concatBytes([plaintext, mac(macKey, outerType, sequence, cid, plaintext)]);
        fragment = concatBytes([iv, encrypt(key, iv, padded(authenticated))]);
      }
      const record = new Uint8Array(RECORD_HEADER_LENGTH + cid.length + fragment.length);
      const start = writeHeader(record, { type: outerType, version: DTLS_1_2, epoch: PROTECTED_EPOCH, sequence, cid }, fragment.length);
      record.set(fragment, start);
      return record;
    },
  };
}

export function cbcOpener(protection: Protection): Opener {
  const { cid, encryptThenMac } = protection;
  const key = createSecretKey(protection.keys.key);
  const macKey = createSecretKey(protection.keys.mac);
  const open = encryptThenMac ? openEncryptThenMac : openMacThenEncrypt;
  return {
    open(record) {
      const plaintext = open(key, macKey, record);
      if (plaintext === undefined) return undefined;
      return cid.length === 0 ? { type: record.type, content: plaintext } : (fromInnerPlaintext(plaintext) satisfies OpenedRecord | undefined);
    },
  };
}

function openEncryptThenMac(key: KeyObject, macKey: KeyObject, record: WireRecord): Uint8Array | undefined {
  const { fragment } = record;
  const encrypted = fragment.subarray(0, -MAC);
  // RFC 7366 §3: the MAC is checked before anything is decrypted.
  if (fragment.length < BLOCK * 2 + MAC || encrypted.length % BLOCK !== 0) return undefined;
  if (!timingSafeEqual(mac(macKey, record.type, record.sequence, record.cid, encrypted), fragment.subarray(-MAC))) return undefined;
  const plaintext = decrypt(key, encrypted);
  const padding = paddingLength(plaintext, 0);
  return padding === undefined ? undefined : plaintext.subarray(0, plaintext.length - padding);
}

function openMacThenEncrypt(key: KeyObject, macKey: KeyObject, record: WireRecord): Uint8Array | undefined {
  const { fragment } = record;
  if (fragment.length < BLOCK + MAC + BLOCK || fragment.length % BLOCK !== 0) return undefined;
  const plaintext = decrypt(key, fragment);
  const padding = paddingLength(plaintext, MAC);
  // RFC 5246 §6.2.3.2: with bad padding the MAC is computed all the same, as if there were none.
  const end = plaintext.length - (padding ?? 1) - MAC;
  const content = plaintext.subarray(0, end);
  const expected = mac(macKey, record.type, record.sequence, record.cid, content);
  // Hashes about as much as was left out as padding, so that its length shows less in the time taken.
  createHash('sha256').update(plaintext.subarray(end)).digest();
  const authentic = timingSafeEqual(expected, plaintext.subarray(end, end + MAC));
  return authentic && padding !== undefined ? content : undefined;
}

function mac(key: KeyObject, type: number, sequence: number, cid: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(authenticatedHeader(type, sequence, cid, bytes.length)).update(bytes).digest();
}

function padded(bytes: Uint8Array): Uint8Array {
  const padding = BLOCK - (bytes.length % BLOCK);
  const whole = new Uint8Array(bytes.length + padding).fill(padding - 1);
  whole.set(bytes);
  return whole;
}

/** The length of the padding with its length byte; undefined if it is wrong, or leaves less than `atLeast` bytes. Looks at each byte. */
function paddingLength(plaintext: Uint8Array, atLeast: number): number | undefined {
  const value = plaintext[plaintext.length - 1]!;
  const length = value + 1;
  if (length + atLeast > plaintext.length) return undefined;
  let difference = 0;
  for (let index = plaintext.length - length; index < plaintext.length; index++) difference |= plaintext[index]! ^ value;
  return difference === 0 ? length : undefined;
}

function encrypt(key: KeyObject, iv: Uint8Array, bytes: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return cipher.update(bytes);
}

function decrypt(key: KeyObject, bytes: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-128-cbc', key, bytes.subarray(0, BLOCK)).setAutoPadding(false);
  return decipher.update(bytes.subarray(BLOCK));
}
