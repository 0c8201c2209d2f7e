/** Exchanges that peers began, remembered so that a duplicate gets the same answer and is delivered once (RFC 7252 §4.5). */
import { EMPTY_BYTES } from '@cluster/bytes';
import { AnswerStore } from './answers.ts';
import type { EngineContext } from './context.ts';
import type { Block } from './message/block-option.ts';
import { MessageType, NO_OPTIONS } from './message/message.ts';
import type { CoapMessage } from './message/message.ts';
import { exchangeLifetimeMs, nonLifetimeMs } from './parameters.ts';
import type { Peer } from './peers.ts';
import type { Timer } from './timers.ts';

/** How far an exchange has come. */
export const ExchangeState = {
  /** Delivered; the caller has not ended it. Duplicates are absorbed. */
  PENDING: 0,
  /** As PENDING, but an empty ACK went out. Duplicates get another. */
  ACCEPTED: 1,
  /** Answered: the table keeps the bytes. */
  ANSWERED: 2,
  /** Ended by an empty ACK. */
  ACKNOWLEDGED: 3,
  /** Ended by RST. */
  REJECTED: 4,
  /** Ended with nothing to repeat. */
  SILENT: 5,
} as const;
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState];

const NOTHING: CoapMessage = {
  type: MessageType.CON,
  code: 0,
  messageId: 0,
  token: EMPTY_BYTES,
  options: NO_OPTIONS,
  payload: EMPTY_BYTES,
};

/** One message of a peer and what it was answered with. The object is used again for later messages of the peer. */
export class Exchange {
  readonly peer: Peer;
  readonly slot: number;
  /** Names this use of the object; changes with each. */
  handle = 0;
  messageId = 0;
  confirmable = false;
  fingerprint = 0;
  expiresAtMs = 0;
  state: ExchangeState = ExchangeState.SILENT;
  /** Length of the answer that the table keeps; 0 if there is none. */
  answerLength = 0;
  /** The message, until the exchange is ended: then its datagram can go. */
  message: CoapMessage = NOTHING;
  /** The Block1 option that the response has to repeat. */
  block1: Block | undefined;
  /** Runs until the engine sends an empty ACK of its own. */
  separation: Timer | undefined;

  constructor(peer: Peer, slot: number) {
    this.peer = peer;
    this.slot = slot;
  }

  /** Whether the caller still has to end it. */
  get open(): boolean {
    return this.state <= ExchangeState.ACCEPTED;
  }

  /** Ends the exchange and keeps only what a duplicate needs. */
  end(state: ExchangeState): void {
    this.state = state;
    this.message = NOTHING;
    this.block1 = undefined;
  }
}

/** Handles are generation * SLOTS + slot. */
const SLOTS = 2 ** 24;

/** The exchanges of all peers, by handle and by message id. */
export class ExchangeTable {
  readonly #context: EngineContext;
  readonly #conLifetimeMs: number;
  readonly #nonLifetimeMs: number;
  readonly #slots: (Exchange | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #answers: AnswerStore;
  #generation = 0;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#conLifetimeMs = exchangeLifetimeMs(context.parameters);
    this.#nonLifetimeMs = nonLifetimeMs(context.parameters);
    const { limited } = context.counters;
    this.#answers = new AnswerStore(context.limits.maxAnswerBytes, () => void limited.answersEvicted++);
  }

  /** Bytes of large answers that are kept. */
  get answerBytes(): number {
    return this.#answers.largeBytes;
  }

  /** The exchange of a handle, if it still is the same. */
  get(handle: number): Exchange | undefined {
    const exchange = this.#slots[handle % SLOTS];
    return exchange !== undefined && exchange.handle === handle ? exchange : undefined;
  }

  /** The exchange that a CON or NON is a duplicate of. */
  find(peer: Peer, message: CoapMessage, fingerprint: number, nowMs: number): Exchange | undefined {
    const { messageIds } = peer;
    for (let index = 0; index < messageIds.length; index++) {
      if (messageIds[index] !== message.messageId) continue;
      const exchange = peer.exchanges[index]!;
      if (exchange.expiresAtMs <= nowMs) continue;
      if (exchange.fingerprint === fingerprint) return exchange;
      // A retransmission is the same message. This one is not: its sender lost count of its message ids, by a reboot.
      this.#context.counters.messageIdsReused++;
      this.forget(exchange);
      return undefined;
    }
    return undefined;
  }

  /** Remembers a new exchange; undefined if all that are remembered of the peer are open. */
  begin(peer: Peer, message: CoapMessage, fingerprint: number, nowMs: number): Exchange | undefined {
    const exchange = this.#vacant(peer, nowMs);
    if (exchange === undefined) {
      this.#context.counters.limited.exchangesRefused++;
      return undefined;
    }
    const confirmable = message.type === MessageType.CON;
    peer.messageIds[peer.exchanges.indexOf(exchange)] = message.messageId;
    exchange.handle = ++this.#generation * SLOTS + exchange.slot;
    exchange.messageId = message.messageId;
    exchange.confirmable = confirmable;
    exchange.fingerprint = fingerprint;
    exchange.expiresAtMs = nowMs + (confirmable ? this.#conLifetimeMs : this.#nonLifetimeMs);
    exchange.state = ExchangeState.PENDING;
    exchange.message = message;
    exchange.block1 = undefined;
    return exchange;
  }

  /** Ends an exchange with the answer that its duplicates get too. */
  answered(exchange: Exchange, bytes: Uint8Array): void {
    exchange.answerLength = this.#answers.put(exchange.slot, bytes);
    exchange.end(ExchangeState.ANSWERED);
  }

  /** What an exchange was answered with; undefined if that is no longer kept. */
  answerOf(exchange: Exchange): Uint8Array | undefined {
    return this.#answers.get(exchange.slot, exchange.answerLength);
  }

  /** Forgets an exchange: its message is delivered anew when it comes again. */
  forget(exchange: Exchange): void {
    this.#clear(exchange);
    exchange.end(ExchangeState.SILENT);
    exchange.expiresAtMs = 0;
    exchange.handle = 0;
  }

  /** Forgets all exchanges of a peer. */
  release(peer: Peer): void {
    for (const exchange of peer.exchanges) {
      this.#clear(exchange);
      this.#slots[exchange.slot] = undefined;
      this.#free.push(exchange.slot);
    }
    peer.exchanges = [];
    peer.messageIds = [];
    peer.cursor = 0;
  }

  /** The oldest if it has expired, else a new one, else the oldest that is not a CON still to be answered. */
  #vacant(peer: Peer, nowMs: number): Exchange | undefined {
    const { exchanges } = peer;
    const expired = exchanges.length > 0 && exchanges[peer.cursor]!.expiresAtMs <= nowMs;
    if (!expired && exchanges.length < this.#context.limits.exchangesPerPeer) return this.#add(peer);
    for (let tries = 0; tries < exchanges.length; tries++) {
      const exchange = exchanges[peer.cursor]!;
      peer.cursor = (peer.cursor + 1) % exchanges.length;
      if (exchange.confirmable && exchange.open && exchange.expiresAtMs > nowMs) continue;
      this.#clear(exchange);
      return exchange;
    }
    return undefined;
  }

  /** A new exchange, as the newest of the ring: before its oldest. */
  #add(peer: Peer): Exchange | undefined {
    const slot = this.#free.pop() ?? this.#slots.length;
    if (slot >= SLOTS) return undefined;
    const exchange = new Exchange(peer, slot);
    this.#slots[slot] = exchange;
    // New arrays of just the right length: growing in place would reserve room for many more.
    peer.exchanges = peer.exchanges.toSpliced(peer.cursor, 0, exchange);
    peer.messageIds = peer.messageIds.toSpliced(peer.cursor, 0, 0);
    peer.cursor = (peer.cursor + 1) % peer.exchanges.length;
    return exchange;
  }

  #clear(exchange: Exchange): void {
    if (exchange.answerLength > 0) this.#answers.drop(exchange.slot, exchange.answerLength);
    exchange.answerLength = 0;
    if (exchange.separation === undefined) return;
    this.#context.timers.cancel(exchange.separation);
    exchange.separation = undefined;
  }
}

/** What tells a retransmission from another message under the same id: code, length, and a mix of the token's bytes. */
export function fingerprintOf(message: CoapMessage, length: number): number {
  let mix = (length << 8) | message.code;
  const { token } = message;
  for (let index = 0; index < token.length; index++) mix = (Math.imul(mix, 31) + token[index]!) | 0;
  return mix;
}
