/** What goes into an engine and what happens in it, as its caller sees it. */
import type { Block } from './message/block-option.ts';
import type { CoapMessage, CoapOption } from './message/message.ts';

/** The answer to a request. A payload over one block is sent block-wise. */
export interface CoapResponse {
  readonly code: number;
  /** Without Block and Size2; an ETag is added to a block-wise body that has none. */
  readonly options?: readonly CoapOption[];
  readonly payload?: Uint8Array;
  /**
   * The payload is this block of a body of `size` bytes, which the caller serves block by block: nothing is kept, and each
   * further block is asked of the caller again. With an ETag among the options (RFC 7959 §2.4).
   */
  readonly block2?: Block & { readonly size: number };
  /** For a response that is a message of its own (to a NON, or separate): its message id, else the engine's next. */
  readonly messageId?: number;
}

/** A request to a peer. */
export interface OutgoingRequest {
  readonly peer: string;
  readonly token: Uint8Array;
  readonly messageId: number;
  /** For further blocks and for an Echo repeat: message ids are reserved for each device by the caller. */
  readonly nextMessageId: () => number;
  readonly code: number;
  /** Without Block, Size and Request-Tag, which are the engine's. */
  readonly options: readonly CoapOption[];
  readonly payload?: Uint8Array | undefined;
  /**
   * The payload is this block of a body of `size` bytes, which the caller sends block by block, each by a request of its
   * own: the response to it is told as it is, 2.31 too. `tag` is the Request-Tag (RFC 9175 §3), the same for all blocks.
   */
  readonly block1?: (Block & { readonly size: number; readonly tag: Uint8Array }) | undefined;
  /** Default true. */
  readonly confirmable?: boolean;
  readonly ackTimeoutMs?: number | undefined;
  readonly maxRetransmit?: number | undefined;
  /** MAX_TRANSMIT_WAIT: the request is given up that long after its first sending, not with its last back-off. RFC 7252 §4.8.2 */
  readonly maxTransmitWaitMs?: number | undefined;
  /**
   * Resumes an exchange that another worker began: same message id and token, what is left of the retransmissions; the
   * request's lifetime counts from then.
   */
  readonly firstSentAtMs?: number | undefined;
  /**
   * A response with Observe that is a message of its own and whole is told as `unsolicited`, to be acknowledged by the
   * caller: it may be a notification of an observation that has the request's token already.
   */
  readonly notificationsApart?: boolean;
  /** Bound of the response's body; default and at most {@link CoapLimits.maxBodyBytes}. */
  readonly maxBodyBytes?: number;
  /** Largest block to send, and to ask for from the second block on (late negotiation). */
  readonly blockSize?: number | undefined;
  /**
   * Early negotiation (RFC 7959 §2.4): Block2 asks for blocks of this size from the first response on, and so for those
   * of an observation's notifications. Only for a peer that does block-wise transfer: any other answers 4.02.
   */
  readonly responseBlockSize?: number;
  /** Fetches the rest of a block-wise notification whose first block came already: its payload, and what comes next. */
  readonly continued?: {
    readonly payload: Uint8Array;
    readonly etag?: Uint8Array;
    readonly nextBlock: number;
    readonly szx: number;
  };
}

/**
 * Why a request ended without a response: `timeout` (retransmissions or waiting time used up), `reset` (RST),
 * `body-too-large`, `body-changed` (another ETag in a later block: for a GET or FETCH the second time, since a body that
 * changed once is fetched anew, RFC 7959 §2.4), `block-failed` (a block that does not follow), `bad-option` (a response
 * with an unknown critical option), `queue-full` and `overload` (a bound of the engine; nothing was sent).
 */
export type RequestFailure =
  | 'timeout'
  | 'reset'
  | 'body-too-large'
  | 'body-changed'
  | 'block-failed'
  | 'bad-option'
  | 'queue-full'
  | 'overload';

export type CoapEvent =
  | {
      /** A request; its payload is complete after Block1. End it with respond, reject or abandon. */
      readonly kind: 'request';
      readonly peer: string;
      readonly exchange: number;
      readonly message: CoapMessage;
      readonly receivedAtMs: number;
    }
  | {
      /** The response to a request of ours; its body is complete after Block2. */
      readonly kind: 'response';
      readonly peer: string;
      readonly request: number;
      readonly message: CoapMessage;
      /** From the first sending of the request to the arrival of its response, all blocks included. */
      readonly rttMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly peer: string;
      readonly request: number;
      readonly reason: RequestFailure;
    }
  | {
      /**
       * A response whose token is no outstanding request of this engine at this peer: a notification, or the answer to
       * an exchange of another worker. End it with acknowledge, reject or abandon (for an ACK these do nothing).
       */
      readonly kind: 'unsolicited';
      readonly peer: string;
      readonly exchange: number;
      readonly message: CoapMessage;
      /** The payload is the first block of a block-wise body. */
      readonly more: boolean;
      readonly receivedAtMs: number;
    };
