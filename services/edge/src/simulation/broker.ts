/** A log that all workers publish to, and each worker's publisher: late, overdue, away, full, or cut for good. */
import { EventsUnavailable, readEvent, type ClusterEvent, type EventPublisher, type EventRecord } from '@cluster/events';
import { sleep, type Random } from './random.ts';
import type { Passing } from './store-link.ts';

export interface BrokerWeather {
  /** The brokers are away for everybody. */
  away: boolean;
  maxLatencyMs: number;
  /** How many of 1 publishes are acknowledged only after their timeout. */
  overdue: number;
  /** How many of 1 publishes find the buffer full. */
  full: number;
}

/** What was published, in order. */
export class EventLog {
  readonly events: ClusterEvent[] = [];

  append(records: readonly EventRecord[]): void {
    for (const record of records) {
      const read = readEvent(record);
      if (!read.ok) throw new Error(`unreadable event: ${JSON.stringify(read.fault)}`);
      this.events.push(read.event);
    }
  }
}

interface Job {
  readonly records: readonly EventRecord[];
  readonly latencyMs: number;
  readonly settle: (error?: EventsUnavailable) => void;
}

const TIMEOUT_MS = 2_000;
const POLL_MS = 250;
const never = new Promise<never>(() => {});

/** One request at a time, in order; what is overdue is rejected and goes out all the same. */
export class SimulatedPublisher implements EventPublisher {
  available = true;
  readonly #log: EventLog;
  readonly #passing: Passing;
  readonly #weather: BrokerWeather;
  readonly #random: Random;
  readonly #listeners = new Set<(available: boolean) => void>();
  readonly #queue: Job[] = [];
  #pumping = false;
  #dead = false;
  /** The brokers are away for this worker alone. */
  cut = false;

  constructor(log: EventLog, weather: BrokerWeather, random: Random, passing: Passing = () => {}) {
    this.#passing = passing;
    this.#log = log;
    this.#weather = weather;
    this.#random = random;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The worker is gone: of what it had under way some may still come out. */
  die(): void {
    this.#dead = true;
  }

  async publish(records: readonly EventRecord[]): Promise<void> {
    if (this.#dead) return never;
    if (!this.available) throw new EventsUnavailable('simulated: away');
    if (this.#random.chance(this.#weather.full)) throw new EventsUnavailable('simulated: full');
    if (records.length === 0) return undefined;
    const overdue = this.#random.chance(this.#weather.overdue);
    const latencyMs = overdue ? this.#random.between(TIMEOUT_MS + 1, 4 * TIMEOUT_MS) : this.#random.between(0, this.#weather.maxLatencyMs);
    return this.#enqueue(records, latencyMs);
  }

  async close(): Promise<void> {}

  #enqueue(records: readonly EventRecord[], latencyMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: EventsUnavailable) => {
        clearTimeout(timer);
        if (this.#dead) return;
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer = setTimeout(() => {
        settle(new EventsUnavailable('simulated: overdue'));
        this.#setAvailable(false);
      }, TIMEOUT_MS);
      this.#queue.push({ records, latencyMs, settle });
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await sleep(job.latencyMs);
      while (this.#weather.away || this.cut) await sleep(POLL_MS);
      if (this.#dead && this.#random.chance(0.5)) break;
      if (this.#diesAt('before publish')) break;
      this.#log.append(job.records);
      if (this.#diesAt('after publish')) break;
      if (this.#random.chance(0.5)) await sleep(this.#random.between(0, this.#weather.maxLatencyMs));
      job.settle();
      this.#setAvailable(true);
    }
    this.#pumping = false;
  }

  #diesAt(moment: string): boolean {
    if (this.#dead) return false;
    this.#passing(moment);
    return this.#dead;
  }

  #setAvailable(available: boolean): void {
    if (this.#dead || this.available === available) return;
    this.available = available;
    for (const listener of this.#listeners) listener(available);
  }
}
