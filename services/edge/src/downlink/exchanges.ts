/** Requests that this worker has out: starts them on the engine, and tells each how it ended. */
import { observeValue, type CoapEngine, type CoapEvent, type CoapMessage, type CoapOption, type OutgoingRequest } from '@cluster/coap';
import { tokenOf, type DeviceNumber, type SessionRecord } from '@cluster/session';
import type { Held } from '../held-sessions.ts';
import type { Transmission } from '../presence.ts';

export interface Outgoing {
  readonly counter: number;
  readonly messageId: number;
  readonly code: number;
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array | undefined;
  readonly observe: 'start' | 'cancel' | undefined;
  /** The payload is one block of a body that is sent block by block. */
  readonly block1?: OutgoingRequest['block1'];
  /** The engine's time of the first sending, where another worker or another path began the exchange. */
  readonly firstSentAtMs?: number;
}

export type Ending =
  | {
      readonly kind: 'response';
      readonly message: CoapMessage;
      readonly rttMs: number;
      /** Who brought the answer hears whether it was stored and told. */
      readonly stored?: (done: boolean) => void;
      /** It waited for the store. What the device reported meanwhile was refused, so that it may have ended an observation again. */
      readonly late?: true;
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Another worker goes on with it. */
  | { readonly kind: 'given' };

interface Open {
  readonly held: Held;
  readonly outgoing: Outgoing;
  readonly peer: string;
  readonly generation: number;
  readonly ended: (ending: Ending) => void;
  /** When it was last known that no other worker goes on with it. */
  confirmedMs: number;
  confirmAfterMs: number;
}

/** A little less than the first wait before a repetition: a request is confirmed before each one. RFC 7252 §4.8 */
const CONFIRM_AFTER_MS = 1_500;

/** Runs work on the engine and sends what comes of it. */
export type WithEngine = (work: (engine: CoapEngine, nowMs: number) => void) => void;

export class Exchanges {
  readonly #withEngine: WithEngine;
  readonly #maxBodyBytes: number;
  readonly #transmission: (record: SessionRecord) => Transmission;
  readonly #open = new Map<number, Open>();
  /** One outstanding request a device. OMA Transport 1.1.1 §6.5 */
  readonly #byNumber = new Map<DeviceNumber, number>();

  constructor(deps: { withEngine: WithEngine; maxBodyBytes: number; transmission: (record: SessionRecord) => Transmission }) {
    this.#withEngine = deps.withEngine;
    this.#maxBodyBytes = deps.maxBodyBytes;
    this.#transmission = deps.transmission;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The largest block that the device's path takes. */
  blockSize(record: SessionRecord): number | undefined {
    return this.#transmission(record).blockSize;
  }

  /** Sends a request on the device's present path. Resolves when the exchange is over. */
  run(held: Held, outgoing: Outgoing): Promise<Ending> {
    return new Promise((ended) => this.begin(held, outgoing, ended));
  }

  /** The same for who rather hears of the end by a call, which must not throw. */
  begin(held: Held, outgoing: Outgoing, ended: (ending: Ending) => void): void {
    const { peer, generation } = held.record;
    this.#start({ held, outgoing, peer, generation, ended, confirmedMs: 0, confirmAfterMs: CONFIRM_AFTER_MS });
  }

  #start(open: Open): void {
    const { held, outgoing, peer } = open;
    const transmission = this.#transmission(held.record);
    open.confirmAfterMs = Math.min(CONFIRM_AFTER_MS, (transmission.ackTimeoutMs ?? Infinity) / 2);
    this.#withEngine((engine, nowMs) => {
      const request = engine.request(nowMs, {
        peer,
        token: tokenOf(held.number, outgoing.counter),
        messageId: outgoing.messageId,
        nextMessageId: () => nextMessageId(held),
        code: outgoing.code,
        options: outgoing.options,
        payload: outgoing.payload,
        block1: outgoing.block1,
        firstSentAtMs: outgoing.firstSentAtMs,
        ackTimeoutMs: transmission.ackTimeoutMs,
        maxRetransmit: transmission.maxRetransmit,
        maxTransmitWaitMs: transmission.maxTransmitWaitMs,
        blockSize: transmission.blockSize,
        maxBodyBytes: this.#maxBodyBytes,
        notificationsApart: outgoing.observe !== undefined,
      });
      open.confirmedMs = nowMs;
      this.#open.set(request, open);
      this.#byNumber.set(held.number, request);
    });
  }

  /**
   * Devices whose requests have been out for a while: a worker that took one of them over would go on with its request,
   * and its doorbell may have been lost.
   */
  unconfirmed(nowMs: number): DeviceNumber[] {
    const numbers: DeviceNumber[] = [];
    for (const open of this.#open.values()) {
      if (nowMs - open.confirmedMs < open.confirmAfterMs) continue;
      open.confirmedMs = nowMs;
      numbers.push(open.held.number);
    }
    return numbers;
  }

  /** Takes the engine's events about requests. */
  handle(events: readonly CoapEvent[]): void {
    for (const event of events) {
      if (event.kind === 'response') this.#end(event.request, { kind: 'response', message: event.message, rttMs: event.rttMs });
      else if (event.kind === 'failed') this.#end(event.request, { kind: 'failed', reason: event.reason });
    }
  }

  /**
   * The device was heard: an exchange on an old path goes on by the new one, with the same token and message id; one
   * of an older registration is over, since the device has forgotten it.
   */
  moved(held: Held): void {
    const request = this.#byNumber.get(held.number);
    const open = request === undefined ? undefined : this.#open.get(request);
    if (request === undefined || open === undefined) return;
    if (open.generation !== held.record.generation) this.#cancel(request, { kind: 'failed', reason: 'registered-anew' });
    else if (open.peer !== held.record.peer) this.#restart(request, { ...open, held, peer: held.record.peer });
  }

  /** Another worker holds the path now: it goes on with the exchange, this one stops. */
  give(number: DeviceNumber): void {
    const request = this.#byNumber.get(number);
    if (request !== undefined) this.#cancel(request, { kind: 'given' });
  }

  /**
   * Completes an exchange of this worker whose answer came by another path than it went, or as a notification. One that
   * cancels an observation is not answered by what that still reports. False: no such exchange; else resolves when the
   * answer is stored and told, or not.
   */
  complete(held: Held, counter: number, message: CoapMessage): Promise<boolean> | false {
    const request = this.#byNumber.get(held.number);
    const outgoing = request === undefined ? undefined : this.#open.get(request)?.outgoing;
    if (request === undefined || outgoing?.counter !== counter) return false;
    if (outgoing.observe === 'cancel' && observeValue(message) !== undefined) return false;
    return new Promise((stored) => this.#cancel(request, { kind: 'response', message, rttMs: 0, stored }));
  }

  #restart(request: number, open: Open): void {
    this.#open.delete(request);
    this.#withEngine((engine) => engine.cancel(request));
    this.#start(open);
  }

  #cancel(request: number, ending: Ending): void {
    this.#withEngine((engine) => engine.cancel(request));
    this.#end(request, ending);
  }

  #end(request: number, ending: Ending): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    this.#open.delete(request);
    this.#byNumber.delete(open.held.number);
    open.ended(ending);
  }
}

/** The next message id of the device's reserved block; blocks of a body may run past its end, which the next lease makes up for. */
export function nextMessageId(held: Held): number {
  const id = held.nextMessageId ?? held.record.messageIdsEnd;
  held.nextMessageId = (id + 1) & 0xffff;
  return id;
}
