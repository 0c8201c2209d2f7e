/** The text form of a UDP peer: `udp:192.0.2.7:40123`, `udp:[2001:db8::1]:40123`. */
import { isIPv4, isIPv6 } from 'node:net';

export interface PeerAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
}

const SCHEME = 'udp:';
const OPENING_BRACKET = 0x5b;

export function formatPeer(family: 4 | 6, address: string, port: number): string {
  return family === 4 ? `udp:${address}:${port}` : `udp:[${address}]:${port}`;
}

/** Takes a peer apart; undefined if it is not one that UDP can reach. */
export function parsePeer(peer: string): PeerAddress | undefined {
  if (!peer.startsWith(SCHEME)) return undefined;
  const colon = peer.lastIndexOf(':');
  const port = Number(peer.slice(colon + 1));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  if (peer.charCodeAt(SCHEME.length) !== OPENING_BRACKET) {
    const address = peer.slice(SCHEME.length, colon);
    return isIPv4(address) ? { family: 4, address, port } : undefined;
  }
  const address = peer.slice(SCHEME.length + 1, colon - 1);
  return isIPv6(address) && peer[colon - 1] === ']' ? { family: 6, address, port } : undefined;
}
