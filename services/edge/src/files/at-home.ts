/** Whether a device is where a request for its package comes from. */
import { isSecure } from '@cluster/coap-kit';
import { decodeSession, type DeviceNumber, type SessionRecord } from '@cluster/session';
import { NOSEC, type Uplink } from '../uplink/uplink.ts';

/**
 * With security the association proves the device. Without it the request comes from the host that the device's live
 * registration speaks from, perhaps from another port: many devices fetch from a socket of their own.
 */
export function isAtHome({ secure, held, sessions }: Pick<Uplink, 'secure' | 'held' | 'sessions'>, device: DeviceNumber, peer: string): Promise<boolean> | boolean {
  if (isSecure(peer)) return secure.of(peer)?.number === device;
  const known = held.get(device);
  if (known !== undefined && isFrom(known.record, peer)) return true;
  return sessions.load([device]).then(([stored]) => stored !== undefined && isFrom(decodeSession(stored.record), peer));
}

function isFrom({ state, identity, peer: registered }: SessionRecord, peer: string): boolean {
  return state === 'registered' && identity === NOSEC && hostOf(registered) === hostOf(peer);
}

/** `udp:192.0.2.7:40123` without its port. */
function hostOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'));
}
