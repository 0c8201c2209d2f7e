/** How large the blocks may be that a secured peer is sent. */
import type { SecurePeer } from './dtls/secure-peers.ts';

/** Header, token and options of a request beside its block; the longest paths and queries are rare. */
const BESIDE_BLOCK_BYTES = 80;
const LARGEST_BLOCK_BYTES = 1_024;

/** A device may take smaller records (RFC 6066 §4, RFC 8449) than a block of the usual size needs. */
export function blocksFor(peer: SecurePeer | undefined): { blockSize?: number } {
  if (peer === undefined || peer.sendLimit >= LARGEST_BLOCK_BYTES + BESIDE_BLOCK_BYTES) return {};
  return { blockSize: Math.max(16, peer.sendLimit - BESIDE_BLOCK_BYTES) };
}
