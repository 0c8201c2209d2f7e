/** What protects the records of one direction: an interface over the AEAD and CBC suites, and what RFC 9146 changes in both. */
import { equalBytes } from '@cluster/bytes';
import type { RandomBytes } from '../random.ts';
import type { BulkCipher } from '../suites.ts';
import { aeadOpener, aeadSealer } from './aead.ts';
import { cbcOpener, cbcSealer } from './cbc.ts';
import { ContentType } from './record.ts';
import type { OpenedRecord, WireRecord } from './record.ts';

/** Keys of one direction, as the key block has them (RFC 5246 §6.3). */
export interface DirectionKeys {
  /** Empty for AEAD suites. */
  readonly mac: Uint8Array;
  readonly key: Uint8Array;
  /** The implicit part of the nonce; empty for CBC suites. */
  readonly iv: Uint8Array;
}

export interface Protection {
  readonly cipher: BulkCipher;
  readonly keys: DirectionKeys;
  /** RFC 7366; means something to CBC suites only. */
  readonly encryptThenMac: boolean;
  /** The Connection ID in the records of this direction; empty when none was agreed. */
  readonly cid: Uint8Array;
}

/** Seals the records of one direction. */
export interface Sealer {
  /** A whole record: header and protected fragment. */
  seal(type: number, sequence: number, content: Uint8Array): Uint8Array;
}

/** Opens the records of one direction. */
export interface Opener {
  /** Undefined for whatever doesn't authenticate. */
  open(record: WireRecord): OpenedRecord | undefined;
}

/**
 * Begins to seal. For AEAD suites this draws the 24 random bits that begin each explicit nonce: they differ from those of
 * whoever used the keys before, so no nonce repeats even if a sequence number did.
 */
export function createSealer(protection: Protection, random: RandomBytes): Sealer {
  return protection.cipher === 'aes-128-cbc-sha256' ? cbcSealer(protection, random) : aeadSealer(protection, random);
}

export function createOpener(protection: Protection): Opener {
  const opener = protection.cipher === 'aes-128-cbc-sha256' ? cbcOpener(protection) : aeadOpener(protection);
  const { cid } = protection;
  return {
    open(record) {
      // RFC 9146 §3: where a CID was agreed, a record without it is invalid.
      const named = record.type === ContentType.TLS12_CID;
      return named === cid.length > 0 && equalBytes(record.cid, cid) ? opener.open(record) : undefined;
    },
  };
}

/** The most bytes that protection adds to a content, header included. */
export function sealingOverhead(protection: Protection): number {
  const header = 13 + (protection.cid.length === 0 ? 0 : protection.cid.length + 1);
  switch (protection.cipher) {
    case 'aes-128-ccm-8':
      return header + 8 + 8;
    case 'aes-128-gcm':
      return header + 8 + 16;
    case 'aes-128-cbc-sha256':
      return header + 16 + 16 + 32;
  }
}
