/** Keys of the cluster that rotate: the first is used for what is made now, all are accepted. */
import type { KeyObject } from '../crypto.ts';

export interface RingKey {
  /** 0 to 15; told on the wire by what the key made. */
  readonly id: number;
  /** A secret key for HMAC-SHA256 (cookies, Connection IDs) or AES-256-GCM (tickets: 32 bytes). */
  readonly key: KeyObject;
}

/** The current key, then former ones that still count. Never empty. */
export type KeyRing = readonly [RingKey, ...RingKey[]];

export function ringKey(ring: KeyRing, id: number): KeyObject | undefined {
  return ring.find((each) => each.id === id)?.key;
}
