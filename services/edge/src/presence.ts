/**
 * Queue mode in the worker: until when each device listens, and the moment when it is told to be asleep. The owner
 * decides, since it alone knows of messages that changed nothing in the store; the sweeper does where the owner is gone.
 */
import type { OutgoingRequest } from '@cluster/coap';
import { fallAsleep, maySleep, type DeviceNumber, type SessionRecord } from '@cluster/session';
import type { WorkerClock } from '@cluster/coap-kit';
import type { DeviceSteps } from './device-steps.ts';
import type { Held } from './held-sessions.ts';
import { changeSession, type Change } from './session-change.ts';

/** How soon an event is told again that no broker took. */
const AGAIN_MS = 5_000;

export type Transmission = Pick<OutgoingRequest, 'ackTimeoutMs' | 'blockSize' | 'maxRetransmit' | 'maxTransmitWaitMs'>;

export class Presence {
  readonly #mayTell: () => boolean;
  readonly #clock: WorkerClock;
  readonly #maxTransmitWaitMs: number;
  /** Devices that are looked at again when their time of listening ends. */
  readonly #watched = new Map<DeviceNumber, NodeJS.Timeout>();
  #steps: DeviceSteps | undefined;

  /** `mayTell`: whether the brokers take events now. */
  constructor(deps: { mayTell: () => boolean; clock: WorkerClock; maxTransmitWaitMs: number }) {
    this.#mayTell = deps.mayTell;
    this.#clock = deps.clock;
    this.#maxTransmitWaitMs = deps.maxTransmitWaitMs;
  }

  /** Gives the steps by which a device is put to sleep; they stamp records themselves, and so come later. */
  attach(steps: DeviceSteps): void {
    this.#steps = steps;
  }

  close(): void {
    for (const timer of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  /** How long a device listens after its message: MAX_TRANSMIT_WAIT, unless its settings say otherwise. */
  windowMs(record: SessionRecord | undefined): number {
    const { maxTransmitWaitS } = record?.profile?.settings ?? {};
    return maxTransmitWaitS === undefined ? this.#maxTransmitWaitMs : maxTransmitWaitS * 1_000;
  }

  /** What the device's settings change of the transmission of requests to it. RFC 7252 §4.8 */
  transmission(record: SessionRecord): Transmission {
    const { ackTimeoutMs, maxRetransmit, maxTransmitWaitS } = record.profile?.settings ?? {};
    if (ackTimeoutMs === undefined && maxRetransmit === undefined && maxTransmitWaitS === undefined) return {};
    return {
      ...(ackTimeoutMs === undefined ? {} : { ackTimeoutMs }),
      ...(maxRetransmit === undefined ? {} : { maxRetransmit }),
      maxTransmitWaitMs: this.windowMs(record),
    };
  }

  /** Until when the device listens, with what only this worker knows. */
  awakeUntilMs({ record, heardMs }: Held): number {
    return Math.max(record.awakeUntilMs, heardMs + this.windowMs(record));
  }

  /** Whether the device takes requests now: not while it waits for an answer of ours, nor while it sleeps. §6.5 */
  listens(held: Held): boolean {
    if (held.answering > 0 || held.record.disabled !== undefined) return false;
    return !held.record.registration.queueMode || this.#clock.storeMs() < this.awakeUntilMs(held);
  }

  /** The sweeper may have told the device asleep without this worker's knowledge: its record is to be read again. */
  mayHaveSlept(held: Held): boolean {
    return maySleep(held.record) && held.record.asleepSinceMs === undefined && this.#clock.storeMs() >= this.awakeUntilMs(held);
  }

  /** A record that is being written takes along when its device was last heard. */
  stamped(record: SessionRecord, held: Held | undefined): SessionRecord {
    if (held === undefined || held.heardMs <= record.heardAtMs) return record;
    return { ...record, heardAtMs: held.heardMs, awakeUntilMs: Math.max(record.awakeUntilMs, this.awakeUntilMs(held)) };
  }

  /** A queue-mode device was heard, or its owner was rung: it is told asleep when its time of listening ends. */
  watch(held: Held): void {
    if (!maySleep(held.record) || this.#watched.has(held.number)) return;
    if (held.record.asleepSinceMs === undefined) this.#lookAt(held.number, this.awakeUntilMs(held));
  }

  watches(number: DeviceNumber): boolean {
    return this.#watched.has(number);
  }

  #lookAt(number: DeviceNumber, atMs: number): void {
    const delayMs = Math.max(0, atMs - this.#clock.storeMs());
    this.#watched.set(number, setTimeout(() => void this.#look(number), delayMs).unref());
  }

  async #look(number: DeviceNumber): Promise<void> {
    const nextMs = this.#mayTell() ? await this.check(number).catch(() => undefined) : undefined;
    if (!this.#watched.delete(number)) return;
    if (nextMs !== Infinity) this.#lookAt(number, nextMs ?? this.#clock.storeMs() + AGAIN_MS);
  }

  /**
   * Tells a device asleep whose time of listening is over, and what no broker took of it before. Returns when to look
   * again; Infinity: not before it is heard. `fresh`: asks the store, where this worker does not own the device.
   * Throws `ChangeRefused`.
   */
  async check(number: DeviceNumber, options: { fresh?: boolean } = {}): Promise<number> {
    if (this.#steps === undefined) return Infinity;
    let nextMs = Infinity;
    const decide = (held: Held): Change | undefined => {
      const { record, version } = held;
      nextMs = Infinity;
      if (record.asleepSinceMs !== undefined) return held.published ? undefined : {};
      if (!maySleep(record)) return undefined;
      const dueMs = this.awakeUntilMs(held);
      if (dueMs <= this.#clock.storeMs()) return { record: fallAsleep(record, { sinceMs: dueMs, sequence: version + 1 }) };
      nextMs = dueMs;
      return undefined;
    };
    await changeSession(this.#steps, number, decide, options);
    return nextMs;
  }
}
