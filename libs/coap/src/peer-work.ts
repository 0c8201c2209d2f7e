/** What goes on with one peer beyond single exchanges: our requests, separate responses, block-wise bodies. */
import { equalBytes } from '@cluster/bytes';
import type { StoredBody } from './blockwise/stored-bodies.ts';
import type { Upload } from './blockwise/uploads.ts';
import type { OutgoingExchange } from './client/outgoing-exchange.ts';
import type { Peer } from './peers.ts';
import type { Transmission } from './reliability.ts';

/** How many answered requests are remembered, so that their late duplicates are known for what they are. */
const REMEMBERED = 4;

export class PeerWork {
  /** The one request that is out: NSTART is 1 (RFC 7252 §4.7). */
  active: OutgoingExchange | undefined;
  /** Requests waiting for their turn, in order. */
  readonly queue: OutgoingExchange[] = [];
  /** Separate responses on their way. */
  readonly responses: Transmission[] = [];
  /** Bodies being received by Block1. */
  readonly uploads: Upload[] = [];
  /** Bodies kept to be fetched by Block2. */
  readonly bodies: StoredBody[] = [];
  /** Our requests' messages that were answered last. */
  readonly #answered: { readonly messageId: number; readonly token: Uint8Array }[] = [];

  /** Whether the peer must not be forgotten. */
  get busy(): boolean {
    return (
      this.active !== undefined ||
      this.queue.length > 0 ||
      this.responses.length > 0 ||
      this.uploads.length > 0 ||
      this.bodies.length > 0
    );
  }

  /** Remembers that a message of ours was answered. */
  rememberAnswered(messageId: number, token: Uint8Array): void {
    this.#answered.push({ messageId, token });
    if (this.#answered.length > REMEMBERED) this.#answered.shift();
  }

  /** Whether an ACK is one more of a message that was answered; an empty ACK has no token to compare. */
  wasAnswered(messageId: number, token?: Uint8Array): boolean {
    return this.#answered.some(
      (answered) => answered.messageId === messageId && (token === undefined || equalBytes(answered.token, token)),
    );
  }
}

/** The work with a peer, begun if there was none. */
export function workOf(peer: Peer): PeerWork {
  peer.work ??= new PeerWork();
  return peer.work;
}
