/** Writes Mute Send where a device's settings desire another value than it confirmed. */
import { planRequest } from '@cluster/lwm2m';
import { muteSendAnswered, type MuteSendStep } from '@cluster/session';
import { Code } from '@cluster/coap';
import type { DeviceSteps } from '../device-steps.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { changeSession } from '../session-change.ts';
import { mayLease, type Uplink } from '../uplink/uplink.ts';
import type { Exchanges } from './exchanges.ts';
import { leaseRequest, type Lease } from './lease.ts';
import type { PutOff } from './put-off.ts';

export class MuteRunner {
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
  async run(held: Held, { command, value }: MuteSendStep): Promise<boolean> {
    const planned = planRequest(command, contextOf(held, this.#uplink.model));
    const { generation } = held.record;
    const store = (code: number) =>
      changeSession(this.#steps, held.number, ({ record }) =>
        record.generation === generation ? { record: muteSendAnswered(record, value, code) } : undefined,
      );
    if (!planned.ok) {
      await store(Code.BAD_REQUEST);
      return true;
    }
    let lease: Lease | undefined;
    const leased = await changeSession(this.#steps, held.number, (now) => {
      if (!mayLease(this.#uplink, now.record) || now.record.generation !== generation) return undefined;
      lease = leaseRequest(now, this.#uplink.settings.worker, undefined);
      return { record: lease.record };
    });
    if (leased === undefined || lease === undefined) return false;
    this.#uplink.counters.requests.add(1);
    const { counter, messageId } = lease;
    const ending = await this.#exchanges.run(leased, { counter, messageId, ...planned.plan });
    if (ending.kind === 'given') return false;
    if (ending.kind === 'failed') {
      this.#putOff.unanswered(leased, ending.reason);
      return false;
    }
    leased.heardMs = this.#uplink.clock.storeMs();
    const stored = await store(ending.message.code).then(() => true, () => false);
    ending.stored?.(stored);
    return stored;
  }
}
