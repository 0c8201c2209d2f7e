/** Update and De-register: messages on the location of a registration. OMA Transport 1.1.1 §6.4.3 */
import { Code, contentFormat, uriQuery } from '@cluster/coap';
import { refusal, unavailable } from '@cluster/coap-kit';
import { parseUpdate } from '@cluster/lwm2m';
import {
  answeredBefore, deadlineOf, end, numberOfLocation, sleepLookMs, update, type Arrival, type DeviceNumber, type SessionRecord,
} from '@cluster/session';
import type { Decision, Refusal, Step } from '../device-steps.ts';
import type { Held } from '../held-sessions.ts';
import { arrivalOf, bindAddress, mayMove, type Received, type Uplink } from './uplink.ts';

/** When the sweeper looks whether other observations were made, if its worker dies before. */
const OBSERVATIONS_LOOK_MS = 60_000;

type Operation = 'update' | 'deregister';

/** Update: POST /rd/{locationId}. A location that can't be one of ours is answered at once. */
export function updateStep(uplink: Uplink, received: Received, locationId: string): Step | undefined {
  const number = numberOfLocation(locationId);
  if (number === undefined) return notFound(uplink, received, 'update');
  return new LocationStep(uplink, received, number, locationId, 'update');
}

/** De-register: DELETE /rd/{locationId}. */
export function deregisterStep(uplink: Uplink, received: Received, locationId: string): Step | undefined {
  const number = numberOfLocation(locationId);
  if (number === undefined) return notFound(uplink, received, 'deregister');
  return new LocationStep(uplink, received, number, locationId, 'deregister');
}

function notFound(uplink: Uplink, received: Received, operation: Operation): undefined {
  uplink.counters.refused(operation, 'not-found');
  uplink.respond(received.exchange, { code: Code.NOT_FOUND });
  return undefined;
}

class LocationStep implements Step {
  readonly number: DeviceNumber;
  readonly #uplink: Uplink;
  readonly #received: Received;
  readonly #locationId: string;
  readonly #operation: Operation;

  constructor(uplink: Uplink, received: Received, number: DeviceNumber, locationId: string, operation: Operation) {
    this.#uplink = uplink;
    this.#received = received;
    this.number = number;
    this.#locationId = locationId;
    this.#operation = operation;
  }

  decide(held: Held | undefined, fresh: boolean): Decision | 'reload' {
    const { peer, message } = this.#received;
    const arrival = arrivalOf(this.#uplink, this.#received, held);
    const repeated = held && answeredBefore(held.record, { peer, messageId: message.messageId, nowMs: arrival.nowMs });
    if (held !== undefined && repeated !== undefined && held.record.locationId === this.#locationId) {
      return { done: () => this.#answer(repeated.code, held) };
    }
    const valid = held?.record.state === 'registered' && held.record.locationId === this.#locationId;
    // 4.04 makes a device register anew: the store is asked before.
    if (!valid && !fresh) return 'reload';
    if (!valid || held === undefined || !mayMove(this.#uplink, held, peer)) return { done: () => this.#answer(Code.NOT_FOUND, undefined) };
    return this.#operation === 'update' ? this.#update(held, arrival) : this.#deregister(held, arrival);
  }

  #update(held: Held, arrival: Arrival): Decision {
    const { message } = this.#received;
    const { unknownParameters } = this.#uplink.settings;
    const { registration } = held.record;
    const parsed = parseUpdate(uriQuery(message), message.payload, contentFormat(message), { unknownParameters }, registration);
    if (!parsed.ok) return { done: () => this.#refuseBad(parsed.code, parsed.detail) };
    const updated = update(held.record, parsed.changes, { ...arrival, code: Code.CHANGED });
    const record = parsed.changes.objectLinks === undefined ? updated : this.#uplink.templates.apply(updated);
    return { record, answers: true, ...this.#alarm(held.record, record), done: (now) => this.#answer(Code.CHANGED, now) };
  }

  /**
   * Alarms are lazy: a shorter lifetime, the end of listening that nobody looks for yet, or other observations need one
   * earlier than that which stands.
   */
  #alarm(before: SessionRecord, after: SessionRecord): { alarmMs?: number } {
    const alarmMs = Math.min(
      deadlineOf(after) - after.updatedAtMs < deadlineOf(before) - before.updatedAtMs ? deadlineOf(after) : Infinity,
      sleepLookMs(before) === Infinity ? sleepLookMs(after) : Infinity,
      before.observations === after.observations ? Infinity : after.updatedAtMs + OBSERVATIONS_LOOK_MS,
    );
    return Number.isFinite(alarmMs) ? { alarmMs } : {};
  }

  #deregister(held: Held, arrival: Arrival): Decision {
    const record = end(held.record, 'deregistered', arrival, { ...arrival, code: Code.DELETED });
    return { record, alarmMs: arrival.nowMs, done: (now) => this.#answer(Code.DELETED, now) };
  }

  #answer(code: number, held: Held | undefined): void {
    const { exchange } = this.#received;
    if (code === Code.NOT_FOUND) this.#uplink.counters.refused(this.#operation, 'not-found');
    this.#uplink.respond(exchange, { code });
    if (held === undefined || held.record.state !== 'registered') return;
    this.#uplink.counters.updated.add(1);
    bindAddress(this.#uplink, held);
    this.#uplink.heard(held);
  }

  #refuseBad(code: number, detail: string): void {
    this.#uplink.counters.refused(this.#operation, 'bad-request');
    this.#uplink.respond(this.#received.exchange, refusal(code, detail));
  }

  refuse(why: Refusal): void {
    this.#uplink.counters.refused(this.#operation, why);
    this.#uplink.respond(this.#received.exchange, unavailable(() => this.#uplink.rng.uint32()));
  }
}
