/** ClientHello (RFC 6347 §4.2.1), and as much of it as one fragment holds. */
import { concatBytes } from '@cluster/bytes';
import { WireReader, uint16s } from '../wire/reader.ts';
import { uint16, uint16List, uint8, vector16, vector8 } from '../wire/writer.ts';
import type { Extensions } from './extensions.ts';
import { encodeExtensions, readExtensions } from './extensions.ts';

export const RANDOM_LENGTH = 32;
const MAX_SESSION_ID = 32;

/** The beginning, which decides about the cookie. */
export interface ClientHelloPrefix {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie: Uint8Array;
}

export interface ClientHello extends ClientHelloPrefix {
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: Uint8Array;
  readonly extensions: Extensions;
}

/** What a first fragment tells; undefined if it ends before the cookie does. */
export function decodeClientHelloPrefix(bytes: Uint8Array): ClientHelloPrefix | undefined {
  return readPrefix(new WireReader(bytes));
}

function readPrefix(reader: WireReader): ClientHelloPrefix | undefined {
  const version = reader.uint16();
  const random = reader.take(RANDOM_LENGTH);
  const sessionId = reader.vector8();
  const cookie = reader.vector8();
  return reader.intact && sessionId.length <= MAX_SESSION_ID ? { version, random, sessionId, cookie } : undefined;
}

export function decodeClientHello(body: Uint8Array): ClientHello | undefined {
  const reader = new WireReader(body);
  const prefix = readPrefix(reader);
  if (prefix === undefined) return undefined;
  const cipherSuites = uint16s(reader.vector16());
  const compressionMethods = reader.vector8();
  const extensions = readExtensions(reader);
  if (cipherSuites === undefined || cipherSuites.length === 0 || compressionMethods.length === 0 || extensions === undefined) return undefined;
  return { ...prefix, cipherSuites, compressionMethods, extensions };
}

export function encodeClientHello(hello: ClientHello): Uint8Array {
  return concatBytes([
    uint16(hello.version),
    hello.random,
    vector8(hello.sessionId),
    vector8(hello.cookie),
    vector16(uint16List(hello.cipherSuites)),
    vector8(hello.compressionMethods),
    encodeExtensions(hello.extensions),
  ]);
}

/** RFC 6347 §4.2.1 */
export interface HelloVerifyRequest {
  readonly version: number;
  readonly cookie: Uint8Array;
}

export function encodeHelloVerifyRequest({ version, cookie }: HelloVerifyRequest): Uint8Array {
  return concatBytes([uint16(version), uint8(cookie.length), cookie]);
}

export function decodeHelloVerifyRequest(body: Uint8Array): HelloVerifyRequest | undefined {
  const reader = new WireReader(body);
  const version = reader.uint16();
  const cookie = reader.vector8();
  return reader.ended ? { version, cookie } : undefined;
}
