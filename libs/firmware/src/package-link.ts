/**
 * The part of a URI by which one device may fetch one package for a time: it names them, and carries a MAC under the
 * cluster's secret, so that any worker judges it without asking anybody, and nobody can make one up.
 */
import { concatBytes } from '@cluster/bytes';
import { equalSecrets, keyedDigest, type KeyRing } from '@cluster/secrets';
import { Buffer } from 'node:buffer';

export interface PackageLink {
  /** 22 characters of base64url. */
  readonly package: string;
  /** The device's number: 8 characters of base64url. */
  readonly device: string;
  /** Seconds since 1970 after which it opens nothing. */
  readonly expiresAtS: number;
}

const VERSION = 1;
const PACKAGE_BYTES = 16;
const DEVICE_BYTES = 6;
const HEAD_BYTES = 1 + PACKAGE_BYTES + DEVICE_BYTES + 4;
/** Half of HMAC-SHA-256: 128 bits. RFC 2104 §5 */
const MAC_BYTES = 16;
const TEXT = new RegExp(`^[A-Za-z0-9_-]{${Math.ceil(((HEAD_BYTES + MAC_BYTES) * 4) / 3)}}$`);

/** The text of a link: 58 characters that may stand in a path. */
export function sealLink(ring: KeyRing, { package: id, device, expiresAtS }: PackageLink): string {
  const { id: key, key: secret } = ring.current('firmware');
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = (VERSION << 4) | key;
  Buffer.from(id, 'base64url').copy(head, 1);
  Buffer.from(device, 'base64url').copy(head, 1 + PACKAGE_BYTES);
  head.writeUInt32BE(expiresAtS, HEAD_BYTES - 4);
  return Buffer.from(concatBytes([head, keyedDigest(secret, head).subarray(0, MAC_BYTES)])).toString('base64url');
}

/** The link of a text; undefined where it was not made here, was altered, or its time is over. */
export function openLink(ring: KeyRing, text: string, nowS: number): PackageLink | undefined {
  if (!TEXT.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  const head = bytes.subarray(0, HEAD_BYTES);
  if (head[0]! >> 4 !== VERSION || bytes.toString('base64url') !== text) return undefined;
  const secret = ring.find('firmware', head[0]! & 0x0f);
  if (secret === undefined || !equalSecrets(bytes.subarray(HEAD_BYTES), keyedDigest(secret, head).subarray(0, MAC_BYTES))) return undefined;
  const expiresAtS = head.readUInt32BE(HEAD_BYTES - 4);
  if (nowS >= expiresAtS) return undefined;
  const device = head.subarray(1 + PACKAGE_BYTES, HEAD_BYTES - 4).toString('base64url');
  return { package: head.subarray(1, 1 + PACKAGE_BYTES).toString('base64url'), device, expiresAtS };
}
