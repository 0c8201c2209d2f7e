/** One process's connection to the shared store: late, broken before or after a step took effect, away, or cut for good. */
import { StoreUnavailable, type DeviceWrite } from '@cluster/session';
import type { MemoryStore } from './memory-store.ts';
import { sleep, type Random } from './random.ts';

/** What may go wrong between a process and the store. */
export interface StoreWeather {
  /** The store is away for everybody. */
  away: boolean;
  maxLatencyMs: number;
  /** How many of 1 calls fail before, and after, they took effect. */
  failure: number;
  /** How many of 1 doorbells are lost. */
  lostRings: number;
}

/** How long a call to a store that is away takes to be given up. */
const GIVEN_UP_MS = 1_500;
const never = new Promise<never>(() => {});

/** Told of each moment between two steps of a process, by name: a walk through them kills it right there. */
export type Passing = (moment: string) => void;

export class StoreLink {
  readonly store: MemoryStore;
  readonly #weather: StoreWeather;
  readonly #random: Random;
  readonly #passing: Passing;
  readonly #listeners = new Set<(available: boolean) => void>();
  #dead = false;
  #cut = false;

  constructor(store: MemoryStore, weather: StoreWeather, random: Random, passing: Passing = () => {}) {
    this.#weather = weather;
    this.#random = random;
    this.#passing = passing;
    this.store = new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const half = name === 'commit' ? (writes: readonly DeviceWrite[]) => this.#alarmsAlone(target, writes) : undefined;
        return (...parameters: unknown[]) =>
          this.#call(String(name), () => member.apply(target, this.#heard(name, parameters)), () => half?.(parameters[0] as never));
      },
    });
  }

  get available(): boolean {
    return !this.#cut && !this.#weather.away;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The process is gone: what it asked for may still happen, but it never hears of it. */
  die(): void {
    this.#dead = true;
  }

  /** Cuts this process alone off, or joins it again. */
  cut(off: boolean): void {
    this.#cut = off;
    this.changed();
  }

  /** The store went away, or is back. */
  changed(): void {
    if (!this.#dead) for (const listener of this.#listeners) listener(this.available);
  }

  /** A commit that fails may have set its alarms already. */
  #alarmsAlone(store: MemoryStore, writes: readonly DeviceWrite[]): void {
    const alarms = writes.flatMap(({ number, alarmMs }) => (alarmMs === undefined ? [] : [{ number, atMs: alarmMs }]));
    if (this.#random.chance(0.5)) void store.schedule(alarms);
  }

  async #call<T>(name: string, work: () => Promise<T>, half: () => void): Promise<T> {
    if (this.#dead) return never;
    const fails = this.#random.chance(this.#weather.failure);
    const after = this.#random.chance(0.5);
    await sleep(this.#random.between(0, this.#weather.maxLatencyMs));
    if (this.#dead && this.#random.chance(0.5)) return never;
    if (!this.available) {
      await sleep(GIVEN_UP_MS);
      return this.#dead ? never : this.#fail('away');
    }
    if (fails && !after) {
      half();
      return this.#fail('before');
    }
    if (this.#diesAt(`before ${name}`)) return never;
    const result = await work();
    if (this.#diesAt(`after ${name}`)) return never;
    if (this.#random.chance(0.3)) await sleep(this.#random.between(0, this.#weather.maxLatencyMs));
    if (this.#dead) return never;
    return fails ? this.#fail('after') : result;
  }

  /** Whether the process, alive until now, was killed at this moment. */
  #diesAt(moment: string): boolean {
    if (this.#dead) return false;
    this.#passing(moment);
    return this.#dead;
  }

  #fail(when: string): never {
    throw new StoreUnavailable(`simulated: ${when}`);
  }

  /** A doorbell may get lost on its way. */
  #heard(name: string | symbol, parameters: unknown[]): unknown[] {
    if (name !== 'onRing') return parameters;
    const [worker, listener] = parameters as [string, (number: string, queueOnly: boolean) => void];
    const heard = (number: string, queueOnly: boolean) => {
      if (!this.#dead && this.available && !this.#random.chance(this.#weather.lostRings)) listener(number, queueOnly);
    };
    return [worker, heard];
  }
}
