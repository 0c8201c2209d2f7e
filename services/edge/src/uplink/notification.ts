/**
 * Notifications, and every other response that answers no request of this worker's engine: found by the token, in which
 * the device's number stands. OMA Transport 1.1.1 §6.4.5, RFC 7641 §3
 */
import { contentFormat, formatCode, isSuccess, MessageType, observeValue } from '@cluster/coap';
import { parsePath, readReport, type Path } from '@cluster/lwm2m';
import {
  changeObservation, observationKey, observationOf, parseToken, takeOver, type DeviceNumber, type Observation,
  type SessionRecord,
} from '@cluster/session';
import type { Decision, Refusal, Step } from '../device-steps.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { cameLate } from '../observe-order.ts';
import { alarmOfWaking, arrivalOf, mayMove, movesOrWakes, type Received, type Uplink } from './uplink.ts';

/** A response that came unasked, as the engine tells it. `more`: only the first block of its body. */
export interface Unsolicited extends Received {
  readonly more: boolean;
}

/** What else may wait for a response: exchanges of a worker that is gone, and bodies that have to be read again. */
export interface DownlinkSide {
  /** Completes an exchange that another worker began. False: no such exchange. */
  adopt(held: Held, counter: number, received: Received): Promise<boolean>;
  /** A notification with this token was told: it answers the request that begins or renews its observation. */
  reported(held: Held, counter: number, received: Received): void;
  /** The device was told by RST that nobody knows an observation of its: those that it should have are made again. */
  doubted(held: Held): void;
  /** Carries out a step once more. */
  again(step: Step): void;
  /** Reads an observed body again as a whole, by the durable queue. Resolves when that is stored. */
  readAgain(held: Held, observation: Observation): Promise<void>;
}

/** A token that can't be one of ours is rejected without asking anyone. */
export function notificationStep(uplink: Uplink, downlink: DownlinkSide, received: Unsolicited): Step | undefined {
  const token = parseToken(received.message.token);
  if (token === undefined) {
    reset(uplink, received);
    return undefined;
  }
  return new NotificationStep(uplink, downlink, received, token);
}

/** RST ends an observation at its device; what is beyond the budget gets no answer. False then. */
function reset(uplink: Uplink, { exchange }: Received): boolean {
  uplink.counters.refused('notification', 'unknown-token');
  const may = uplink.resets.mayReset();
  if (may) uplink.reject(exchange);
  else uplink.abandon(exchange);
  return may;
}

class NotificationStep implements Step {
  readonly number: DeviceNumber;
  readonly #counter: number;
  readonly #uplink: Uplink;
  readonly #downlink: DownlinkSide;
  readonly #received: Unsolicited;
  readonly #cameMs: number;
  #readTwice = false;

  constructor(uplink: Uplink, downlink: DownlinkSide, received: Unsolicited, token: { number: DeviceNumber; counter: number }) {
    this.#uplink = uplink;
    this.#downlink = downlink;
    this.#received = received;
    this.number = token.number;
    this.#counter = token.counter;
    this.#cameMs = uplink.clock.storeMs();
  }

  decide(held: Held | undefined, fresh: boolean): Decision | 'reload' {
    const registered = held?.record.state === 'registered' && mayMove(this.#uplink, held, this.#received.peer);
    const observation = registered ? observationOf(held.record, this.#counter) : undefined;
    // RST ends the observation at the device: only after the store was asked.
    if (observation === undefined && !fresh) return this.#uplink.resets.mayAsk(this.#received.peer) ? 'reload' : { done: () => this.#ignore() };
    if (held === undefined || !registered) return { done: () => void reset(this.#uplink, this.#received) };
    if (!fresh && this.#uplink.presence.mayHaveSlept(held)) return 'reload';
    if (observation === undefined || this.#answersRequest()) return { done: () => void this.#adopt(held) };
    if (this.#received.more) return { ...this.#taken(held), done: (now) => void this.#readAgain(now ?? held, observation) };
    return this.#report(held, observation);
  }

  /** Success without Observe is no notification, but answers a request with its token, as one that cancels. RFC 7641 §4.2 */
  #answersRequest(): boolean {
    const { message } = this.#received;
    return !this.#readTwice && isSuccess(message.code) && observeValue(message) === undefined;
  }

  #report(held: Held, observation: Observation): Decision {
    const { message } = this.#received;
    const nowMs = this.#uplink.clock.storeMs();
    const observe = observeValue(message);
    const bases = observation.paths.map(parsePath).filter((p): p is Path => p !== undefined);
    const { values, decodeError } = readReport(message.payload, contentFormat(message), bases, contextOf(held, this.#uplink.model), nowMs / 1_000);
    const ends = observe === undefined || message.code >> 5 !== 2;
    const format = contentFormat(message);
    const event = this.#uplink.events.notification(held, this.#cause(observe), nowMs, {
      paths: [...observation.paths],
      values,
      ...(observe === undefined ? {} : { observe }),
      ...(observe !== undefined && cameLate(held, this.#counter, observe, nowMs) ? { outOfOrder: true } : {}),
      ...(format === undefined ? {} : { contentFormat: format }),
      ...(ends ? { code: formatCode(message.code) } : {}),
      ...(decodeError === undefined ? {} : { decodeError }),
    });
    return { ...this.#taken(held, ends ? observation : undefined), events: [event], done: (now) => this.#reported(now ?? held) };
  }

  #cause(observe: number | undefined) {
    const { token, messageId, payload } = this.#received.message;
    return { token, messageId, payload, ...(observe === undefined ? {} : { observe }) };
  }

  /** The record after this message, if it changes: a new path or owner, an end of sleep or of the observation. */
  #taken(held: Held, ended?: Observation): { record?: SessionRecord; alarmMs?: number } {
    let record = held.record;
    if (movesOrWakes(this.#uplink, this.#received, record)) record = takeOver(record, arrivalOf(this.#uplink, this.#received, held));
    if (ended !== undefined) {
      record = changeObservation(record, observationKey(ended), { state: 'refused', code: this.#received.message.code });
    }
    return record === held.record ? {} : { record, ...alarmOfWaking(held.record, record) };
  }

  #reported(held: Held): void {
    this.#accept(held);
    this.#downlink.reported(held, this.#counter, this.#received);
  }

  #accept(held: Held): void {
    this.#uplink.counters.notifications.add(1);
    this.#uplink.acknowledge(this.#received.exchange);
    this.#uplink.heard(held);
  }

  /** Acknowledged at its first block, once it is stored that the body is to be read. */
  async #readAgain(held: Held, observation: Observation): Promise<void> {
    try {
      await this.#downlink.readAgain(held, observation);
      this.#accept(held);
    } catch {
      this.refuse('store');
    }
  }

  async #adopt(held: Held): Promise<void> {
    try {
      const { message, exchange } = this.#received;
      if (!(await this.#downlink.adopt(held, this.#counter, this.#received))) return this.#nobodys(held);
      if (message.type === MessageType.CON) this.#uplink.acknowledge(exchange);
      else this.#uplink.abandon(exchange);
    } catch {
      this.refuse('store');
    }
  }

  /** The answer that brings its observation may have been stored since the session was read: it is read once more. */
  #nobodys(held: Held): void {
    if (this.#readTwice) return this.#reject(held);
    this.#readTwice = true;
    this.#downlink.again(this);
  }

  /** A device that reports what nobody asked for may not report what somebody did. */
  #reject(held: Held): void {
    if (reset(this.#uplink, this.#received)) this.#downlink.doubted(held);
  }

  #ignore(): void {
    this.#uplink.counters.refused('notification', 'too-many-unknown');
    this.#uplink.abandon(this.#received.exchange);
  }

  /** No ACK: the device keeps the notification and repeats it. */
  refuse(why: Refusal): void {
    this.#uplink.counters.refused('notification', why);
    this.#uplink.abandon(this.#received.exchange);
    if (this.#received.message.type === MessageType.CON) this.#uplink.refused(this.number, this.#cameMs);
  }
}
