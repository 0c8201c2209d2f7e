/** Our requests to peers: one out at a time (NSTART = 1), matched with their responses by peer, token and message id. */
import { equalBytes } from '@cluster/bytes';
import type { EngineContext } from '../context.ts';
import type { OutgoingRequest, RequestFailure } from '../events.ts';
import { blockOption } from '../message/block-option.ts';
import { encodeMessage } from '../message/encode.ts';
import { MessageType } from '../message/message.ts';
import type { CoapMessage } from '../message/message.ts';
import { observeValue, OptionNumber } from '../message/options.ts';
import { exchangeLifetimeMs, maxTransmitWaitMs } from '../parameters.ts';
import { workOf } from '../peer-work.ts';
import type { Peer, PeerTable } from '../peers.ts';
import { Transmission } from '../reliability.ts';
import { Timer } from '../timers.ts';
import { OutgoingExchange } from './outgoing-exchange.ts';

export class OutgoingRequests {
  readonly #context: EngineContext;
  readonly #peers: PeerTable;
  readonly #exchanges = new Map<number, OutgoingExchange>();
  #lastId = 0;

  constructor(context: EngineContext, peers: PeerTable) {
    this.#context = context;
    this.#peers = peers;
  }

  /** How many requests are out or waiting for their turn. */
  get size(): number {
    return this.#exchanges.size;
  }

  /** Sends a request, or queues it behind those before it. Returns its id. */
  request(nowMs: number, request: OutgoingRequest): number {
    const id = ++this.#lastId;
    const room = this.#exchanges.size < this.#context.limits.maxRequests;
    const peer = room ? this.#peers.touch(request.peer, nowMs) : undefined;
    if (peer === undefined) return this.#refuse(id, request.peer, 'overload');
    const work = workOf(peer);
    if (work.queue.length >= this.#context.limits.queuedRequestsPerPeer) {
      return this.#refuse(id, request.peer, 'queue-full');
    }
    const exchange: OutgoingExchange = new OutgoingExchange(this.#context, id, peer, request, (dueMs) => {
      this.#context.counters.timeouts++;
      this.#fail(dueMs, exchange, 'timeout');
    });
    this.#exchanges.set(id, exchange);
    work.queue.push(exchange);
    this.#next(nowMs, peer);
    return id;
  }

  /** Gives a request up without an event; the next of its peer begins with the engine's next step. */
  cancel(id: number): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    const work = workOf(exchange.peer);
    const queued = work.queue.indexOf(exchange);
    if (queued >= 0) work.queue.splice(queued, 1);
    this.#finish(exchange);
    // No time came in with this call: a timer that is due at once begins the next request.
    this.#context.timers.set(new Timer((nowMs) => this.#next(nowMs, exchange.peer)), 0);
  }

  /** The request that a response answers, if it is one of ours. */
  match(peer: Peer | undefined, response: CoapMessage): OutgoingExchange | undefined {
    const active = peer?.work?.active;
    if (active === undefined || !equalBytes(active.token, response.token)) return undefined;
    // RFC 7252 §5.3.2: a piggybacked response must match by message id as well.
    if (response.type === MessageType.ACK) return response.messageId === active.messageId ? active : undefined;
    return active.request.notificationsApart === true && isWholeReport(response) ? undefined : active;
  }

  /** An empty ACK: the response comes by itself (RFC 7252 §5.2.2). False if it acknowledges nothing of ours. */
  acknowledged(nowMs: number, peer: Peer | undefined, messageId: number): boolean {
    const active = peer?.work?.active;
    if (active?.messageId !== messageId) return peer?.work?.wasAnswered(messageId) ?? false;
    active.transmission?.stop();
    const waitMs = this.#context.parameters.responseTimeoutMs ?? exchangeLifetimeMs(this.#context.parameters);
    if (active.waiting.index < 0) this.#context.timers.set(active.waiting, Math.max(nowMs, active.messageSentAtMs + waitMs));
    return true;
  }

  /** A RST. False if it resets nothing of ours. */
  reset(nowMs: number, peer: Peer | undefined, messageId: number): boolean {
    const active = peer?.work?.active;
    if (active?.messageId !== messageId) return false;
    this.#fail(nowMs, active, 'reset');
    return true;
  }

  /** A response with an unknown critical option: it counts as none, and another would be no better. */
  rejected(nowMs: number, exchange: OutgoingExchange): void {
    this.#fail(nowMs, exchange, 'bad-option');
  }

  /** A response that {@link match} found the request of. */
  respond(nowMs: number, exchange: OutgoingExchange, response: CoapMessage): void {
    this.#stop(exchange);
    workOf(exchange.peer).rememberAnswered(exchange.messageId, exchange.token);
    const step = exchange.accept(response);
    if (step.kind === 'failed') {
      this.#fail(nowMs, exchange, step.reason);
    } else if (step.kind === 'done') {
      this.#finish(exchange);
      const { address } = exchange.peer;
      const rttMs = nowMs - exchange.firstSentAtMs;
      this.#context.emit({ kind: 'response', peer: address, request: exchange.id, message: step.message, rttMs });
      this.#next(nowMs, exchange.peer);
    } else {
      exchange.messageId = exchange.request.nextMessageId();
      this.#send(nowMs, exchange, nowMs);
    }
  }

  #refuse(id: number, peer: string, reason: RequestFailure): number {
    this.#context.counters.limited.requestsRefused++;
    this.#context.emit({ kind: 'failed', peer, request: id, reason });
    return id;
  }

  /** Begins the next request of a peer, if none is out. */
  #next(nowMs: number, peer: Peer): void {
    const work = workOf(peer);
    if (work.active !== undefined) return;
    const exchange = work.queue.shift();
    if (exchange === undefined) return;
    work.active = exchange;
    exchange.firstSentAtMs = Math.min(nowMs, exchange.request.firstSentAtMs ?? nowMs);
    const fault = exchange.begin();
    if (fault === undefined) this.#send(nowMs, exchange, exchange.firstSentAtMs);
    else this.#fail(nowMs, exchange, fault);
  }

  #send(nowMs: number, exchange: OutgoingExchange, firstSentAtMs: number): void {
    exchange.messageSentAtMs = firstSentAtMs;
    const { parameters, timers } = this.#context;
    const { request, messageId } = exchange;
    const bytes = encodeMessage(exchange.message());
    if (!exchange.confirmable) {
      this.#context.send(request.peer, bytes);
      const waitMs = request.maxTransmitWaitMs ?? parameters.responseTimeoutMs ?? maxTransmitWaitMs(parameters);
      timers.set(exchange.waiting, Math.max(nowMs, firstSentAtMs + waitMs));
      return;
    }
    const backoff = {
      ackTimeoutMs: request.ackTimeoutMs ?? parameters.ackTimeoutMs,
      maxRetransmit: request.maxRetransmit ?? parameters.maxRetransmit,
      maxTransmitWaitMs: request.maxTransmitWaitMs,
    };
    const message = { peer: request.peer, messageId, bytes };
    const giveUp = (dueMs: number): void => this.#fail(dueMs, exchange, 'timeout');
    exchange.transmission = new Transmission(this.#context, message, backoff, firstSentAtMs, giveUp);
    exchange.transmission.start(nowMs);
  }

  #fail(nowMs: number, exchange: OutgoingExchange, reason: RequestFailure): void {
    this.#finish(exchange);
    this.#context.emit({ kind: 'failed', peer: exchange.peer.address, request: exchange.id, reason });
    this.#next(nowMs, exchange.peer);
  }

  #finish(exchange: OutgoingExchange): void {
    this.#stop(exchange);
    this.#exchanges.delete(exchange.id);
    const work = workOf(exchange.peer);
    if (work.active === exchange) work.active = undefined;
  }

  #stop(exchange: OutgoingExchange): void {
    exchange.transmission?.stop();
    this.#context.timers.cancel(exchange.waiting);
  }
}

function isWholeReport(response: CoapMessage): boolean {
  return observeValue(response) !== undefined && blockOption(response, OptionNumber.BLOCK2)?.more !== true;
}
