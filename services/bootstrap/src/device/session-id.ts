/** Ids of bootstrap sessions: their order as text is that of time. */
import type { Rng } from '@cluster/session';

const HEX_OF_TIME = 12;
const HEX_OF_WORD = 8;

/** Milliseconds since 1970 and 32 random bits. */
export function newSessionId(nowMs: number, rng: Rng): string {
  return `${hex(Math.floor(nowMs), HEX_OF_TIME)}-${hex(rng.uint32(), HEX_OF_WORD)}`;
}

/** All ids of sessions that began before are smaller, all others are not. */
export function sessionIdsBefore(timeMs: number): string {
  return hex(Math.max(0, Math.floor(timeMs)), HEX_OF_TIME);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
