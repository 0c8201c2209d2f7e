/** Carries out one step by which a device's observations come nearer to what should be observed. */
import { Code, contentFormat, observeValue, type CoapMessage } from '@cluster/coap';
import type { EventRecord } from '@cluster/events';
import { parsePath, planRequest, readReport, type Path, type RequestPlan } from '@cluster/lwm2m';
import { changeObservation, observationKey, tokenOf, type ObservationStep } from '@cluster/session';
import type { DeviceSteps } from '../device-steps.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { ChangeRefused, changeSession } from '../session-change.ts';
import { mayLease, type Uplink } from '../uplink/uplink.ts';
import { cameLate } from '../observe-order.ts';
import type { Exchanges } from './exchanges.ts';
import { leaseRequest, type Lease } from './lease.ts';
import { afterStep } from './outcomes.ts';
import type { PutOff } from './put-off.ts';

/** The token's counter of a request, and the registration that it was sent in. */
interface Asked {
  readonly counter: number;
  readonly generation: number;
}

export class ObservationRunner {
  readonly #uplink: Uplink;
  readonly #steps: DeviceSteps;
  readonly #exchanges: Exchanges;
  readonly #putOff: PutOff;

  constructor(deps: { uplink: Uplink; steps: DeviceSteps; exchanges: Exchanges; putOff: PutOff }) {
    this.#uplink = deps.uplink;
    this.#steps = deps.steps;
    this.#exchanges = deps.exchanges;
    this.#putOff = deps.putOff;
  }

  /** False: the device can't be reached now. */
  async run(held: Held, step: ObservationStep): Promise<boolean> {
    const key = observationKey(step.observation);
    const planned = planRequest(step.command, contextOf(held, this.#uplink.model));
    if (!planned.ok) {
      const refused = { state: 'refused' as const, code: Code.BAD_REQUEST };
      await changeSession(this.#steps, held.number, ({ record }) => ({ record: changeObservation(record, key, refused) }));
      return true;
    }
    return this.#exchange(held, step, planned.plan);
  }

  async #exchange(held: Held, step: ObservationStep, plan: RequestPlan): Promise<boolean> {
    const key = observationKey(step.observation);
    let lease: Lease | undefined;
    const leased = await changeSession(this.#steps, held.number, (now) => {
      if (!mayLease(this.#uplink, now.record)) return undefined;
      const reuse = step.action === 'write-attributes' ? undefined : step.observation.counter;
      lease = leaseRequest(now, this.#uplink.settings.worker, reuse);
      // The token stands with the observation before its request leaves: a notification may overtake the answer.
      const counter = step.action === 'observe' ? { counter: lease.counter } : {};
      return { record: changeObservation(lease.record, key, counter) };
    });
    if (leased === undefined || lease === undefined) return false;
    this.#uplink.counters.requests.add(1);
    const { counter, messageId } = lease;
    const { generation } = leased.record;
    const ending = await this.#exchanges.run(leased, { counter, messageId, ...plan });
    if (ending.kind === 'response') {
      leased.heardMs = this.#uplink.clock.storeMs();
      leased.observeResets = 0;
      const told = await this.#answered(leased, step, ending.message, { counter, generation }).catch(() => false);
      ending.stored?.(told);
      return told;
    }
    if (ending.kind === 'given') return false;
    this.#putOff.unanswered(leased, ending.reason);
    return false;
  }

  /** The first value counts as a notification; if no broker takes it, the observation is made again. */
  async #answered(held: Held, step: ObservationStep, message: CoapMessage, asked: Asked): Promise<boolean> {
    const key = observationKey(step.observation);
    try {
      await changeSession(this.#steps, held.number, (now) => {
        // A device that has registered anew meanwhile may have forgotten what it answered.
        if (now.record.generation !== asked.generation) return undefined;
        return {
          record: afterStep(now.record, step, message, asked.counter),
          events: step.action === 'observe' ? this.#firstValue(now, step, message, asked.counter) : [],
        };
      });
      return true;
    } catch (error) {
      if (!(error instanceof ChangeRefused) || error.why !== 'events') throw error;
      await changeSession(this.#steps, held.number, ({ record }) => ({ record: changeObservation(record, key, { state: 'wanted' }) }));
      return false;
    }
  }

  #firstValue(held: Held, step: ObservationStep, message: CoapMessage, counter: number): EventRecord[] {
    const observe = observeValue(message);
    if (message.code >> 5 !== 2 || observe === undefined) return [];
    const nowMs = this.#uplink.clock.storeMs();
    const late = cameLate(held, counter, observe, nowMs) ? { outOfOrder: true } : {};
    const bases = step.observation.paths.map(parsePath).filter((p): p is Path => p !== undefined);
    const format = contentFormat(message);
    const report = readReport(message.payload, format, bases, contextOf(held, this.#uplink.model), nowMs / 1_000);
    const cause = { token: tokenOf(held.number, counter), messageId: message.messageId, observe, payload: message.payload };
    const values = { ...report, ...(format === undefined ? {} : { contentFormat: format }) };
    return [this.#uplink.events.notification(held, cause, nowMs, { paths: [...step.observation.paths], observe, ...late, ...values })];
  }
}
