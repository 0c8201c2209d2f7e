/** Connection IDs that this cluster gives out: version and key, routing hint, 64 random bits, and a MAC that makes inventing one cost no lookup. */
import { concatBytes } from '@cluster/bytes';
import { createHmac, timingSafeEqual } from '../crypto.ts';
import type { KeyObject } from '../crypto.ts';
import type { RandomBytes } from '../random.ts';
import { uint8 } from '../wire/writer.ts';
import type { KeyRing } from './key-ring.ts';
import { ringKey } from './key-ring.ts';

const VERSION = 1;
const RANDOM = 8;
const MAC = 4;
const AUTHENTICATED = 2 + RANDOM;

/** All have the same length, by which records are split (RFC 9146 §3). */
export const CID_LENGTH: number = AUTHENTICATED + MAC;

/** `routingHint` (one byte) lets a balancer prefer the worker that gave the CID out; every worker serves every CID. */
export function createCid(ring: KeyRing, routingHint: number, random: RandomBytes): Uint8Array {
  const [{ id, key }] = ring;
  const body = concatBytes([uint8((VERSION << 4) | id), uint8(routingHint), random(RANDOM)]);
  return concatBytes([body, mac(key, body)]);
}

/** Whether a member of the cluster gave this CID out. */
export function isOurCid(ring: KeyRing, cid: Uint8Array): boolean {
  const first = cid[0];
  if (cid.length !== CID_LENGTH || first === undefined || first >> 4 !== VERSION) return false;
  const key = ringKey(ring, first & 0x0f);
  return key !== undefined && timingSafeEqual(mac(key, cid.subarray(0, AUTHENTICATED)), cid.subarray(AUTHENTICATED));
}

function mac(key: KeyObject, body: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(body).digest().subarray(0, MAC);
}
