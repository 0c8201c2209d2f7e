/** What the edge promises, checked after a run against what devices and callers were told. */
import { eventTypes } from '@cluster/contracts';
import type { ClusterEvent } from '@cluster/events';
import { isRepeatable } from '@cluster/lwm2m';
import type { Device } from './device.ts';
import type { Submitted } from './operator.ts';
import type { QueueRecord } from './queue-record.ts';
import type { WireRecord } from './wire-record.ts';

export interface Evidence {
  readonly events: readonly ClusterEvent[];
  readonly devices: readonly Device[];
  readonly submitted: readonly Submitted[];
  readonly queue: QueueRecord;
  readonly wire: WireRecord;
}

type Data = Record<string, unknown>;

/** Everything that is not as promised, in words. */
export function faultsOf(evidence: Evidence): string[] {
  return [
    ...evidence.wire.faults,
    ...evidence.queue.faults,
    ...evidence.devices.flatMap((device) => untold(device, evidence.events)),
    ...twiceUnderOtherIds(evidence.events),
    ...updatesUnderOtherIds(evidence),
    ...expiredTooEarly(evidence),
    ...evidence.devices.flatMap(revived),
    ...evidence.submitted.flatMap((submitted) => commandFaults(submitted, evidence)),
  ];
}

/** What was acknowledged is in the log. */
function untold(device: Device, events: readonly ClusterEvent[]): string[] {
  const { endpoint, account } = device;
  const own = events.filter((e) => e.endpoint === endpoint);
  const told = (type: string, read: (data: Data) => unknown[]) => new Set(own.filter((e) => e.type === type).flatMap((e) => read(e.data as Data)));
  const missing = (what: string, acknowledged: readonly unknown[], known: ReadonlySet<unknown>) =>
    acknowledged.filter((one) => !known.has(one)).map((one) => `${endpoint}: ${what} ${String(one)} was acknowledged, but never told`);
  return [
    ...missing('Register', account.locations, told(eventTypes.registered, (d) => [d['registrationId']])),
    ...missing('Update', account.updates, told(eventTypes.updated, (d) => [d['smsNumber']])),
    ...missing('De-register', account.deregistered, told(eventTypes.deregistered, (d) => [d['registrationId']])),
    // A separate answer to an Observe command, or what the device reported just after it, is its result.
    ...missing('notification', account.notified, new Set([...told(eventTypes.notification, valuesOf), ...told(eventTypes.commandResult, resultOf)])),
    ...missing('Send', account.sent, told(eventTypes.send, valuesOf)),
  ];
}

function valuesOf(data: Data): unknown[] {
  return (data['values'] as { value: unknown }[]).map(({ value }) => value);
}

function resultOf(data: Data): unknown[] {
  const response = data['response'] as { values?: { value: unknown }[] } | undefined;
  return (response?.values ?? []).map(({ value }) => value);
}

/** The newest event of what an operator keeps for an endpoint says what is kept. */
export function labelsUntold(endpoint: string, kept: Readonly<Record<string, string>>, events: readonly ClusterEvent[]): string[] {
  const told = events.filter((event) => event.endpoint === endpoint && event.type === eventTypes.endpointChanged);
  const newest = told.reduce<ClusterEvent | undefined>((last, event) => (last !== undefined && last.timeMs > event.timeMs ? last : event), undefined);
  const said = (newest?.data as { labels: unknown } | undefined)?.labels ?? {};
  return JSON.stringify(said) === JSON.stringify(kept) ? [] : [`${endpoint} has the labels ${JSON.stringify(kept)}, but ${JSON.stringify(said)} is told`];
}

/** Equal causes have equal ids. */
function twiceUnderOtherIds(events: readonly ClusterEvent[]): string[] {
  const ids = new Map<string, { id: string; state: unknown }>();
  return events.flatMap((event) => {
    const cause = causeOf(event);
    if (cause === undefined) return [];
    const key = `${event.type} of ${event.endpoint}: ${cause}`;
    const state = (event.data as Data)['state'];
    const known = ids.get(key) ?? { id: event.id, state };
    ids.set(key, known);
    if (known.id !== event.id) return [`${key} is told under two ids`];
    return known.state === state ? [] : [`${key} is told as ${String(known.state)} and as ${String(state)}`];
  });
}

/** An Update is told under one id for each message that brought it, whichever address its events show by then. */
function updatesUnderOtherIds({ events, wire }: Evidence): string[] {
  const ids = new Map<string, Set<string>>();
  for (const { type, id, data } of events) {
    const { smsNumber } = data as { smsNumber?: string };
    if (type === eventTypes.updated && smsNumber !== undefined) ids.set(smsNumber, (ids.get(smsNumber) ?? new Set()).add(id));
  }
  return [...ids].flatMap(([sms, { size }]) => {
    const messages = wire.updateMessages.get(sms) ?? 0;
    return size <= messages ? [] : [`the Update ${sms} came in ${messages} messages, and is told under ${size} ids`];
  });
}

function causeOf({ type, data }: ClusterEvent): string | undefined {
  const value = data as Data;
  if (type === eventTypes.updated) return undefined;
  if (type === eventTypes.commandResult) return value['id'] as string;
  if (type === eventTypes.send || type === eventTypes.notification) return String(valuesOf(value));
  if (type === eventTypes.notificationGap) return undefined;
  if (type === eventTypes.awake || type === eventTypes.asleep) return `${String(value['registrationId'])} since ${String(value['since'])}`;
  return value['registrationId'] as string;
}

/** How many Updates have to be heard, none of them answered by 2.04, before an expiry is ours. */
const KNOCKS = 2;

/** Nobody's registration runs out whose Updates reached us. */
function expiredTooEarly({ events, devices, wire }: Evidence): string[] {
  const gone = new Set(devices.filter(({ retired }) => retired).map(({ endpoint }) => endpoint));
  return events.filter(({ type, endpoint }) => type === eventTypes.expired && !gone.has(endpoint)).flatMap((event) => {
    const { registrationId, lifetimeS } = event.data as { registrationId: string; lifetimeS: number };
    const knocks = (wire.updates.get(registrationId) ?? []).filter((atMs) => atMs <= event.timeMs && atMs > event.timeMs - lifetimeS * 1_000);
    return knocks.length < KNOCKS ? [] : [`${event.endpoint}: ${registrationId} expired although ${knocks.length} Updates of it were heard in its last lifetime`];
  });
}

/** A location that was replaced stays dead. */
function revived({ endpoint, account }: Device): string[] {
  return account.toOldLocations.filter((code) => code >> 5 === 2).map(() => `${endpoint}: an old location answered 2.xx`);
}

function commandFaults(submitted: Submitted, { events, devices, queue }: Evidence): string[] {
  const { id, endpoint, command, tag, accepted, cancelled } = submitted;
  const model = devices.find((d) => d.endpoint === endpoint)?.model;
  const times = tag === undefined ? 0 : model?.carriedOut.filter((done) => done === tag).length ?? 0;
  const end = queue.ends.get(id);
  const told = events.some((e) => e.type === eventTypes.commandResult && (e.data as Data)['id'] === id);
  const what = `${endpoint}: ${command.op} ${id} (${end?.state ?? 'open'})`;
  const faults: [boolean, string][] = [
    [accepted && end === undefined, 'has not ended'],
    [end !== undefined && !told, 'ended untold'],
    [times > 1 && !isRepeatable(command), `was carried out ${times} times`],
    [end?.state === 'done' && tag !== undefined && times === 0, 'was never carried out'],
    [end?.state === 'outcome-unknown' && isRepeatable(command), 'could have been repeated'],
    [cancelled && end?.state !== 'cancelled', 'was cancelled'],
    [end?.state === 'cancelled' && !isRepeatable(command) && times > 0, 'was carried out'],
    [end?.state === 'expired' && !isRepeatable(command) && times > 0, 'was carried out'],
  ];
  return faults.filter(([wrong]) => wrong).map(([, fault]) => `${what} ${fault}`);
}

/** Presence as the log tells it in the end: a message of the device ends its sleep. */
export function presenceTold(endpoint: string, events: readonly ClusterEvent[]): 'awake' | 'asleep' | undefined {
  const told = new Map(events.filter((e) => e.endpoint === endpoint && e.type in presenceOf).map((e) => [e.id, presenceOf[e.type]]));
  return [...told.values()].at(-1);
}

const presenceOf: Readonly<Record<string, 'awake' | 'asleep'>> = {
  [eventTypes.registered]: 'awake',
  [eventTypes.updated]: 'awake',
  [eventTypes.awake]: 'awake',
  [eventTypes.asleep]: 'asleep',
};
