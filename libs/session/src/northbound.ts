/** What callers on the northern side do with one endpoint: read its state, queue commands, set what is observed, drop it. */
import type {
  CommandRequest, CommandStatus, DesiredObservation, EndpointView, ObservationView, RegistrationValue,
} from '@cluster/contracts';
import { formatCode } from '@cluster/coap';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { Commands, Contended, RING_AGAIN_MS, TRIES, type Cancellation, type QueueLimits, type Submission } from './commands.ts';
import type { Origin } from './entry.ts';
import { findEndpoint, type Found } from './find.ts';
import { desire, toObservation } from './observations.ts';
import type { ClusterStore, SessionStore } from './ports.ts';
import { encodeSession, type Observation, type SessionRecord } from './record.ts';
import { deadlineOf, end } from './registration.ts';

export interface NorthboundLimits extends QueueLimits {
  readonly observations: number;
}

export class Northbound {
  readonly #sessions: SessionStore;
  readonly #cluster: ClusterStore;
  readonly #limits: NorthboundLimits;
  readonly #commands: Commands;

  constructor(deps: { sessions: SessionStore; cluster: ClusterStore; limits: NorthboundLimits; newId: () => string }) {
    this.#sessions = deps.sessions;
    this.#cluster = deps.cluster;
    this.#limits = deps.limits;
    this.#commands = new Commands(deps);
  }

  /** The endpoint's state now; undefined if the cluster does not know it. */
  async endpoint(name: string): Promise<EndpointView | undefined> {
    const found = await findEndpoint(this.#sessions, name);
    if (found === undefined) return undefined;
    const { record } = found;
    const open = found.entries === 0 ? 0 : await this.#commands.open(found.number);
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

  /** See {@link Commands.submit}. */
  submit(endpoint: string, command: CommandRequest, origin?: Origin): Promise<Submission> {
    return this.#commands.submit(endpoint, command, origin);
  }

  /** The device's commands, newest first; undefined if the endpoint is not known. */
  commands(endpoint: string): Promise<CommandStatus[] | undefined> {
    return this.#commands.list(endpoint);
  }

  async command(endpoint: string, id: string): Promise<CommandStatus | undefined> {
    return (await this.commands(endpoint))?.find((status) => status.id === id);
  }

  /** Cancels a command that is still queued. */
  cancel(endpoint: string, id: string): Promise<Cancellation> {
    return this.#commands.cancel(endpoint, id);
  }

  /** Drops the registration: the device's next Update gets 4.04 and it registers anew. False if there is none. */
  async drop(endpoint: string): Promise<boolean> {
    const changed = await this.#change(endpoint, (record, nowMs, sequence) =>
      record.state === 'registered' ? end(record, 'removed', { nowMs, sequence }) : undefined,
    );
    return changed !== undefined;
  }

  async observations(endpoint: string): Promise<ObservationView[] | undefined> {
    const found = await findEndpoint(this.#sessions, endpoint);
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
      const found = await findEndpoint(this.#sessions, endpoint);
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

  /** A doorbell that is lost is rung again by the sweeper: its failure is no failure of the caller's. */
  async #ring(found: Found): Promise<void> {
    await this.#cluster.ring([{ worker: found.record.owner, number: found.number }]).catch(() => undefined);
  }
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
