/**
 * Devices whose notifications no broker took. When the brokers are back, a device that was refused for so long that it
 * may have given up has its observations made again, and the gap is told.
 */
import type { EventPublisher } from '@cluster/events';
import { renewAll, type DeviceNumber, type SessionRecord } from '@cluster/session';
import type { WorkerClock } from './clock.ts';
import type { DeviceSteps } from './device-steps.ts';
import type { DomainEvents } from './domain-events.ts';
import type { Held } from './held-sessions.ts';
import { changeSession } from './session-change.ts';

/** A CON notification is repeated for that long. RFC 7252 §4.8.2 */
const MAX_TRANSMIT_SPAN_MS = 45_000;

export class Refusals {
  readonly #steps: DeviceSteps;
  readonly #publisher: EventPublisher;
  readonly #clock: WorkerClock;
  readonly #events: DomainEvents;
  readonly #wake: (number: DeviceNumber) => void;
  readonly #since = new Map<DeviceNumber, number>();

  constructor(deps: {
    steps: DeviceSteps;
    publisher: EventPublisher;
    clock: WorkerClock;
    events: DomainEvents;
    wake: (number: DeviceNumber) => void;
  }) {
    this.#steps = deps.steps;
    this.#publisher = deps.publisher;
    this.#clock = deps.clock;
    this.#events = deps.events;
    this.#wake = deps.wake;
  }

  get size(): number {
    return this.#since.size;
  }

  /** A notification was refused. The mark is stored with the session, so that it outlives this worker. */
  mark(held: Held): void {
    if (this.#since.has(held.number)) return;
    const sinceMs = held.record.refusedSinceMs ?? this.#clock.storeMs();
    this.#since.set(held.number, sinceMs);
    if (held.record.refusedSinceMs !== undefined) return;
    // With the brokers away its own event is refused too, which the mark does not need.
    this.#change(held.number, (record) => ({ ...record, refusedSinceMs: record.refusedSinceMs ?? sinceMs }));
  }

  /** A session that carries the mark of a worker before this one. */
  inherit(held: Held): void {
    if (held.record.refusedSinceMs === undefined || this.#since.has(held.number)) return;
    this.#since.set(held.number, held.record.refusedSinceMs);
    if (this.#publisher.available) void this.#recover(held.number);
  }

  /** The brokers are back. */
  async recovered(): Promise<void> {
    for (const number of [...this.#since.keys()]) await this.#recover(number);
  }

  async #recover(number: DeviceNumber): Promise<void> {
    const toMs = this.#clock.storeMs();
    try {
      await changeSession(this.#steps, number, (held) => {
        const { record } = held;
        const sinceMs = record.refusedSinceMs ?? this.#since.get(number);
        if (sinceMs === undefined) return undefined;
        const { refusedSinceMs: _, ...cleared } = record;
        if (toMs - sinceMs <= MAX_TRANSMIT_SPAN_MS) return { record: cleared };
        return { record: renewAll(cleared), events: [this.#events.gap(number, held.version, record, sinceMs, toMs)] };
      });
      this.#since.delete(number);
      this.#wake(number);
    } catch {
      // Refused again: the mark stays, and the next recovery tries again.
    }
  }

  #change(number: DeviceNumber, change: (record: SessionRecord) => SessionRecord): void {
    changeSession(this.#steps, number, (held) => ({ record: change(held.record) })).catch(() => undefined);
  }
}
