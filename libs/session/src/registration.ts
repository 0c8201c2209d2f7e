/**
 * What Register, Update and the end of a registration make of a session record. Pure: record and time in, record out;
 * the caller commits it and publishes the event that it brings.
 */
import { DEFAULT_TENANT, type EndpointState } from '@cluster/contracts';
import type { Registration } from '@cluster/lwm2m';
import type { Outage } from './ports.ts';
import { disabledByLeaving, enabled } from './disable.ts';
import { awaken } from './presence.ts';
import type { AnsweredRequest, Observation, PendingEvent, SessionRecord } from './record.ts';

/** The message that brought a change, and the worker that took it. */
export interface Arrival {
  readonly worker: string;
  readonly nowMs: number;
  readonly peer: string;
  /** Of a peer whose name is not its address. */
  readonly address?: string;
  readonly identity: string;
  readonly messageId: number;
  /** How long a queue-mode device listens after its message. */
  readonly maxTransmitWaitMs: number;
  /** Version that the session record will have once this change is committed. */
  readonly sequence: number;
}

/** Answers kept for repeats on another worker; NSTART is 1, so a device has hardly more than one open. RFC 7252 §4.2 */
const ANSWERS_KEPT = 2;
/** RFC 7252 §4.8.2 */
const EXCHANGE_LIFETIME_MS = 247_000;

const NO_REGISTRATION: Omit<Registration, 'endpoint'> = {
  lifetimeS: 0, lwm2mVersion: '1.0', binding: 'U', queueMode: false, attributes: {}, rootPath: '/', objectLinks: [], contentFormats: [],
};

/** The record of an endpoint that an operator prepares: it waits for its first Register, without end. */
export function provision(endpoint: string, nowMs: number): SessionRecord {
  return {
    endpoint, tenant: DEFAULT_TENANT, state: 'provisioned', locationId: '', generation: 0, registeredAtMs: nowMs, updatedAtMs: nowMs,
    registration: { endpoint, ...NO_REGISTRATION }, peer: '', identity: '', owner: '', fence: 0, heardAtMs: 0, awakeUntilMs: 0, tokenCounter: 0,
    messageIdsEnd: 0, answered: [], observations: [], cancellations: [], kept: true,
  };
}

/** The first record of a device, or its next registration. The desired observations stay; each has to be made anew. */
export function register(
  previous: SessionRecord | undefined,
  registration: Registration,
  arrival: Arrival & { locationId: string; code: number },
): SessionRecord {
  // Later than it was provisioned, though another clock may have told that: the directory keeps the newest state.
  const nowMs = previous?.state === 'provisioned' ? Math.max(arrival.nowMs, previous.updatedAtMs + 1) : arrival.nowMs;
  return {
    endpoint: registration.endpoint,
    // Whose it is is decided before a device comes: by who provisioned it.
    tenant: previous?.tenant ?? DEFAULT_TENANT,
    state: 'registered',
    locationId: arrival.locationId,
    generation: (previous?.generation ?? 0) + 1,
    registeredAtMs: nowMs,
    updatedAtMs: nowMs,
    registration,
    peer: arrival.peer,
    ...addressOf(arrival),
    identity: arrival.identity,
    owner: arrival.worker,
    fence: (previous?.fence ?? 0) + 1,
    heardAtMs: arrival.nowMs,
    awakeUntilMs: arrival.nowMs + arrival.maxTransmitWaitMs,
    tokenCounter: previous?.tokenCounter ?? 0,
    messageIdsEnd: previous?.messageIdsEnd ?? 0,
    answered: answer(previous?.answered ?? [], arrival, arrival.code),
    pending: { type: 'registered', atMs: nowMs, sequence: arrival.sequence, ...waking(previous) },
    observations: toBeMade(previous?.observations ?? []),
    cancellations: [],
    kept: previous?.kept ?? false,
    ...(previous?.secured === true ? { secured: true } : {}),
    ...(previous?.profile === undefined ? {} : { profile: previous.profile }),
    ...(previous?.changed === undefined ? {} : { changed: previous.changed }),
    ...(previous?.usage === undefined ? {} : { usage: previous.usage }),
    ...(previous?.disableTimeouts === undefined ? {} : { disableTimeouts: previous.disableTimeouts }),
  };
}

/** Applies an Update: only what it carries changes, and the lifetime starts anew. OMA LwM2M Core 1.1 §6.2.2 */
export function update(previous: SessionRecord, changes: Partial<Registration>, arrival: Arrival & { code: number }): SessionRecord {
  return {
    ...enabled(takeOver(previous, arrival)),
    updatedAtMs: arrival.nowMs,
    registration: { ...previous.registration, ...changes },
    observations: changes.objectLinks === undefined ? previous.observations : nowAnnounced(previous, changes.objectLinks),
    answered: answer(previous.answered, arrival, arrival.code),
    pending: { type: 'updated', atMs: arrival.nowMs, sequence: arrival.sequence, ...waking(previous) },
  };
}

function waking(previous: SessionRecord | undefined): Pick<PendingEvent, 'also'> {
  return previous?.asleepSinceMs === undefined ? {} : { also: 'awake' };
}

/** What was refused is tried again where the device has announced more of what it is about. */
function nowAnnounced({ observations, registration }: SessionRecord, links: Registration['objectLinks']): readonly Observation[] {
  const before = new Set(registration.objectLinks.map(({ path }) => path));
  const fresh = links.map(({ path }) => path).filter((path) => !before.has(path));
  const concerns = (paths: readonly string[]) => fresh.some((link) => paths.some((path) => path === link || path.startsWith(`${link}/`) || link.startsWith(`${path}/`)));
  if (!observations.some((o) => o.state === 'refused' && concerns(o.paths))) return observations;
  return observations.map((o) => (o.state === 'refused' && concerns(o.paths) ? { ...o, state: 'wanted' } : o));
}

/**
 * Makes `arrival.worker` the owner of the path that the message came by; raises the fence if it was not. A device that
 * was asleep is awake.
 */
export function takeOver(previous: SessionRecord, arrival: Arrival): SessionRecord {
  const same = previous.owner === arrival.worker && previous.peer === arrival.peer;
  const { address: _, ...awake } = awaken(previous, arrival);
  return {
    ...awake,
    peer: arrival.peer,
    ...addressOf(arrival),
    identity: arrival.identity,
    owner: arrival.worker,
    fence: same ? previous.fence : previous.fence + 1,
    heardAtMs: arrival.nowMs,
    awakeUntilMs: Math.max(previous.awakeUntilMs, arrival.nowMs + arrival.maxTransmitWaitMs),
  };
}

function addressOf({ address }: Arrival): Pick<SessionRecord, 'address'> {
  return address === undefined ? {} : { address };
}

/** Ends a registration, and with it the device's observations. The record stays until its event is published. */
export function end(
  previous: SessionRecord,
  type: Exclude<EndpointState, 'registered' | 'provisioned'>,
  at: { nowMs: number; sequence: number },
  request?: Arrival & { code: number },
): SessionRecord {
  const { asleepSinceMs: _, disablingS: __, disabled: ___, ...rest } = previous;
  const { disabled, first } = type === 'deregistered' ? disabledByLeaving(previous, at.nowMs) : { first: false };
  return {
    ...rest,
    state: type,
    ...(disabled === undefined ? {} : { disabled }),
    pending: { type, atMs: at.nowMs, sequence: at.sequence, ...(first ? { also: 'disabled' as const } : {}) },
    answered: request === undefined ? previous.answered : answer(previous.answered, request, request.code),
    observations: toBeMade(previous.observations),
    cancellations: [],
  };
}

/** The desired observations as no device knows them yet. */
function toBeMade(observations: readonly Observation[]): Observation[] {
  return observations.map(({ counter: _counter, code: _code, attributesCode: _attributesCode, ...observation }) => ({
    ...observation,
    state: 'wanted' as const,
    attributesWritten: false,
  }));
}

/** Clears the mark of a registration event that is now published. */
export function published(record: SessionRecord): SessionRecord {
  const { pending: _, ...rest } = record;
  return rest;
}

/** Clears the mark of an operator's change whose event is now published. */
export function changePublished(record: SessionRecord): SessionRecord {
  const { changed: _, ...rest } = record;
  return rest;
}

function answer(answered: readonly AnsweredRequest[], arrival: Arrival, code: number): AnsweredRequest[] {
  const fresh: AnsweredRequest = { peer: arrival.peer, messageId: arrival.messageId, code, atMs: arrival.nowMs };
  return [fresh, ...answered.filter((a) => arrival.nowMs - a.atMs < EXCHANGE_LIFETIME_MS)].slice(0, ANSWERS_KEPT);
}

/** The answer that this very request got before, on whichever worker. RFC 7252 §4.5 */
export function answeredBefore(record: SessionRecord, request: { peer: string; messageId: number; nowMs: number }): AnsweredRequest | undefined {
  return record.answered.find(
    (a) => a.messageId === request.messageId && a.peer === request.peer && request.nowMs - a.atMs < EXCHANGE_LIFETIME_MS,
  );
}

/** When the registration ends unless the device is heard. A lifetime of 0 never ends. */
export function deadlineOf(record: SessionRecord): number {
  return record.registration.lifetimeS === 0 ? Infinity : record.updatedAtMs + record.registration.lifetimeS * 1_000;
}

/** {@link deadlineOf} and the grace, put off by every outage that fell into the registration's time: our outage expires nobody. */
export function expiryOf(record: SessionRecord, graceMs: number, outages: readonly Outage[]): number {
  return putOff(Math.max(deadlineOf(record), record.disabled?.untilMs ?? 0) + graceMs, record.updatedAtMs, outages);
}

/** When a disabled device that has not come back is overdue; Infinity: it is told already, or not disabled. */
export function overdueAt({ disabled }: SessionRecord, graceMs: number, outages: readonly Outage[]): number {
  return disabled === undefined || disabled.overdue ? Infinity : putOff(disabled.untilMs + graceMs, disabled.sinceMs, outages);
}

function putOff(deadlineMs: number, fromMs: number, outages: readonly Outage[]): number {
  let expiry = deadlineMs;
  let countedTo = fromMs;
  for (const { fromMs: beganMs, toMs } of outages) {
    const start = Math.max(beganMs, countedTo);
    if (toMs <= start || start >= expiry) continue;
    expiry += toMs - start;
    countedTo = toMs;
  }
  return expiry;
}
