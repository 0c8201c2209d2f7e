/** The handshake header with its fragment fields (RFC 6347 §4.2.2), and a whole message as the transcript sees it. */
import { WireReader } from '../wire/reader.ts';
import { putUint } from '../wire/writer.ts';

export const HandshakeType = {
  HELLO_REQUEST: 0,
  CLIENT_HELLO: 1,
  SERVER_HELLO: 2,
  HELLO_VERIFY_REQUEST: 3,
  NEW_SESSION_TICKET: 4,
  CERTIFICATE: 11,
  SERVER_KEY_EXCHANGE: 12,
  CERTIFICATE_REQUEST: 13,
  SERVER_HELLO_DONE: 14,
  CERTIFICATE_VERIFY: 15,
  CLIENT_KEY_EXCHANGE: 16,
  FINISHED: 20,
} as const;

export const HANDSHAKE_HEADER_LENGTH = 12;

/** A whole message. */
export interface HandshakeMessage {
  readonly type: number;
  /** message_seq */
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** A part of one. */
export interface HandshakeFragment {
  readonly type: number;
  readonly sequence: number;
  /** Of the whole message. */
  readonly length: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** All fragments in one record; undefined if any is malformed. */
export function decodeFragments(content: Uint8Array): HandshakeFragment[] | undefined {
  const fragments: HandshakeFragment[] = [];
  const reader = new WireReader(content);
  while (reader.remaining > 0) {
    const type = reader.uint8();
    const length = reader.uint24();
    const sequence = reader.uint16();
    const offset = reader.uint24();
    const bytes = reader.vector24();
    if (!reader.intact || offset + bytes.length > length) return undefined;
    // A fragment of nothing says nothing, unless the message has no body.
    if (bytes.length === 0 && length !== 0) return undefined;
    fragments.push({ type, sequence, length, offset, bytes });
  }
  return reader.ended && fragments.length > 0 ? fragments : undefined;
}

export function encodeFragment({ type, sequence, length, offset, bytes }: HandshakeFragment): Uint8Array {
  const fragment = new Uint8Array(HANDSHAKE_HEADER_LENGTH + bytes.length);
  fragment[0] = type;
  putUint(fragment, 1, length, 3);
  putUint(fragment, 4, sequence, 2);
  putUint(fragment, 6, offset, 3);
  putUint(fragment, 9, bytes.length, 3);
  fragment.set(bytes, HANDSHAKE_HEADER_LENGTH);
  return fragment;
}

/** A message as one fragment: so it enters the transcript, however it was split (RFC 6347 §4.2.6). */
export function encodeMessage({ type, sequence, body }: HandshakeMessage): Uint8Array {
  return encodeFragment({ type, sequence, length: body.length, offset: 0, bytes: body });
}
