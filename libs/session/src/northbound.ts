/** What callers on the northern side do with one endpoint: read its state, queue commands, set what is observed, drop it. */
import type {
  CommandRequest, CommandStatus, DesiredObservation, EndpointView, ObservationView, RegistrationValue,
} from '@cluster/contracts';
import { formatCode } from '@cluster/coap';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { Buffer } from 'node:buffer';
import { decodeEntry, encodeEntry, entryStatus, finish, isFinished, newEntry, type QueueEntry } from './entry.ts';
import { desire, toObservation } from './observations.ts';
import { FINISHED_ROOM_BYTES } from './queue.ts';
import type { ClusterStore, DeviceNumber, SessionStore, StoredEntry } from './ports.ts';
import { decodeSession, encodeSession, type Observation, type SessionRecord } from './record.ts';
import { deadlineOf, end } from './registration.ts';

export interface NorthboundLimits {
  /** Entries a device may have, finished ones included, and bytes of those that are not. */
  readonly queueEntries: number;
  readonly queueBytes: number;
  readonly observations: number;
}

export type Submission =
  | { readonly outcome: 'accepted' | 'repeated'; readonly status: CommandStatus }
  | { readonly outcome: 'unknown-endpoint' | 'queue-full' }
  | { readonly outcome: 'malformed'; readonly faults: readonly CommandFault[] };

export type Cancellation = 'cancelled' | 'in-flight' | 'finished' | 'unknown';

/** A write that met a newer version every time: the caller may try again. */
export class Contended extends Error {
  readonly code = 'CONTENDED';
}

interface Found {
  readonly number: DeviceNumber;
  readonly version: number;
  readonly entries: number;
  readonly record: SessionRecord;
}

const TRIES = 8;
/** When the sweeper rings again for a change whose doorbell got lost. */
const RING_AGAIN_MS = 10_000;

export class Northbound {
  readonly #sessions: SessionStore;
  readonly #cluster: ClusterStore;
  readonly #limits: NorthboundLimits;
  readonly #newId: () => string;

  constructor(deps: { sessions: SessionStore; cluster: ClusterStore; limits: NorthboundLimits; newId: () => string }) {
    this.#sessions = deps.sessions;
    this.#cluster = deps.cluster;
    this.#limits = deps.limits;
    this.#newId = deps.newId;
  }

  /** The endpoint's state now; undefined if the cluster does not know it. */
  async endpoint(name: string): Promise<EndpointView | undefined> {
    const found = await this.#find(name);
    if (found === undefined) return undefined;
    const { record } = found;
    const open = found.entries === 0 ? 0 : (await this.#entries(found.number)).filter((e) => !isFinished(e)).length;
    return {
      ...registrationValue(record),
      state: record.state,
      generation: record.generation,
      expiresAt: isoOrNever(deadlineOf(record)),
      owner: record.owner,
      queuedCommands: open,
      observations: record.observations.map(observationView),
    };
  }

  /**
   * Queues a command for a registered endpoint and rings its owner. A command whose idempotency key was seen within
   * 24 h is not queued again: its present status is returned. Throws `StoreUnavailable`: not known whether it was stored.
   */
  async submit(endpoint: string, command: CommandRequest): Promise<Submission> {
    const faults = checkCommand(command);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const found = await this.#find(endpoint);
    if (found === undefined || found.record.state !== 'registered') return { outcome: 'unknown-endpoint' };
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const done = await this.#store(found, command);
      if (done !== undefined) return done;
    }
    throw new Contended(`the queue of ${endpoint} changed under every attempt`);
  }

  async #store(found: Found, command: CommandRequest): Promise<Submission | undefined> {
    const nowMs = await this.#sessions.timeMs();
    const id = command.idempotencyKey === undefined ? this.#newId() : idempotentId(command.idempotencyKey);
    const needsQueue = command.idempotencyKey !== undefined || command.supersede !== undefined;
    const stored = needsQueue && found.entries > 0 ? await this.#sessions.loadEntries(found.number) : [];
    const same = stored.find((e) => e.id === id);
    if (same !== undefined) return { outcome: 'repeated', status: entryStatus(decodeEntry(same.record)) };
    const entry = newEntry(command, { id, nowMs });
    // The alarm stands before the entry: a crash in between costs one look, never an entry that nobody looks at.
    await this.#sessions.schedule([{ number: found.number, atMs: nowMs + RING_AGAIN_MS }]);
    const [result] = await this.#sessions.commit([
      {
        number: found.number,
        entries: [{ id, expected: 0, record: encodeEntry(entry) }, ...superseded(stored, command, nowMs)],
        limit: { entries: this.#limits.queueEntries, bytes: this.#limits.queueBytes + FINISHED_ROOM_BYTES },
      },
    ]);
    if (result === 'full') return { outcome: 'queue-full' };
    if (result !== 'committed') return command.idempotencyKey === undefined ? undefined : this.#repeated(found.number, id);
    await this.#ring(found);
    return { outcome: 'accepted', status: entryStatus(entry) };
  }

  async #repeated(number: DeviceNumber, id: string): Promise<Submission | undefined> {
    const stored = (await this.#sessions.loadEntries(number)).find((e) => e.id === id);
    return stored === undefined ? undefined : { outcome: 'repeated', status: entryStatus(decodeEntry(stored.record)) };
  }

  /** The device's commands, newest first; undefined if the endpoint is not known. */
  async commands(endpoint: string): Promise<CommandStatus[] | undefined> {
    const found = await this.#find(endpoint);
    if (found === undefined) return undefined;
    const entries = (await this.#entries(found.number)).filter((e) => !e.report);
    const waits = await this.#waitsFor(found, entries);
    return entries.sort((a, b) => b.acceptedAtMs - a.acceptedAtMs).map((entry) => entryStatus(entry, waits(entry)));
  }

  async command(endpoint: string, id: string): Promise<CommandStatus | undefined> {
    return (await this.commands(endpoint))?.find((status) => status.id === id);
  }

  /** Cancels a command that is still queued. */
  async cancel(endpoint: string, id: string): Promise<Cancellation> {
    const found = await this.#find(endpoint);
    if (found === undefined) return 'unknown';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const stored = (await this.#sessions.loadEntries(found.number)).find((e) => e.id === id);
      if (stored === undefined) return 'unknown';
      const entry = decodeEntry(stored.record);
      if (isFinished(entry)) return 'finished';
      if (entry.state === 'in-flight') return 'in-flight';
      const nowMs = await this.#sessions.timeMs();
      const cancelled = finish(entry, { state: 'cancelled', atMs: nowMs, reason: 'cancelled by a caller' });
      const [result] = await this.#sessions.commit([
        { number: found.number, entries: [{ id, expected: stored.version, record: encodeEntry(cancelled) }] },
      ]);
      if (result === 'committed') {
        await this.#sessions.schedule([{ number: found.number, atMs: nowMs }]);
        await this.#ring(found);
        return 'cancelled';
      }
    }
    throw new Contended(`command ${id} changed under every attempt`);
  }

  /** Drops the registration: the device's next Update gets 4.04 and it registers anew. False if there is none. */
  async drop(endpoint: string): Promise<boolean> {
    const changed = await this.#change(endpoint, (record, nowMs, sequence) =>
      record.state === 'registered' ? end(record, 'removed', { nowMs, sequence }) : undefined,
    );
    return changed !== undefined;
  }

  async observations(endpoint: string): Promise<ObservationView[] | undefined> {
    const found = await this.#find(endpoint);
    return found?.record.observations.map(observationView);
  }

  /** Replaces what should be observed at the endpoint; the owner reconciles. */
  async setObservations(
    endpoint: string,
    list: readonly DesiredObservation[],
  ): Promise<{ outcome: 'set'; observations: ObservationView[] } | { outcome: 'unknown-endpoint' } | { outcome: 'malformed'; faults: CommandFault[] }> {
    const faults = this.#checkObservations(list);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const wanted = list.map(toObservation);
    const changed = await this.#change(endpoint, (record) => (record.state === 'registered' ? desire(record, wanted) : undefined));
    if (changed === undefined) return { outcome: 'unknown-endpoint' };
    return { outcome: 'set', observations: changed.observations.map(observationView) };
  }

  #checkObservations(list: readonly DesiredObservation[]): CommandFault[] {
    if (list.length > this.#limits.observations) return [{ path: '', message: `at most ${this.#limits.observations} observations` }];
    return list.flatMap((desired, i) => {
      const { attributes, ...observe } = desired;
      const op = desired.paths === undefined ? 'observe' : 'observe-composite';
      const faults = checkCommand({ op, ...observe });
      if (attributes !== undefined && desired.path !== undefined) {
        faults.push(...checkCommand({ op: 'write-attributes', path: desired.path, attributes }));
      }
      return faults.map(({ path, message }) => ({ path: `${i}.${path}`, message }));
    });
  }

  async #change(
    endpoint: string,
    change: (record: SessionRecord, nowMs: number, sequence: number) => SessionRecord | undefined,
  ): Promise<SessionRecord | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await this.#find(endpoint);
      if (found === undefined) return undefined;
      const nowMs = await this.#sessions.timeMs();
      const next = change(found.record, nowMs, found.version + 1);
      if (next === undefined) return undefined;
      await this.#sessions.schedule([{ number: found.number, atMs: nowMs + RING_AGAIN_MS }]);
      const session = { expected: found.version, record: encodeSession(next) };
      const [result] = await this.#sessions.commit([{ number: found.number, session }]);
      if (result !== 'committed') continue;
      await this.#ring(found);
      return next;
    }
    throw new Contended(`the session of ${endpoint} changed under every attempt`);
  }

  async #find(endpoint: string): Promise<Found | undefined> {
    const [number] = await this.#sessions.resolve([endpoint]);
    if (number === undefined) return undefined;
    const [stored] = await this.#sessions.load([number]);
    if (stored === undefined) return undefined;
    const record = decodeSession(stored.record);
    return record.endpoint === endpoint ? { number, version: stored.version, entries: stored.entries, record } : undefined;
  }

  async #entries(number: DeviceNumber): Promise<QueueEntry[]> {
    return (await this.#sessions.loadEntries(number)).map((e) => decodeEntry(e.record));
  }

  /** A doorbell that is lost is rung again by the sweeper: its failure is no failure of the caller's. */
  async #ring(found: Found): Promise<void> {
    await this.#cluster.ring([{ worker: found.record.owner, number: found.number }]).catch(() => undefined);
  }

  async #waitsFor(found: Found, entries: readonly QueueEntry[]): Promise<(entry: QueueEntry) => string | undefined> {
    if (!entries.some((e) => e.state === 'queued')) return () => undefined;
    const [alive] = await this.#cluster.alive([found.record.owner]);
    const asleep = found.record.registration.queueMode && (await this.#sessions.timeMs()) >= found.record.awakeUntilMs;
    const busy = entries.some((e) => e.state === 'in-flight');
    return (entry) => {
      if (entry.state !== 'queued') return undefined;
      if (alive !== true || asleep || entry.notBeforeMs > 0) return 'device-message';
      return busy ? 'earlier-command' : 'worker';
    };
  }
}

function idempotentId(key: string): string {
  return `k.${Buffer.from(key, 'utf8').toString('base64url')}`;
}

function superseded(stored: readonly StoredEntry[], command: CommandRequest, nowMs: number) {
  if (command.supersede === undefined) return [];
  return stored.flatMap((e) => {
    const entry = decodeEntry(e.record);
    if (entry.state !== 'queued' || entry.command.supersede !== command.supersede) return [];
    const over = finish(entry, { state: 'cancelled', atMs: nowMs, reason: 'superseded by a newer command' });
    return [{ id: e.id, expected: e.version, record: encodeEntry(over) }];
  });
}

function observationView(o: Observation): ObservationView {
  return {
    ...(o.composite ? { paths: [...o.paths] } : { path: o.paths[0] ?? '/' }),
    ...(o.accept === undefined ? {} : { accept: o.accept }),
    ...(o.attributes === undefined ? {} : { attributes: o.attributes }),
    state: o.state,
    ...(o.code === undefined ? {} : { code: formatCode(o.code) }),
  };
}

function isoOrNever(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString() : 'never';
}

/** The registration as events and REST show it. */
export function registrationValue(record: SessionRecord): RegistrationValue {
  const r = record.registration;
  return {
    endpoint: record.endpoint,
    registrationId: record.locationId,
    registeredAt: new Date(record.registeredAtMs).toISOString(),
    updatedAt: new Date(record.updatedAtMs).toISOString(),
    lifetimeS: r.lifetimeS,
    lwm2mVersion: r.lwm2mVersion,
    binding: r.binding,
    queueMode: r.queueMode,
    ...(r.smsNumber === undefined ? {} : { smsNumber: r.smsNumber }),
    address: record.peer,
    rootPath: r.rootPath,
    objectLinks: r.objectLinks.map((link) => ({ ...link })),
    contentFormats: [...r.contentFormats],
    attributes: { ...r.attributes },
  };
}
