/** The numbers an engine works with: transmission parameters of RFC 7252 §4.8 and the bounds on everything a peer can grow. */

/** Transmission parameters. Times in ms. */
export interface CoapParameters {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  readonly maxLatencyMs: number;
  readonly processingDelayMs: number;
  /** How long a request of ours waits for its response after an empty ACK, or as a NON. Default: EXCHANGE_LIFETIME, MAX_TRANSMIT_WAIT. */
  readonly responseTimeoutMs?: number;
  /**
   * Turns on empty ACKs of the engine's own: a CON request not answered after this time is acknowledged, and its
   * response goes out as a CON of its own. Off by default: a process may die after an empty ACK, and then nobody answers.
   */
  readonly separateAfterMs?: number;
  /** Largest block in either direction: a power of two from 16 to 1024. */
  readonly blockSize: number;
  /** How long a block-wise body may stay incomplete, or be kept for the blocks not yet fetched. */
  readonly blockTransferTimeoutMs: number;
}

export const DEFAULT_PARAMETERS: CoapParameters = {
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  maxLatencyMs: 100_000,
  processingDelayMs: 2_000,
  blockSize: 1_024,
  blockTransferTimeoutMs: 93_000,
};

/** Bounds. Reaching one is counted, and costs the peer that reaches it, not the engine. */
export interface CoapLimits {
  /** Peers remembered at a time; the one not heard for longest goes first. */
  readonly maxPeers: number;
  /** Exchanges of a peer remembered for deduplication. */
  readonly exchangesPerPeer: number;
  /** Bytes of answers over 48 bytes that are kept for duplicates; smaller ones are kept with their exchange. */
  readonly maxAnswerBytes: number;
  /** Our requests waiting for their turn at one peer (NSTART is 1), and requests of ours in all. */
  readonly queuedRequestsPerPeer: number;
  readonly maxRequests: number;
  /** The largest body put together from blocks, and sent in blocks. */
  readonly maxBodyBytes: number;
  /** Bodies being received by Block1: how many a peer, how many in all, how many bytes in all. */
  readonly uploadsPerPeer: number;
  readonly maxUploads: number;
  readonly maxUploadBytes: number;
  /** Bodies kept to be fetched by Block2: likewise. */
  readonly bodiesPerPeer: number;
  readonly maxBodies: number;
  readonly maxStoredBodyBytes: number;
}

export const DEFAULT_LIMITS: CoapLimits = {
  maxPeers: 500_000,
  exchangesPerPeer: 8,
  maxAnswerBytes: 67_108_864,
  queuedRequestsPerPeer: 32,
  maxRequests: 100_000,
  maxBodyBytes: 1_048_576,
  uploadsPerPeer: 2,
  maxUploads: 10_000,
  maxUploadBytes: 67_108_864,
  bodiesPerPeer: 2,
  maxBodies: 10_000,
  maxStoredBodyBytes: 67_108_864,
};

/** MAX_TRANSMIT_SPAN: from the first transmission of a CON to its last retransmission (RFC 7252 §4.8.2). */
export function maxTransmitSpanMs(parameters: CoapParameters): number {
  return parameters.ackTimeoutMs * (2 ** parameters.maxRetransmit - 1) * parameters.ackRandomFactor;
}

/** MAX_TRANSMIT_WAIT: from the first transmission of a CON to the time its sender gives up (RFC 7252 §4.8.2). */
export function maxTransmitWaitMs(parameters: CoapParameters): number {
  return parameters.ackTimeoutMs * (2 ** (parameters.maxRetransmit + 1) - 1) * parameters.ackRandomFactor;
}

/** EXCHANGE_LIFETIME: after which the message id of a CON may be used again (RFC 7252 §4.8.2). */
export function exchangeLifetimeMs(parameters: CoapParameters): number {
  return maxTransmitSpanMs(parameters) + 2 * parameters.maxLatencyMs + parameters.processingDelayMs;
}

/** NON_LIFETIME: after which the message id of a NON may be used again (RFC 7252 §4.8.2). */
export function nonLifetimeMs(parameters: CoapParameters): number {
  return maxTransmitSpanMs(parameters) + parameters.maxLatencyMs;
}
