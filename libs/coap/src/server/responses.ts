/** Answers to what peers began: piggybacked, separate, NON, empty or RST, remembered for duplicates (RFC 7252 §5.2). */
import { EMPTY_BYTES } from '@cluster/bytes';
import type { EngineContext } from '../context.ts';
import { ExchangeState } from '../deduplication.ts';
import type { Exchange, ExchangeTable } from '../deduplication.ts';
import { encodeEmpty, encodeMessage } from '../message/encode.ts';
import { MessageType } from '../message/message.ts';
import type { CoapOption } from '../message/message.ts';
import { workOf } from '../peer-work.ts';
import { Transmission } from '../reliability.ts';

/** A response that fits one message. */
export interface WholeResponse {
  readonly code: number;
  readonly options: readonly CoapOption[];
  readonly payload?: Uint8Array;
  readonly messageId?: number | undefined;
}

export class Responses {
  readonly #context: EngineContext;
  readonly #exchanges: ExchangeTable;

  constructor(context: EngineContext, exchanges: ExchangeTable) {
    this.#context = context;
    this.#exchanges = exchanges;
  }

  /** Sends the response of an open exchange and ends it. */
  respond(nowMs: number, exchange: Exchange, response: WholeResponse): void {
    this.#cancelSeparation(exchange);
    if (exchange.state === ExchangeState.ACCEPTED) {
      this.#respondSeparately(nowMs, exchange, response);
      return;
    }
    const type = exchange.confirmable ? MessageType.ACK : MessageType.NON;
    const messageId = exchange.confirmable ? exchange.messageId : this.#ownMessageId(response);
    const bytes = this.#encode(exchange, type, messageId, response);
    this.#context.send(exchange.peer.address, bytes);
    // RFC 7252 §4.5: a duplicate CON gets the same answer, a duplicate NON is ignored.
    if (exchange.confirmable) this.#exchanges.answered(exchange, bytes);
    else exchange.end(ExchangeState.SILENT);
  }

  /** Sends an empty ACK to a CON and leaves it open: its response follows separately (RFC 7252 §5.2.2). */
  accept(exchange: Exchange): void {
    this.#cancelSeparation(exchange);
    exchange.state = ExchangeState.ACCEPTED;
    this.#sendEmpty(exchange, MessageType.ACK);
  }

  /** Sends an empty ACK to a CON and ends it. */
  acknowledge(exchange: Exchange): void {
    if (exchange.confirmable) {
      this.#sendEmpty(exchange, MessageType.ACK);
      exchange.end(ExchangeState.ACKNOWLEDGED);
    } else {
      exchange.end(ExchangeState.SILENT);
    }
  }

  /** Sends a RST to a CON or NON and ends it. */
  reject(exchange: Exchange): void {
    this.#cancelSeparation(exchange);
    this.#context.counters.resetsOut++;
    this.#sendEmpty(exchange, MessageType.RST);
    exchange.end(ExchangeState.REJECTED);
  }

  /** Repeats to a duplicate what its first got. */
  repeat(exchange: Exchange): void {
    this.#context.counters.duplicates++;
    if (!exchange.confirmable) return;
    switch (exchange.state) {
      case ExchangeState.ANSWERED:
        this.#repeatAnswer(exchange);
        return;
      case ExchangeState.ACCEPTED:
      case ExchangeState.ACKNOWLEDGED:
        this.#sendEmpty(exchange, MessageType.ACK);
        return;
      case ExchangeState.REJECTED:
        this.#sendEmpty(exchange, MessageType.RST);
        return;
      default:
    }
  }

  /** An answer no longer kept is not sent again; the next duplicate is delivered anew. */
  #repeatAnswer(exchange: Exchange): void {
    const answer = this.#exchanges.answerOf(exchange);
    if (answer === undefined) this.#exchanges.forget(exchange);
    else this.#context.send(exchange.peer.address, answer);
  }

  #respondSeparately(nowMs: number, exchange: Exchange, response: WholeResponse): void {
    const { peer } = exchange;
    const work = workOf(peer);
    const messageId = this.#ownMessageId(response);
    const bytes = this.#encode(exchange, MessageType.CON, messageId, response);
    const { parameters } = this.#context;
    const forget = (): void => {
      work.responses.splice(work.responses.indexOf(transmission), 1);
    };
    const message = { peer: peer.address, messageId, bytes };
    const transmission: Transmission = new Transmission(this.#context, message, parameters, nowMs, forget);
    work.responses.push(transmission);
    exchange.end(ExchangeState.ACKNOWLEDGED);
    transmission.start(nowMs);
  }

  #ownMessageId(response: WholeResponse): number {
    return response.messageId ?? this.#context.nextMessageId();
  }

  #encode(exchange: Exchange, type: MessageType, messageId: number, response: WholeResponse): Uint8Array {
    const { code, options, payload = EMPTY_BYTES } = response;
    return encodeMessage({ type, code, messageId, token: exchange.message.token, options, payload });
  }

  #sendEmpty(exchange: Exchange, type: typeof MessageType.ACK | typeof MessageType.RST): void {
    this.#context.send(exchange.peer.address, encodeEmpty(type, exchange.messageId));
  }

  #cancelSeparation(exchange: Exchange): void {
    if (exchange.separation === undefined) return;
    this.#context.timers.cancel(exchange.separation);
    exchange.separation = undefined;
  }
}
