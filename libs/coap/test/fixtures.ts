/** What the tests of this package share: the committed vectors, seeded random numbers, short ways to write messages. */
import { readFileSync } from 'node:fs';
import { EMPTY_BYTES, encodeUtf8, toHex } from '@cluster/bytes';
import { CoapEngine, Code, MessageType, OptionNumber, decodeMessage, encodeMessage } from '../src/index.ts';
import type { CoapEngineOptions, CoapEvent, CoapMessage, CoapOption, OutgoingRequest, Rng } from '../src/index.ts';

/** A vector file of `vectors/`. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** Seeded random numbers (xorshift32). */
export function seededRng(seed = 1): Rng {
  let state = seed | 1;
  return {
    uint32() {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    },
  };
}

export const PEER = 'udp:192.0.2.1:5683';

export function engine(options: Partial<CoapEngineOptions> = {}): CoapEngine {
  return new CoapEngine({ rng: seededRng(), ...options });
}

export function message(fields: Partial<CoapMessage> & { code: number }): CoapMessage {
  return { type: MessageType.CON, messageId: 1, token: EMPTY_BYTES, options: [], payload: EMPTY_BYTES, ...fields };
}

export function option(number: number, value: Uint8Array | string): CoapOption {
  return { number, value: typeof value === 'string' ? encodeUtf8(value) : value };
}

export function path(...segments: string[]): CoapOption[] {
  return segments.map((segment) => option(OptionNumber.URI_PATH, segment));
}

/** Hands a message to an engine. */
export function feed(to: CoapEngine, nowMs: number, incoming: CoapMessage, peer = PEER): void {
  to.handle(nowMs, { peer, bytes: encodeMessage(incoming) });
}

/** What an engine sent, decoded. */
export function sent(from: CoapEngine): CoapMessage[] {
  return from.poll().datagrams.map(({ bytes }) => decoded(bytes));
}

export function sentHex(from: CoapEngine): string[] {
  return from.poll().datagrams.map(({ bytes }) => toHex(bytes));
}

export function decoded(bytes: Uint8Array): CoapMessage {
  const result = decodeMessage(bytes);
  if (!result.ok) throw new Error(result.fault);
  return result.message;
}

/** The only event of an engine, which must be of this kind. */
export function onlyEvent<K extends CoapEvent['kind']>(from: CoapEngine, kind: K): Extract<CoapEvent, { kind: K }> {
  const { events } = from.poll();
  if (events.length !== 1 || events[0]!.kind !== kind) {
    throw new Error(`expected one ${kind}, got ${JSON.stringify(events.map((event) => event.kind))}`);
  }
  return events[0] as Extract<CoapEvent, { kind: K }>;
}

let tokens = 0;
/** A request with a token of its own; its further message ids count up from its first. */
export function outgoing(fields: Partial<OutgoingRequest> & { code: number }): OutgoingRequest {
  let messageId = fields.messageId ?? 0x100;
  return {
    peer: PEER,
    token: Uint8Array.of(0, 0, 0, 0, 0, 0, ++tokens >> 8, tokens),
    messageId,
    nextMessageId: () => ++messageId,
    options: [],
    ...fields,
  };
}

/** The response to a request, piggybacked. */
export function reply(request: CoapMessage, fields: Partial<CoapMessage> = {}): CoapMessage {
  return message({ type: MessageType.ACK, code: Code.CONTENT, messageId: request.messageId, token: request.token, ...fields });
}

/** Sends a request and returns it as it left. */
export function send(under: CoapEngine, request: OutgoingRequest, nowMs = 0): CoapMessage {
  under.request(nowMs, request);
  return sent(under)[0]!;
}

/** Bytes 0, 1, 2 … of a length. */
export function body(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}
