/** The CoAP engine: datagrams, time and requests go in; datagrams, events and the next deadline come out. No I/O. */
import { OutgoingRequests } from './client/outgoing-requests.ts';
import type { Datagram, EngineContext, Rng } from './context.ts';
import { newCounters } from './counters.ts';
import type { CoapCounters } from './counters.ts';
import { ExchangeTable, fingerprintOf } from './deduplication.ts';
import type { Exchange } from './deduplication.ts';
import type { CoapEvent, CoapResponse, OutgoingRequest } from './events.ts';
import { blockOption } from './message/block-option.ts';
import { Code, isRequest } from './message/codes.ts';
import { decodeMessage } from './message/decode.ts';
import type { Decoded } from './message/decode.ts';
import { encodeEmpty } from './message/encode.ts';
import { MessageType } from './message/message.ts';
import type { CoapMessage } from './message/message.ts';
import { OptionRules } from './message/option-rules.ts';
import { OptionNumber } from './message/options.ts';
import { DEFAULT_LIMITS, DEFAULT_PARAMETERS } from './parameters.ts';
import type { CoapLimits, CoapParameters } from './parameters.ts';
import type { Peer } from './peers.ts';
import { PeerTable } from './peers.ts';
import { IncomingRequests } from './server/incoming-requests.ts';
import { Responses } from './server/responses.ts';
import { TimerQueue } from './timers.ts';

/** What an engine is made with. */
export interface CoapEngineOptions {
  readonly rng: Rng;
  readonly parameters?: Partial<CoapParameters>;
  readonly limits?: Partial<CoapLimits>;
  /** Critical options that a layer above takes care of, such as OSCORE; without, they are refused as unknown. */
  readonly recognisedOptions?: readonly number[];
}

/** What an engine holds at a moment. */
export interface CoapUsage {
  readonly peers: number;
  /** Of answers too large to be kept with their exchange. */
  readonly answerBytes: number;
  readonly requests: number;
  readonly timers: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  readonly bodies: number;
  readonly bodyBytes: number;
}

/** What {@link CoapEngine.poll} drains. */
export interface Polled {
  readonly datagrams: Datagram[];
  readonly events: CoapEvent[];
  /** When to call {@link CoapEngine.timeout}, at the latest; it may have passed already. */
  readonly wakeAtMs: number | undefined;
}

/** The handle of an exchange in which nothing can be answered: an ACK. */
const NO_EXCHANGE = 0;

/**
 * Client and server in one, for any number of peers. Times are ms of one clock that never goes back. The engine sends no
 * empty ACK of its own unless `separateAfterMs` says so: what is delivered stays unanswered until the caller ends it.
 */
export class CoapEngine {
  readonly counters: CoapCounters = newCounters();
  readonly #context: EngineContext;
  readonly #rules: OptionRules;
  readonly #exchanges: ExchangeTable;
  readonly #peers: PeerTable;
  readonly #responses: Responses;
  readonly #incoming: IncomingRequests;
  readonly #outgoing: OutgoingRequests;
  #datagrams: Datagram[] = [];
  #events: CoapEvent[] = [];
  #messageId: number;

  constructor(options: CoapEngineOptions) {
    this.#messageId = options.rng.uint32() & 0xffff;
    this.#context = {
      parameters: { ...DEFAULT_PARAMETERS, ...options.parameters },
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      counters: this.counters,
      timers: new TimerQueue(),
      rng: options.rng,
      send: (peer, bytes) => this.#send(peer, bytes),
      emit: (event) => void this.#events.push(event),
      nextMessageId: () => (this.#messageId = (this.#messageId + 1) & 0xffff),
    };
    this.#rules = new OptionRules(options.recognisedOptions);
    this.#exchanges = new ExchangeTable(this.#context);
    this.#peers = new PeerTable(this.#context, (peer) => this.#exchanges.release(peer));
    this.#responses = new Responses(this.#context, this.#exchanges);
    this.#incoming = new IncomingRequests(this.#context, this.#rules, this.#responses);
    this.#outgoing = new OutgoingRequests(this.#context, this.#peers);
  }

  /** Takes a datagram. Nothing that a peer sends makes it throw. */
  handle(nowMs: number, datagram: Datagram): void {
    this.counters.datagramsIn++;
    const decoded = decodeMessage(datagram.bytes);
    if (!decoded.ok) {
      this.#malformed(datagram.peer, decoded);
      return;
    }
    const { message } = decoded;
    if (message.type === MessageType.CON || message.type === MessageType.NON) {
      this.#begun(nowMs, datagram, message);
    } else if (message.type === MessageType.ACK) {
      this.#acknowledged(nowMs, datagram.peer, message);
    } else {
      this.#reset(nowMs, datagram.peer, message.messageId);
    }
  }

  /** Does what is due at `nowMs`. */
  timeout(nowMs: number): void {
    this.#context.timers.runDue(nowMs);
  }

  /** Drains what is to be sent and what has happened. */
  poll(): Polled {
    const polled = { datagrams: this.#datagrams, events: this.#events, wakeAtMs: this.#context.timers.nextAtMs };
    if (polled.datagrams.length > 0) this.#datagrams = [];
    if (polled.events.length > 0) this.#events = [];
    return polled;
  }

  /**
   * Answers a request: in the ACK, as a NON to a NON, or as a CON of its own when an empty ACK went before. A payload
   * over one block is kept and fetched by the peer. Does nothing for an exchange that is over.
   */
  respond(nowMs: number, exchange: number, response: CoapResponse): void {
    const open = this.#open(exchange);
    if (open === undefined) return;
    if (isRequest(open.message.code)) this.#incoming.respond(nowMs, open, response);
    else this.counters.lateAnswers++;
  }

  /**
   * Acknowledges an unsolicited CON by an empty ACK; a NON or ACK is just done with. A request is accepted: it gets an
   * empty ACK, and its response goes out separately.
   */
  acknowledge(_nowMs: number, exchange: number): void {
    const open = this.#open(exchange);
    if (open === undefined) return;
    if (!isRequest(open.message.code)) this.#responses.acknowledge(open);
    else if (open.confirmable) this.#responses.accept(open);
  }

  /** Answers a CON or NON by RST. */
  reject(_nowMs: number, exchange: number): void {
    const open = this.#open(exchange);
    if (open !== undefined) this.#responses.reject(open);
  }

  /** Sends and remembers nothing: a retransmission is delivered anew. */
  abandon(exchange: number): void {
    const open = this.#open(exchange);
    if (open !== undefined) this.#exchanges.forget(open);
  }

  /** Sends a request, or queues it behind others to the same peer. Returns the id that its events carry. */
  request(nowMs: number, request: OutgoingRequest): number {
    return this.#outgoing.request(nowMs, request);
  }

  /** Gives up a request of ours; no event follows. */
  cancel(request: number): void {
    this.#outgoing.cancel(request);
  }

  /** What the engine holds at the moment, for metrics and tests of its bounds. */
  get usage(): CoapUsage {
    const { uploads, bodies } = this.#incoming;
    return {
      peers: this.#peers.size,
      answerBytes: this.#exchanges.answerBytes,
      requests: this.#outgoing.size,
      timers: this.#context.timers.size,
      uploads: uploads.usage.count,
      uploadBytes: uploads.usage.bytes,
      bodies: bodies.usage.count,
      bodyBytes: bodies.usage.bytes,
    };
  }

  /** RFC 7252 §4.2: a malformed CON is rejected by RST; anything else malformed is silently ignored (§4.3). */
  #malformed(peer: string, { fault, header }: Decoded & { ok: false }): void {
    this.counters.malformed[fault]++;
    if (header?.type === MessageType.CON) this.#sendReset(peer, header.messageId);
  }

  /** A CON or NON: a ping, a duplicate, a request, a response. */
  #begun(nowMs: number, { peer: address, bytes }: Datagram, message: CoapMessage): void {
    if (message.code === Code.EMPTY) {
      // RFC 7252 §4.3: "CoAP ping".
      this.counters.pings++;
      this.#sendReset(address, message.messageId);
      return;
    }
    const peer = this.#peers.touch(address, nowMs);
    if (peer === undefined) return;
    const fingerprint = fingerprintOf(message, bytes.length);
    const known = this.#exchanges.find(peer, message, fingerprint, nowMs);
    if (known !== undefined) {
      this.#responses.repeat(known);
      return;
    }
    const exchange = this.#exchanges.begin(peer, message, fingerprint, nowMs);
    if (exchange === undefined) return;
    if (isRequest(message.code)) this.#incoming.receive(nowMs, exchange, bytes.length);
    else this.#response(nowMs, peer, exchange);
  }

  /** A response that comes as a message of its own: separate, or a notification. */
  #response(nowMs: number, peer: Peer, exchange: Exchange): void {
    const request = this.#outgoing.match(peer, exchange.message);
    const message = this.#vetted(exchange.message);
    if (message === undefined) {
      // RFC 7252 §5.4.1: unknown critical options make a response be rejected.
      if (exchange.confirmable) this.#responses.reject(exchange);
      else this.#responses.acknowledge(exchange);
      if (request !== undefined) this.#outgoing.rejected(nowMs, request);
      return;
    }
    if (request === undefined) {
      this.#unsolicited(nowMs, peer.address, exchange.handle, message);
      return;
    }
    this.#responses.acknowledge(exchange);
    this.#outgoing.respond(nowMs, request, message);
  }

  #acknowledged(nowMs: number, address: string, ack: CoapMessage): void {
    const peer = this.#peers.find(address);
    if (ack.code === Code.EMPTY) {
      const known = this.#outgoing.acknowledged(nowMs, peer, ack.messageId) || this.#settled(peer, ack.messageId);
      if (!known) this.counters.unmatched++;
      return;
    }
    const request = this.#outgoing.match(peer, ack);
    const message = this.#vetted(ack);
    if (request !== undefined) {
      if (message === undefined) this.#outgoing.rejected(nowMs, request);
      else this.#outgoing.respond(nowMs, request, message);
    } else if (peer?.work?.wasAnswered(ack.messageId, ack.token) === true) {
      this.counters.duplicates++;
    } else if (message === undefined || ack.token.length === 0) {
      // Without a token nobody can tell what an unknown ACK answers.
      this.counters.unmatched++;
    } else {
      this.#unsolicited(nowMs, address, NO_EXCHANGE, message);
    }
  }

  #reset(nowMs: number, address: string, messageId: number): void {
    this.counters.resetsIn++;
    const peer = this.#peers.find(address);
    const known = this.#outgoing.reset(nowMs, peer, messageId) || this.#settled(peer, messageId);
    if (!known) this.counters.unmatched++;
  }

  /** Ends a separate response of ours that was acknowledged or reset. */
  #settled(peer: Peer | undefined, messageId: number): boolean {
    const responses = peer?.work?.responses ?? [];
    const index = responses.findIndex((response) => response.messageId === messageId);
    if (index < 0) return false;
    responses[index]!.stop();
    responses.splice(index, 1);
    return true;
  }

  #unsolicited(nowMs: number, peer: string, exchange: number, message: CoapMessage): void {
    this.counters.unsolicited++;
    const block = blockOption(message, OptionNumber.BLOCK2);
    const more = block !== undefined && block.num === 0 && block.more;
    this.#events.push({ kind: 'unsolicited', peer, exchange, message, more, receivedAtMs: nowMs });
  }

  /** The message with the options that hold; undefined if one is critical and unknown. */
  #vetted(message: CoapMessage): CoapMessage | undefined {
    const vetted = this.#rules.vet(message.options);
    if (!vetted.ok) {
      this.counters.badOptions++;
      return undefined;
    }
    return vetted.options === message.options ? message : { ...message, options: vetted.options };
  }

  #open(handle: number): Exchange | undefined {
    if (handle === NO_EXCHANGE) return undefined;
    const exchange = this.#exchanges.get(handle);
    if (exchange !== undefined && exchange.open) return exchange;
    this.counters.lateAnswers++;
    return undefined;
  }

  #sendReset(peer: string, messageId: number): void {
    this.counters.resetsOut++;
    this.#send(peer, encodeEmpty(MessageType.RST, messageId));
  }

  #send(peer: string, bytes: Uint8Array): void {
    this.counters.datagramsOut++;
    this.#datagrams.push({ peer, bytes });
  }
}
