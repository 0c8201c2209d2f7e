/**
 * Devices whose notifications no broker took. When the brokers are back, a device that was refused for so long that it
 * may have given up has its observations made again, and the gap is told.
 */
import { topics } from '@cluster/contracts';
import { takes, type EventPublisher } from '@cluster/events';
import { renewAll, type ClusterStore, type DeviceNumber, type Outage, type SessionRecord } from '@cluster/session';
import type { WorkerClock } from '@cluster/coap-kit';
import { LRUCache } from 'lru-cache';
import type { DeviceSteps } from './device-steps.ts';
import type { DomainEvents } from './domain-events.ts';
import type { Held } from './held-sessions.ts';
import { changeSession } from './session-change.ts';

/**
 * A device may have sent a refused notification for the last time: its last retransmission leaves ACK_TIMEOUT × 15 after
 * the first sending at the soonest, 30 s; the rest is for the way here. RFC 7252 §4.2
 */
const LAST_REPEAT_MS = 28_000;
/** When a mark that nothing else has cleared is looked at: the device is heard by another worker, or given up. */
const LOOK_MS = 90_000;
/** How long a list of outages serves, and how far back it goes: a device that is heard less often than that renews by itself. */
const OUTAGES_EVERY_MS = 5_000;
const OUTAGES_OF_MS = 86_400_000;
/** For so long a device repeats a notification that nobody acknowledges: MAX_TRANSMIT_WAIT. RFC 7252 §4.8.2 */
const REPEATED_MS = 93_000;
/** Tokens can be forged, so a flood of them must not fill the memory while the store is away. */
const MAX_MARKED = 100_000;
const MAX_CLEARED = 20_000;

export class Refusals {
  readonly #steps: DeviceSteps;
  readonly #publisher: EventPublisher;
  readonly #clock: WorkerClock;
  readonly #events: DomainEvents;
  readonly #wake: (number: DeviceNumber) => void;
  readonly #cluster: Pick<ClusterStore, 'outages'>;
  #outages: { readonly askedMs: number; readonly list: Promise<readonly Outage[]> } | undefined;
  readonly #since = new Map<DeviceNumber, number>();
  readonly #recovering = new Set<DeviceNumber>();
  /** Since when devices were refused whose marks were cleared: what they repeat may be refused once more, for the last time. */
  readonly #cleared = new LRUCache<DeviceNumber, number>({ max: MAX_CLEARED });

  constructor(deps: {
    steps: DeviceSteps;
    publisher: EventPublisher;
    clock: WorkerClock;
    events: DomainEvents;
    wake: (number: DeviceNumber) => void;
    cluster: Pick<ClusterStore, 'outages'>;
  }) {
    this.#steps = deps.steps;
    this.#publisher = deps.publisher;
    this.#clock = deps.clock;
    this.#events = deps.events;
    this.#wake = deps.wake;
    this.#cluster = deps.cluster;
  }

  get size(): number {
    return this.#since.size;
  }

  /** A notification that came at `cameMs` was refused. The mark is stored with the session, so that it outlives this worker. */
  mark(number: DeviceNumber, cameMs: number): void {
    if (this.#since.has(number) || this.#since.size >= MAX_MARKED) return;
    const beforeMs = this.#cleared.get(number) ?? -Infinity;
    const sinceMs = cameMs - beforeMs < REPEATED_MS ? beforeMs : cameMs;
    this.#since.set(number, sinceMs);
    this.#lookLater(number);
    // With the brokers away its own event is refused too, which the mark does not need.
    changeSession(this.#steps, number, ({ record }) =>
      record.refusedSinceMs === undefined ? { record: { ...record, refusedSinceMs: sinceMs } } : undefined,
    ).catch(() => undefined);
  }

  /** The device was heard and answered, so its notifications are taken again; the mark may be of a worker before this one. */
  heard({ number, record }: Held): void {
    const sinceMs = this.#since.get(number) ?? record.refusedSinceMs;
    if (sinceMs === undefined) return;
    this.#since.set(number, sinceMs);
    if (takes(this.#publisher, topics.notifications)) void this.#recover(number);
  }

  /**
   * A device was taken over. Where the store was away while its worker refused, that could not leave a mark, and may have
   * died with what it knew: a device that was not heard since an outage is taken for one that was refused all its time.
   */
  taken(number: DeviceNumber, { state, observations, heardAtMs }: SessionRecord): void {
    if (state !== 'registered' || !observations.some((o) => o.state === 'active')) return;
    const since = async () => {
      const outage = (await this.#recentOutages()).find(({ fromMs, toMs }) => toMs - Math.max(fromMs, heardAtMs) > LAST_REPEAT_MS);
      if (outage === undefined || this.#since.has(number) || this.#since.size >= MAX_MARKED) return;
      this.#since.set(number, Math.max(outage.fromMs, heardAtMs));
      this.#lookLater(number);
      if (takes(this.#publisher, topics.notifications)) await this.#recover(number);
    };
    since().catch(() => undefined);
  }

  /** Asked for once for many devices that come at the same time. */
  #recentOutages(): Promise<readonly Outage[]> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#outages === undefined || nowMs - this.#outages.askedMs > OUTAGES_EVERY_MS) {
      const list = this.#cluster.outages(this.#clock.storeMs() - OUTAGES_OF_MS);
      list.catch(() => (this.#outages = undefined));
      this.#outages = { askedMs: nowMs, list };
    }
    return this.#outages.list;
  }

  /** The brokers are back. */
  async recovered(): Promise<void> {
    for (const number of [...this.#since.keys()]) await this.#recover(number);
  }

  async #recover(number: DeviceNumber): Promise<void> {
    if (this.#recovering.has(number)) return;
    this.#recovering.add(number);
    const toMs = this.#clock.storeMs();
    try {
      await changeSession(this.#steps, number, (held) => {
        const { record } = held;
        const sinceMs = record.refusedSinceMs ?? this.#since.get(number);
        if (sinceMs === undefined) return undefined;
        const { refusedSinceMs: _, ...cleared } = record;
        if (toMs - sinceMs <= LAST_REPEAT_MS) {
          this.#cleared.set(number, sinceMs);
          return { record: cleared };
        }
        this.#cleared.delete(number);
        return { record: renewAll(cleared), events: [this.#events.gap(number, held.version, record, sinceMs, toMs)] };
      });
      this.#since.delete(number);
      this.#wake(number);
    } catch {
      // Refused again: the mark stays, and the next recovery tries again.
    } finally {
      this.#recovering.delete(number);
    }
  }

  /** The end of an outage is told only by the brokers; a passing fault of the store, or one refusal, ends unsaid. */
  #lookLater(number: DeviceNumber): void {
    const look = async () => {
      if (takes(this.#publisher, topics.notifications)) await this.#recover(number);
      if (this.#since.has(number)) this.#lookLater(number);
    };
    setTimeout(() => void look(), LOOK_MS).unref();
  }
}
