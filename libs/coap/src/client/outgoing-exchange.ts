/** One request of ours over all its messages: blocks of its body, blocks of the response's, an Echo repeat. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { BlockDownload } from '../blockwise/block-download.ts';
import { BlockUpload } from '../blockwise/block-upload.ts';
import type { EngineContext } from '../context.ts';
import type { OutgoingRequest, RequestFailure } from '../events.ts';
import { blockOption, blockSize, encodeBlock, szxFor } from '../message/block-option.ts';
import { Code, isSuccess } from '../message/codes.ts';
import { MessageType } from '../message/message.ts';
import type { CoapMessage, CoapOption } from '../message/message.ts';
import { OptionNumber, optionValue, uintValue, withoutOptions } from '../message/options.ts';
import type { Peer } from '../peers.ts';
import type { Transmission } from '../reliability.ts';
import { Timer } from '../timers.ts';

/** What follows from a response: another message, the whole response, or the end. */
export type NextStep =
  | { readonly kind: 'send' }
  | { readonly kind: 'done'; readonly message: CoapMessage }
  | { readonly kind: 'failed'; readonly reason: RequestFailure };

const SEND: NextStep = { kind: 'send' };

export class OutgoingExchange {
  readonly id: number;
  readonly peer: Peer;
  readonly request: OutgoingRequest;
  /** Runs while a NON, or a CON that was acknowledged, waits for its response. */
  readonly waiting: Timer;
  /** When the request was first sent, and when the message that is out was. */
  firstSentAtMs = 0;
  messageSentAtMs = 0;
  messageId: number;
  token: Uint8Array;
  transmission: Transmission | undefined;
  readonly #context: EngineContext;
  /** Of the largest blocks to send, and of the largest to ask for. */
  readonly #szx: number;
  readonly #responseSzx: number;
  #upload: BlockUpload | undefined;
  #download: BlockDownload | undefined;
  /** The response that began a block-wise body: its options hold for the whole. */
  #first: CoapMessage | undefined;
  #echo: Uint8Array | undefined;
  /** The body changed while it was fetched, and is fetched anew. */
  #refetching = false;
  /** What the response that began an observation says of it; the repeat, which does not observe, cannot. */
  #observe: CoapOption | undefined;

  constructor(context: EngineContext, id: number, peer: Peer, request: OutgoingRequest, onTimeout: (nowMs: number) => void) {
    this.id = id;
    this.peer = peer;
    this.request = request;
    this.waiting = new Timer(onTimeout);
    this.messageId = request.messageId;
    // A copy: slice() of a Buffer is a view that keeps its whole pool alive.
    this.token = Uint8Array.from(request.token);
    this.#context = context;
    const largest = context.parameters.blockSize;
    const size = request.blockSize ?? largest;
    this.#szx = szxFor(Math.min(size, largest));
    this.#responseSzx = szxFor(Math.min(request.responseBlockSize ?? size, largest));
    const payload = request.payload ?? EMPTY_BYTES;
    if (request.block1 === undefined && payload.length > blockSize(this.#szx)) this.#upload = this.#newUpload(payload, this.#szx);
  }

  get confirmable(): boolean {
    return this.request.confirmable ?? true;
  }

  /** Takes up the body that `continued` tells of; why not, if that cannot be. */
  begin(): RequestFailure | undefined {
    const { continued } = this.request;
    if (continued === undefined) return undefined;
    this.#download = this.#newDownload(continued.etag);
    if (!this.#download.resume(continued.payload, continued.nextBlock, continued.szx)) return 'block-failed';
    return continued.payload.length > this.#maxBytes ? 'body-too-large' : undefined;
  }

  /** The message that is due. */
  message(): CoapMessage {
    const { code } = this.request;
    const type = this.confirmable ? MessageType.CON : MessageType.NON;
    return { type, code, messageId: this.messageId, token: this.token, options: this.#options(), payload: this.#payload() };
  }

  /** Takes a response that matches the message sent last. */
  accept(response: CoapMessage): NextStep {
    if (this.#takeEcho(response)) return SEND;
    if (this.#download === undefined && this.#upload !== undefined) {
      const verdict = this.#upload.accept(response);
      if (verdict === 'send') return SEND;
      if (verdict === 'failed') return { kind: 'failed', reason: 'block-failed' };
    } else if (this.#beginUpload(response)) {
      return SEND;
    }
    if (this.#download === undefined && !this.#beginDownload(response)) return this.#done(response);
    const verdict = this.#download!.accept(response);
    if (verdict === 'send') return SEND;
    if (verdict === 'complete') return this.#done(this.#whole(response));
    if (verdict === 'body-changed' && this.#refetch()) return SEND;
    return { kind: 'failed', reason: verdict };
  }

  /** RFC 9175 §2.3: a 4.01 with Echo asks for the request once more, with that option. */
  #takeEcho(response: CoapMessage): boolean {
    if (response.code !== Code.UNAUTHORIZED || this.#echo !== undefined) return false;
    this.#echo = optionValue(response, OptionNumber.ECHO)?.slice();
    if (this.#echo === undefined) return false;
    this.#context.counters.echoRepeats++;
    return true;
  }

  /** RFC 7959 §2.9.3: a 4.13 with Block1 to a request sent whole asks for blocks of that size. */
  #beginUpload(response: CoapMessage): boolean {
    if (response.code !== Code.REQUEST_ENTITY_TOO_LARGE || this.#download !== undefined || this.request.block1 !== undefined) return false;
    const block = blockOption(response, OptionNumber.BLOCK1);
    const payload = this.request.payload ?? EMPTY_BYTES;
    if (block === undefined || block.szx >= this.#szx || payload.length <= blockSize(block.szx)) return false;
    this.#upload = this.#newUpload(payload, block.szx);
    return true;
  }

  /** Whether the response carries the first of several blocks, or a block that cannot be the first. */
  #beginDownload(response: CoapMessage): boolean {
    const block = blockOption(response, OptionNumber.BLOCK2);
    if (block === undefined || (block.num === 0 && !block.more) || !isSuccess(response.code)) return false;
    this.#download = this.#newDownload(optionValue(response, OptionNumber.ETAG));
    this.#first = response;
    // RFC 7959 §3.4: further blocks cannot make use of the token of the observation.
    if (optionValue(this.request, OptionNumber.OBSERVE) !== undefined) this.token = this.#freshToken();
    return true;
  }

  /**
   * RFC 7959 §2.4: when the ETags differ, the first blocks may be fetched afresh. Once, since a body could change for
   * ever; and only by a safe method, since any other would be carried out again.
   */
  #refetch(): boolean {
    const { code } = this.request;
    if (this.#refetching || (code !== Code.GET && code !== Code.FETCH)) return false;
    this.#context.counters.bodiesRefetched++;
    this.#refetching = true;
    this.#observe = this.#first?.options.find(({ number }) => number === OptionNumber.OBSERVE);
    this.#download = undefined;
    this.#upload?.rewind();
    return true;
  }

  /** Seven random bytes: no caller's token, which has eight. */
  #freshToken(): Uint8Array {
    const { rng } = this.#context;
    const low = rng.uint32();
    const high = rng.uint32();
    return Uint8Array.of(low, low >>> 8, low >>> 16, low >>> 24, high, high >>> 8, high >>> 16);
  }

  #newUpload(payload: Uint8Array, szx: number): BlockUpload {
    // The token is unique among the requests to a peer, also when another worker goes on with the exchange.
    return new BlockUpload(payload, szx, Uint8Array.from(this.request.token));
  }

  #newDownload(etag: Uint8Array | undefined): BlockDownload {
    return new BlockDownload(this.#responseSzx, this.#maxBytes, etag);
  }

  get #maxBytes(): number {
    return Math.min(this.request.maxBodyBytes ?? Infinity, this.#context.limits.maxBodyBytes);
  }

  #done(message: CoapMessage): NextStep {
    if (this.#observe === undefined || !isSuccess(message.code)) return { kind: 'done', message };
    const options = [...message.options, this.#observe].toSorted((left, right) => left.number - right.number);
    return { kind: 'done', message: { ...message, options } };
  }

  #whole(last: CoapMessage): CoapMessage {
    const first = this.#first ?? last;
    const options = withoutOptions(first.options, OptionNumber.BLOCK1, OptionNumber.BLOCK2, OptionNumber.SIZE2);
    return { ...last, options, payload: this.#download!.body() };
  }

  #options(): readonly CoapOption[] {
    const echo: CoapOption[] = this.#echo === undefined ? [] : [{ number: OptionNumber.ECHO, value: this.#echo }];
    const further = this.#download !== undefined || this.#refetching;
    // RFC 7959 §2.6: the Observe option is only in the request that begins the observation.
    const options = further ? withoutOptions(this.request.options, OptionNumber.OBSERVE) : this.request.options;
    if (this.#download !== undefined) return [...options, this.#download.option(), ...echo];
    const blocks = [...(this.#upload?.options() ?? this.#oneBlock()), ...this.#early()];
    return blocks.length === 0 && this.#echo === undefined ? options : [...options, ...blocks, ...echo];
  }

  /** A block of a body that the caller sends by itself. */
  #oneBlock(): CoapOption[] {
    const { block1 } = this.request;
    if (block1 === undefined) return [];
    const size = block1.num === 0 ? [{ number: OptionNumber.SIZE1, value: uintValue(block1.size) }] : [];
    return [encodeBlock(OptionNumber.BLOCK1, block1), ...size, { number: OptionNumber.REQUEST_TAG, value: block1.tag }];
  }

  /** RFC 7959 §2.4: the block size of the response, asked for in the request that brings its first block (§3.3, figure 14). */
  #early(): CoapOption[] {
    if (this.request.responseBlockSize === undefined || this.#upload?.last === false) return [];
    return [encodeBlock(OptionNumber.BLOCK2, { num: 0, more: false, szx: this.#responseSzx })];
  }

  #payload(): Uint8Array {
    const payload = this.request.payload ?? EMPTY_BYTES;
    if (this.#download === undefined) return this.#upload?.payload() ?? payload;
    // RFC 8132 §2.2: the payload of a FETCH is part of what names its response; else the body is not sent again.
    return this.request.code === Code.FETCH && this.#upload === undefined ? payload : EMPTY_BYTES;
  }
}
