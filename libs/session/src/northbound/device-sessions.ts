/**
 * Sessions as callers on the northern side find and change them by endpoint name. A change is a compare-and-set, tried
 * again where the device changed meanwhile, and rings the owner of the device's path.
 */
import { Contended, TRIES } from '../commands.ts';
import { RING_AGAIN_MS } from '../entry.ts';
import { findEndpoint, isRetired, type Found } from '../find.ts';
import { newDeviceNumber, type Rng } from '../identifiers.ts';
import type { ClusterStore, DeviceNumber, SessionStore } from '../ports.ts';
import { decodeSession, encodeSession, type SessionRecord } from '../record.ts';
import { provision } from '../registration.ts';

/** The record as it shall be, or undefined where nothing is to change. `sequence` is the version that it gets. */
export type SessionChange = (record: SessionRecord, nowMs: number, sequence: number, number: DeviceNumber) => SessionRecord | undefined;

export class DeviceSessions {
  readonly store: SessionStore;
  readonly cluster: ClusterStore;
  readonly #rng: Rng;

  constructor(deps: { sessions: SessionStore; cluster: ClusterStore; rng: Rng }) {
    this.store = deps.sessions;
    this.cluster = deps.cluster;
    this.#rng = deps.rng;
  }

  find(endpoint: string): Promise<Found | undefined> {
    return findEndpoint(this.store, endpoint);
  }

  /** In the order of the names; two round trips for all of them. */
  async findMany(endpoints: readonly string[]): Promise<(Found | undefined)[]> {
    const numbers = await this.store.resolve(endpoints);
    const known = numbers.filter((number) => number !== undefined);
    const stored = known.length === 0 ? [] : await this.store.load(known);
    let next = 0;
    return numbers.map((number, i) => {
      const session = number === undefined ? undefined : stored[next++];
      if (number === undefined || session === undefined) return undefined;
      const record = decodeSession(session.record);
      return record.endpoint === endpoints[i] ? { number, version: session.version, entries: session.entries, record } : undefined;
    });
  }

  /** Changes a session that exists. Undefined: there is none, or `change` wanted nothing. @throws {Contended} */
  change(endpoint: string, change: SessionChange): Promise<SessionRecord | undefined> {
    return this.#change(endpoint, (name) => this.find(name), change);
  }

  /** Changes a session; an endpoint that is not there is prepared for its first Register. @throws {Contended} */
  provide(endpoint: string, change: SessionChange): Promise<SessionRecord | undefined> {
    return this.#change(endpoint, (name) => this.findOrProvision(name), change);
  }

  /**
   * The endpoint's session, or a new one in state `provisioned` (version 0) under a number that is claimed for it. A
   * number whose registration ended is not used again, unless something waits or is kept there for the endpoint.
   */
  async findOrProvision(endpoint: string): Promise<Found> {
    const [held] = await this.store.resolve([endpoint]);
    const [stored] = held === undefined ? [] : await this.store.load([held]);
    const record = stored && decodeSession(stored.record);
    const retired = record !== undefined && (record.endpoint !== endpoint || isRetired(record, stored?.entries ?? 0));
    if (held !== undefined && record !== undefined && stored !== undefined && !retired) {
      return { number: held, version: stored.version, entries: stored.entries, record };
    }
    const nowMs = await this.store.timeMs();
    const number = held !== undefined && !retired ? held : await this.#claim(endpoint, held);
    return { number, version: 0, entries: 0, record: provision(endpoint, nowMs) };
  }

  async #claim(endpoint: string, replaces: DeviceNumber | undefined): Promise<DeviceNumber> {
    const proposal = newDeviceNumber(this.#rng);
    const [number] = await this.store.claim([{ endpoint, proposal, ...(replaces === undefined ? {} : { replaces }) }]);
    return number ?? proposal;
  }

  async #change(
    endpoint: string,
    find: (endpoint: string) => Promise<Found | undefined>,
    change: SessionChange,
  ): Promise<SessionRecord | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await find(endpoint);
      if (found === undefined) return undefined;
      const nowMs = await this.store.timeMs();
      const next = change(found.record, nowMs, found.version + 1, found.number);
      if (next === undefined) return undefined;
      const session = { expected: found.version, record: encodeSession(next) };
      const [result] = await this.store.commit([{ number: found.number, session, alarmMs: lookAtMs(found, nowMs) }]);
      if (result !== 'committed') continue;
      await this.ring(found);
      return next;
    }
    throw new Contended(`the session of ${endpoint} changed under every attempt`);
  }

  /** A doorbell that is lost is rung again by the sweeper: its failure is no failure of the caller's. */
  async ring({ number, record }: Found): Promise<void> {
    if (record.owner === '') return;
    await this.cluster.ring([{ worker: record.owner, number }]).catch(() => undefined);
  }
}

/** When the sweeper looks at the device: soon where no worker owns its path, else for the case that the doorbell got lost. */
function lookAtMs({ record }: Found, nowMs: number): number {
  return record.state === 'registered' ? nowMs + RING_AGAIN_MS : nowMs;
}
