/** Flight 2: HelloVerifyRequest, and the check of its cookie. Stateless: nothing is kept of a peer before its cookie came back (RFC 6347 §4.2.1). */
import { concatBytes, encodeUtf8 } from '@cluster/bytes';
import type { KeyRing } from '../association/key-ring.ts';
import { createHmac, timingSafeEqual } from '../crypto.ts';
import type { KeyObject } from '../crypto.ts';
import type { ClientHelloPrefix } from '../messages/client-hello.ts';
import { encodeHelloVerifyRequest } from '../messages/client-hello.ts';
import { HandshakeType, encodeMessage } from '../messages/handshake.ts';
import { ContentType, DTLS_1_0, plaintextRecord } from '../record/record.ts';
import { uint16, vector8 } from '../wire/writer.ts';

const COOKIE_LENGTH = 16;

/**
 * Made of the address and the ClientHello as far as its cookie, so that the first fragment of a long one is enough. What
 * follows (suites, extensions) is covered by Finished, since the second ClientHello begins the transcript.
 */
function cookie(key: KeyObject, peer: string, hello: ClientHelloPrefix): Uint8Array {
  const seed = concatBytes([vector8(encodeUtf8(peer)), uint16(hello.version), hello.random, vector8(hello.sessionId)]);
  return createHmac('sha256', key).update(seed).digest().subarray(0, COOKIE_LENGTH);
}

export function isCookie(ring: KeyRing, peer: string, hello: ClientHelloPrefix): boolean {
  return hello.cookie.length === COOKIE_LENGTH && ring.some(({ key }) => timingSafeEqual(cookie(key, peer, hello), hello.cookie));
}

/** The record that answers a ClientHello without a valid cookie; always shorter than it, with the record sequence number it had. */
export function helloVerifyRequest(ring: KeyRing, peer: string, hello: ClientHelloPrefix, recordSequence: number): Uint8Array {
  // RFC 6347 §4.2.1: version 1.0, whatever will be negotiated.
  const body = encodeHelloVerifyRequest({ version: DTLS_1_0, cookie: cookie(ring[0].key, peer, hello) });
  return plaintextRecord(ContentType.HANDSHAKE, recordSequence, encodeMessage({ type: HandshakeType.HELLO_VERIFY_REQUEST, sequence: 0, body }));
}
