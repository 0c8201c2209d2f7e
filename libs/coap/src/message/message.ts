/** What a CoAP message is in memory. The bytes are read by decode.ts and written by encode.ts. */

/** Message types, RFC 7252 §3. */
export const MessageType = { CON: 0, NON: 1, ACK: 2, RST: 3 } as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** One option with its absolute number. */
export interface CoapOption {
  readonly number: number;
  readonly value: Uint8Array;
}

/** One message. Byte arrays of a decoded message are views of its datagram: copy what is kept for long. */
export interface CoapMessage {
  readonly type: MessageType;
  readonly code: number;
  readonly messageId: number;
  /** 0 to 8 bytes. */
  readonly token: Uint8Array;
  /** In order of their numbers when decoded; any order when encoded, options of one number keep theirs. */
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

export const NO_OPTIONS: readonly CoapOption[] = [];

