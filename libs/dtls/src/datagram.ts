/** A datagram of a peer, in or out. */

export interface Datagram {
  /** Opaque address text, such as `dtls:192.0.2.1:40000`. */
  readonly peer: string;
  readonly bytes: Uint8Array;
}
