/** Requests of peers: refused, answered from what is kept, put together from blocks, or delivered (RFC 7252 §5). */
import { EMPTY_BYTES, encodeUtf8 } from '@cluster/bytes';
import { sliceBody, withETag } from '../blockwise/slices.ts';
import type { Body } from '../blockwise/slices.ts';
import { BodyStore } from '../blockwise/stored-bodies.ts';
import { bodyKey } from '../blockwise/transfer-key.ts';
import { UploadStore } from '../blockwise/uploads.ts';
import type { UploadStep } from '../blockwise/uploads.ts';
import type { EngineContext } from '../context.ts';
import type { Exchange } from '../deduplication.ts';
import { ExchangeState } from '../deduplication.ts';
import type { CoapResponse } from '../events.ts';
import { RESERVED_SZX, blockOption, blockSize, encodeBlock, szxFor } from '../message/block-option.ts';
import type { Block } from '../message/block-option.ts';
import { Code, isSuccess } from '../message/codes.ts';
import { NO_OPTIONS } from '../message/message.ts';
import type { CoapMessage, CoapOption } from '../message/message.ts';
import type { OptionRules } from '../message/option-rules.ts';
import { OptionNumber, optionValue, uintValue, withoutOptions } from '../message/options.ts';
import { Timer } from '../timers.ts';
import type { Responses } from './responses.ts';

export class IncomingRequests {
  readonly uploads: UploadStore;
  readonly bodies: BodyStore;
  readonly #context: EngineContext;
  readonly #rules: OptionRules;
  readonly #responses: Responses;
  readonly #szx: number;

  constructor(context: EngineContext, rules: OptionRules, responses: Responses) {
    this.uploads = new UploadStore(context);
    this.bodies = new BodyStore(context);
    this.#context = context;
    this.#rules = rules;
    this.#responses = responses;
    this.#szx = szxFor(context.parameters.blockSize);
  }

  /** Takes a request that is no duplicate; `length` is that of its datagram. */
  receive(nowMs: number, exchange: Exchange, length: number): void {
    const vetted = this.#rules.vet(exchange.message.options);
    if (!vetted.ok) {
      this.#refuseOption(nowMs, exchange, vetted.unrecognised, length);
      return;
    }
    const { options } = vetted;
    if (options !== exchange.message.options) exchange.message = { ...exchange.message, options };
    const refusal = refusalOf(exchange.message);
    if (refusal !== undefined) {
      this.#responses.respond(nowMs, exchange, { code: refusal, options: NO_OPTIONS });
      return;
    }
    const block1 = blockOption(exchange.message, OptionNumber.BLOCK1);
    if (block1 !== undefined) this.#receiveBlock(nowMs, exchange, block1);
    else if (!this.#serveBlock(nowMs, exchange)) this.#deliver(nowMs, exchange, exchange.message);
  }

  /** Sends the caller's response: block by block, if it is large or the peer asked for a block of it. */
  respond(nowMs: number, exchange: Exchange, response: CoapResponse): void {
    const request = exchange.message;
    const body: Body = {
      code: response.code,
      options: response.options ?? NO_OPTIONS,
      payload: response.payload ?? EMPTY_BYTES,
    };
    const { block1 } = exchange;
    const whole = response.block2 === undefined ? this.#fit(nowMs, exchange, body, blockOption(request, OptionNumber.BLOCK2)) : oneBlock(body, response.block2);
    const options = block1 === undefined ? whole.options : [...whole.options, confirmation(block1)];
    const { code, payload } = whole;
    this.#responses.respond(nowMs, exchange, { code, options, payload, messageId: response.messageId });
  }

  /** RFC 7252 §5.4.1: an unknown critical option in a CON is answered by 4.02, in a NON silently ignored. */
  #refuseOption(nowMs: number, exchange: Exchange, option: number, length: number): void {
    this.#context.counters.badOptions++;
    if (!exchange.confirmable) {
      exchange.end(ExchangeState.SILENT);
      return;
    }
    // The diagnostic payload must not make the answer larger than the request.
    const diagnostic = encodeUtf8(`option ${option}`);
    const room = length - 4 - exchange.message.token.length - 1;
    const payload = diagnostic.length <= room ? diagnostic : EMPTY_BYTES;
    this.#responses.respond(nowMs, exchange, { code: Code.BAD_OPTION, options: NO_OPTIONS, payload });
  }

  #receiveBlock(nowMs: number, exchange: Exchange, block1: Block): void {
    const step = this.uploads.accept(nowMs, exchange.peer, exchange.message, block1);
    if (step.kind === 'complete') {
      exchange.block1 = block1;
      const { message } = exchange;
      const options = withoutOptions(message.options, OptionNumber.BLOCK1, OptionNumber.SIZE1);
      this.#deliver(nowMs, exchange, { ...message, options, payload: step.payload });
      return;
    }
    this.#responses.respond(nowMs, exchange, answerTo(step));
  }

  /** Answers a request for a further block from the body that is kept; false if the caller has to answer it. */
  #serveBlock(nowMs: number, exchange: Exchange): boolean {
    const { message, peer } = exchange;
    const block2 = blockOption(message, OptionNumber.BLOCK2);
    if (block2 === undefined || block2.num === 0) return false;
    const body = this.bodies.find(nowMs, peer, bodyKey(message));
    if (body !== undefined) {
      const slice = sliceBody(body, block2.num, Math.min(block2.szx, this.#szx));
      this.#responses.respond(nowMs, exchange, slice);
      return true;
    }
    // A safe method may run again for the block; any other must not, just because its body is no longer kept.
    if (message.code === Code.GET || message.code === Code.FETCH) return false;
    this.#responses.respond(nowMs, exchange, { code: Code.REQUEST_ENTITY_INCOMPLETE, options: NO_OPTIONS });
    return true;
  }

  #deliver(nowMs: number, exchange: Exchange, message: CoapMessage): void {
    const { separateAfterMs } = this.#context.parameters;
    if (separateAfterMs !== undefined && exchange.confirmable) {
      exchange.separation = new Timer(() => this.#responses.accept(exchange));
      this.#context.timers.set(exchange.separation, nowMs + separateAfterMs);
    }
    const { handle, peer } = exchange;
    this.#context.emit({ kind: 'request', peer: peer.address, exchange: handle, message, receivedAtMs: nowMs });
  }

  /** What of a body goes into one message, and what is kept for the messages after it. */
  #fit(nowMs: number, exchange: Exchange, body: Body, asked: Block | undefined): Body {
    const szx = Math.min(asked?.szx ?? this.#szx, this.#szx);
    const num = asked?.num ?? 0;
    if (num === 0 && body.payload.length <= blockSize(szx)) {
      // RFC 7959 §2.4: a response to a request with Block2 tells with the same option that it is whole.
      if (asked === undefined || body.payload.length === 0 || !isSuccess(body.code)) return body;
      return sliceBody(body, 0, szx);
    }
    if (num > 0 && !isSuccess(body.code)) return body;
    const tagged = withETag(body);
    const slice = sliceBody(tagged, num, szx);
    if (slice.more) this.bodies.put(nowMs, exchange.peer, bodyKey(exchange.message), tagged);
    return slice;
  }
}

/** A block as its caller gives it. RFC 7959 §4: Size2 tells the size of the whole body with its first block. */
function oneBlock(body: Body, block: NonNullable<CoapResponse['block2']>): Body {
  const options = [...body.options, encodeBlock(OptionNumber.BLOCK2, block)];
  if (block.num === 0 && block.more) options.push({ number: OptionNumber.SIZE2, value: uintValue(block.size) });
  return { ...body, options };
}

/** The code that refuses a request whatever it asks for. */
function refusalOf(message: CoapMessage): number | undefined {
  // RFC 7252 §5.8: an unknown method is answered by 4.05.
  if (message.code > Code.IPATCH) return Code.METHOD_NOT_ALLOWED;
  if (message.options.length === 0) return undefined;
  // RFC 7252 §5.10.2: an endpoint that is no proxy answers 5.05.
  const proxied =
    optionValue(message, OptionNumber.PROXY_URI) !== undefined ||
    optionValue(message, OptionNumber.PROXY_SCHEME) !== undefined;
  if (proxied) return Code.PROXYING_NOT_SUPPORTED;
  // RFC 7959 §2.2: SZX 7 must not be sent and leads to 4.00.
  return blockOption(message, OptionNumber.BLOCK2)?.szx === RESERVED_SZX ? Code.BAD_REQUEST : undefined;
}

/** The Block1 option by which the final response tells which block it answers. */
function confirmation(block1: Block): CoapOption {
  return encodeBlock(OptionNumber.BLOCK1, { ...block1, more: false });
}

function answerTo(step: Exclude<UploadStep, { kind: 'complete' }>): { code: number; options: CoapOption[] } {
  if (step.kind === 'continue') {
    return { code: Code.CONTINUE, options: [encodeBlock(OptionNumber.BLOCK1, step.block)] };
  }
  const options: CoapOption[] = [];
  if (step.maxBytes !== undefined) options.push({ number: OptionNumber.SIZE1, value: uintValue(step.maxBytes) });
  if (step.retryAfterS !== undefined) options.push({ number: OptionNumber.MAX_AGE, value: uintValue(step.retryAfterS) });
  return { code: step.code, options };
}
