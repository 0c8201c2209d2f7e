/** Writes Mute Send where a device's settings desire another value than it confirmed. */
import { Code, type CoapMessage } from '@cluster/coap';
import { planRequest, readResponse, type RequestPlan } from '@cluster/lwm2m';
import { muteSendAnswered, serverFound, type MuteSendStep, type SessionRecord } from '@cluster/session';
import type { DeviceSteps } from '../device-steps.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { changeSession } from '../session-change.ts';
import { mayLease, type Uplink } from '../uplink/uplink.ts';
import type { Exchanges } from './exchanges.ts';
import { leaseRequest, type Lease } from './lease.ts';
import type { PutOff } from './put-off.ts';

export interface MuteRunnerDeps {
  readonly uplink: Uplink;
  readonly steps: DeviceSteps;
  readonly exchanges: Exchanges;
  readonly putOff: PutOff;
  readonly shortServerId: number | undefined;
}

export class MuteRunner {
  readonly #deps: MuteRunnerDeps;

  constructor(deps: MuteRunnerDeps) {
    this.#deps = deps;
  }

  /** False: the device can't be reached now. */
  async run(held: Held, step: MuteSendStep): Promise<boolean> {
    const planned = planRequest(step.command, contextOf(held, this.#deps.uplink.model));
    if (planned.ok) return this.#exchange(held, step, planned.plan);
    await changeSession(this.#deps.steps, held.number, ({ record }) => ({ record: muteSendAnswered(record, step.value, Code.BAD_REQUEST) }));
    return true;
  }

  async #exchange(held: Held, step: MuteSendStep, plan: RequestPlan): Promise<boolean> {
    const { uplink, steps, exchanges, putOff } = this.#deps;
    const { generation } = held.record;
    let lease: Lease | undefined;
    const leased = await changeSession(steps, held.number, (now) => {
      if (!mayLease(uplink, now.record) || now.record.generation !== generation) return undefined;
      lease = leaseRequest(now, uplink.settings.worker, undefined);
      return { record: lease.record };
    });
    if (leased === undefined || lease === undefined) return false;
    uplink.counters.requests.add(1);
    const { counter, messageId } = lease;
    const ending = await exchanges.run(leased, { counter, messageId, ...plan });
    if (ending.kind === 'given') return false;
    if (ending.kind === 'failed') {
      putOff.unanswered(leased, ending.reason);
      return false;
    }
    leased.heardMs = uplink.clock.storeMs();
    const stored = await changeSession(steps, held.number, (now) =>
      now.record.generation === generation ? { record: this.#answered(now, step, ending.message) } : undefined,
    ).then(() => true, () => false);
    ending.stored?.(stored);
    return stored;
  }

  #answered(held: Held, step: MuteSendStep, message: CoapMessage): SessionRecord {
    const { uplink, shortServerId } = this.#deps;
    if (step.action === 'mute-send') return muteSendAnswered(held.record, step.value, message.code);
    const { values = [] } = readResponse(step.command, message, contextOf(held, uplink.model), uplink.clock.storeMs() / 1_000);
    return serverFound(held.record, values, shortServerId);
  }
}
