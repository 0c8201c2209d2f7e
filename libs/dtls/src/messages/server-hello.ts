/** ServerHello (RFC 5246 §7.4.1.3) and NewSessionTicket (RFC 5077 §3.3). */
import { concatBytes } from '@cluster/bytes';
import { WireReader } from '../wire/reader.ts';
import { uint16, uint32, uint8, vector16, vector8 } from '../wire/writer.ts';
import { RANDOM_LENGTH } from './client-hello.ts';
import type { Extensions } from './extensions.ts';
import { encodeExtensions, readExtensions } from './extensions.ts';

export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cipherSuite: number;
  readonly extensions: Extensions;
}

/** Only the null compression is known. */
const NO_COMPRESSION = 0;
const MAX_SESSION_ID = 32;

export function encodeServerHello(hello: ServerHello): Uint8Array {
  return concatBytes([
    uint16(hello.version),
    hello.random,
    vector8(hello.sessionId),
    uint16(hello.cipherSuite),
    uint8(NO_COMPRESSION),
    encodeExtensions(hello.extensions),
  ]);
}

export function decodeServerHello(body: Uint8Array): ServerHello | undefined {
  const reader = new WireReader(body);
  const version = reader.uint16();
  const random = reader.take(RANDOM_LENGTH);
  const sessionId = reader.vector8();
  const cipherSuite = reader.uint16();
  const compression = reader.uint8();
  const extensions = readExtensions(reader);
  if (!reader.intact || compression !== NO_COMPRESSION || sessionId.length > MAX_SESSION_ID || extensions === undefined) return undefined;
  return { version, random, sessionId, cipherSuite, extensions };
}

export interface NewSessionTicket {
  readonly lifetimeS: number;
  readonly ticket: Uint8Array;
}

export function encodeNewSessionTicket({ lifetimeS, ticket }: NewSessionTicket): Uint8Array {
  return concatBytes([uint32(lifetimeS), vector16(ticket)]);
}

export function decodeNewSessionTicket(body: Uint8Array): NewSessionTicket | undefined {
  const reader = new WireReader(body);
  const lifetimeS = reader.uint32();
  const ticket = reader.vector16();
  return reader.ended ? { lifetimeS, ticket } : undefined;
}
