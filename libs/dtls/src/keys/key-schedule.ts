/** From premaster secret to record keys and Finished (RFC 5246 §6.3, §7.4.9, §8.1; RFC 7627 §4; RFC 4279 §2). */
import { concatBytes } from '@cluster/bytes';
import type { KeyObject } from '../crypto.ts';
import { createSecretKey } from '../crypto.ts';
import type { DirectionKeys } from '../record/protection.ts';
import type { BulkCipher } from '../suites.ts';
import { vector16 } from '../wire/writer.ts';
import { Label, prf } from './prf.ts';

const MASTER_SECRET_LENGTH = 48;
const VERIFY_DATA_LENGTH = 12;

export type Side = 'client' | 'server';

export interface Randoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** RFC 4279 §2: as many zeros as the key is long, then the key. */
export function pskPremasterSecret(key: Uint8Array): Uint8Array {
  return concatBytes([vector16(new Uint8Array(key.length)), vector16(key)]);
}

/** With a session hash by RFC 7627 §4, else from the randoms by RFC 5246 §8.1. */
export function masterSecret(premaster: Uint8Array, randoms: Randoms, sessionHash: Uint8Array | undefined): Uint8Array {
  const secret = createSecretKey(premaster);
  return sessionHash === undefined
    ? prf(secret, Label.MASTER_SECRET, concatBytes([randoms.client, randoms.server]), MASTER_SECRET_LENGTH)
    : prf(secret, Label.EXTENDED_MASTER_SECRET, sessionHash, MASTER_SECRET_LENGTH);
}

/** What a suite takes of the key block, for each direction. */
function sizes(cipher: BulkCipher): { mac: number; key: number; iv: number } {
  return cipher === 'aes-128-cbc-sha256' ? { mac: 32, key: 16, iv: 0 } : { mac: 0, key: 16, iv: 4 };
}

export function keyBlockLength(cipher: BulkCipher): number {
  const { mac, key, iv } = sizes(cipher);
  return 2 * (mac + key + iv);
}

export function keyBlock(master: KeyObject, cipher: BulkCipher, randoms: Randoms): Uint8Array {
  return prf(master, Label.KEY_EXPANSION, concatBytes([randoms.server, randoms.client]), keyBlockLength(cipher));
}

/** The keys with which one side writes. */
export function directionKeys(block: Uint8Array, cipher: BulkCipher, writer: Side): DirectionKeys {
  const { mac, key, iv } = sizes(cipher);
  const second = writer === 'client' ? 0 : 1;
  const part = (offset: number, size: number): Uint8Array => block.subarray(offset + second * size, offset + (second + 1) * size);
  return { mac: part(0, mac), key: part(2 * mac, key), iv: part(2 * (mac + key), iv) };
}

/** The verify_data of a side's Finished over the hash of all messages before it. */
export function verifyData(master: KeyObject, side: Side, transcriptHash: Uint8Array): Uint8Array {
  return prf(master, side === 'client' ? Label.CLIENT_FINISHED : Label.SERVER_FINISHED, transcriptHash, VERIFY_DATA_LENGTH);
}
