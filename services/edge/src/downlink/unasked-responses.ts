/**
 * What responses may belong to that answer no request of this worker's engine: exchanges of a worker that is gone,
 * observations that nobody knows, bodies that have to be read again.
 */
import { decodeStored, encodeEntry, newEntry, nextDesiredStep, renewAll, takeOver, type DeviceNumber, type Observation, type SessionStore } from '@cluster/session';
import type { DeviceSteps, Step } from '../device-steps.ts';
import type { Held } from '../held-sessions.ts';
import { ChangeRefused, changeSession } from '../session-change.ts';
import type { DownlinkSide } from '../uplink/notification.ts';
import { alarmOfWaking, arrivalOf, movesOrWakes, type Received, type Uplink } from '../uplink/uplink.ts';
import type { CommandRunner } from './command-runner.ts';
import { LOOK_MS } from './dispatcher.ts';
import type { Exchanges } from './exchanges.ts';

/** A device that goes on to report what nobody asked for has its observations made again this often at most. */
const DOUBT_EVERY_MS = 300_000;

export interface UnaskedDeps {
  readonly uplink: Uplink;
  readonly steps: DeviceSteps;
  readonly sessions: SessionStore;
  readonly exchanges: Exchanges;
  readonly commands: CommandRunner;
  readonly newId: () => string;
  /** Something waits for the device. */
  readonly wake: (number: DeviceNumber) => void;
}

export class UnaskedResponses implements DownlinkSide {
  readonly #deps: UnaskedDeps;

  constructor(deps: UnaskedDeps) {
    this.#deps = deps;
  }

  reported(held: Held, counter: number, { message }: Received): void {
    void this.#deps.exchanges.complete(held, counter, message);
  }

  async adopt(held: Held, counter: number, received: Received): Promise<boolean> {
    // What nobody wants any more is not acknowledged, since it would not be told: RST ends it at the device.
    const dropped = held.record.cancellations.some((o) => o.counter === counter);
    const completed = this.#deps.exchanges.complete(held, counter, received.message);
    if (completed !== false) {
      if (!(await completed)) throw new ChangeRefused('store');
      return !dropped;
    }
    const stored = await this.#deps.sessions.loadEntries(held.number);
    const waiting = stored.map(decodeStored).find(({ entry }) => entry.state === 'in-flight' && entry.exchange?.counter === counter);
    if (waiting === undefined) return false;
    await this.#takePath(held, received);
    await this.#deps.commands.complete(held, waiting, { kind: 'response', message: received.message, rttMs: 0 });
    return true;
  }

  /** The device's messages come here now: the worker that sent the request must not repeat what was answered. */
  async #takePath({ number }: Held, received: Received): Promise<void> {
    const { uplink, steps } = this.#deps;
    await changeSession(steps, number, (held) => {
      if (!movesOrWakes(uplink, received, held.record)) return undefined;
      const record = takeOver(held.record, arrivalOf(uplink, received, held));
      return { record, ...alarmOfWaking(held.record, record) };
    });
  }

  doubted(held: Held): void {
    const nowMs = this.#deps.uplink.clock.storeMs();
    if (nowMs - held.doubtedMs < DOUBT_EVERY_MS) return;
    held.doubtedMs = nowMs;
    changeSession(this.#deps.steps, held.number, ({ record }) => {
      const renewed = renewAll(record);
      return nextDesiredStep(renewed) === undefined ? undefined : { record: renewed, alarmMs: nowMs + LOOK_MS };
    })
      .then((changed) => changed && this.#deps.wake(changed.number))
      .catch(() => (held.doubtedMs = -Infinity));
  }

  again(step: Step): void {
    this.#deps.steps.run([step]);
  }

  async readAgain(held: Held, observation: Observation): Promise<void> {
    const accept = observation.accept === undefined ? {} : { accept: observation.accept };
    const [path] = observation.paths;
    const command = observation.composite
      ? { op: 'read-composite' as const, paths: [...observation.paths], ...accept, priority: 9 }
      : { op: 'read' as const, path: path ?? '/', ...accept, priority: 9 };
    const nowMs = this.#deps.uplink.clock.storeMs();
    const entry = newEntry(command, { id: this.#deps.newId(), nowMs, report: true });
    const entries = [{ id: entry.id, expected: 0, record: encodeEntry(entry) }];
    await this.#deps.sessions.commit([{ number: held.number, entries, alarmMs: nowMs + 60_000 }]);
    held.entries += 1;
  }
}
