/**
 * The session record: all that the cluster knows of one device between two messages. One compact, versioned CBOR
 * array; the store sees opaque bytes.
 */
import type { Attributes, DeviceProfile, EndpointState } from '@cluster/contracts';
import type { Registration } from '@cluster/lwm2m';
import type { Disabled } from './disable.ts';
import type { MuteSend, ServerInstance } from './mute-send.ts';
import type { ByteUsage } from './usage.ts';
import { packRegistration, unpackRegistration } from './packed-registration.ts';
import { readPlain } from './plain-cbor/read.ts';
import { writePlain } from './plain-cbor/write.ts';

/** A registration event that is stored with the change it tells of, until it is known to be published. */
export interface PendingEvent {
  readonly type: 'registered' | 'updated' | 'deregistered' | 'expired' | 'removed' | 'awake' | 'asleep' | 'disabled' | 'overdue';
  readonly atMs: number;
  /** Makes the event's id: the session version that brought it. */
  readonly sequence: number;
  /** What the same message brought besides: a Register or Update wakes the device, a De-register shows that it is disabled. */
  readonly also?: 'awake' | 'disabled';
}

/** A change of the operator's that is stored with its event, until that is known to be published. */
export interface PendingChange {
  readonly atMs: number;
  /** Makes the event's id: the session version that brought it. */
  readonly sequence: number;
}

/** A request that changed state, and the code it was answered with: its repeat gets the same answer on any worker. */
export interface AnsweredRequest {
  readonly peer: string;
  readonly messageId: number;
  readonly code: number;
  readonly atMs: number;
}

/** One observation of the desired state, single or composite. */
export interface Observation {
  readonly paths: readonly string[];
  readonly composite: boolean;
  readonly accept?: number;
  readonly attributes?: Attributes;
  /** `wanted` until the device confirmed it in the present generation; `refused` keeps the device's code. */
  readonly state: 'wanted' | 'active' | 'refused';
  /** Its attributes were written in the present generation. */
  readonly attributesWritten: boolean;
  /** Counter of its token, once a request for it was sent. */
  readonly counter?: number;
  readonly code?: number;
  /** Who wants it: "template:NAME", or undefined for the endpoint's own list. */
  readonly from?: string;
  /** Attributes that it had before and has no more: unset at the device with the next Write-Attributes. */
  readonly unset?: readonly (keyof Attributes)[];
  /** The device's code where it refused the attributes; it may be observed without them. */
  readonly attributesCode?: number;
}

export interface SessionRecord {
  readonly endpoint: string;
  readonly tenant: string;
  readonly state: EndpointState;
  /** The location id. */
  readonly locationId: string;
  /** Counts the registrations of this device number. */
  readonly generation: number;
  readonly registeredAtMs: number;
  readonly updatedAtMs: number;
  readonly registration: Registration;
  /** The transport address that the device last spoke from; with DTLS the name of its association. */
  readonly peer: string;
  /** With DTLS: where the association's device was, as of this write. */
  readonly address?: string;
  /** The security identity of that path; 'nosec' without security. */
  readonly identity: string;
  /** The worker that holds the path, and how often the path was taken over. */
  readonly owner: string;
  readonly fence: number;
  /** When the device was last heard, as of this write: what changes nothing here does not write it. */
  readonly heardAtMs: number;
  /** Queue mode: the device may sleep from then on, unless it is heard again. */
  readonly awakeUntilMs: number;
  /** Queue mode: the device was told to be asleep since then, and has not been heard. */
  readonly asleepSinceMs?: number;
  /** An Execute of Disable is under way, with this Disable Timeout. */
  readonly disablingS?: number;
  readonly disabled?: Disabled;
  /** Disable Timeouts of the device by the instance of object 1, as far as they were written or read. */
  readonly disableTimeouts?: Readonly<Record<string, number>>;
  /** Bytes to and from a device that has a daily quota, as of this write. */
  readonly usage?: ByteUsage;
  /** End of the block of token counters that the owner may use: the last one of it. */
  readonly tokenCounter: number;
  /** End of the block of message ids that the owner may use. */
  readonly messageIdsEnd: number;
  readonly answered: readonly AnsweredRequest[];
  readonly pending?: PendingEvent;
  /** Since when notifications of this device were refused, because no broker took them. */
  readonly refusedSinceMs?: number;
  /** What should be observed. */
  readonly observations: readonly Observation[];
  /** What the device still reports and should not: cancelled at the next chance. */
  readonly cancellations: readonly Observation[];
  /** The number outlives the registration: the endpoint has authenticated, or an operator keeps state for it. */
  readonly kept: boolean;
  /** An operator set credentials: who does not prove to be the endpoint can not register it. */
  readonly secured?: boolean;
  /** Labels and settings; none: nothing is kept. */
  readonly profile?: DeviceProfile;
  readonly changed?: PendingChange;
  /** Version of the template set that `observations` were brought to. */
  readonly templates?: number;
  /** The registration ended and nothing was left of it: the number is never used again. */
  readonly retired?: boolean;
  /** What the device said to the desired value of Mute Send. */
  readonly muteSend?: MuteSend;
  readonly serverInstance?: ServerInstance;
}

const FORMAT = 1;

/** A stored record that this version cannot read: written by a newer one, or damaged. */
export class RecordUnreadable extends Error {
  readonly code = 'RECORD_UNREADABLE';
}

const STATES: readonly EndpointState[] = ['registered', 'deregistered', 'expired', 'removed', 'provisioned'];
const PENDING: readonly PendingEvent['type'][] = ['registered', 'updated', 'deregistered', 'expired', 'removed', 'awake', 'asleep', 'disabled', 'overdue'];
const OBSERVATION_STATES: readonly Observation['state'][] = ['wanted', 'active', 'refused'];

function packObservation(o: Observation): unknown[] {
  return [
    o.paths, o.composite, o.accept ?? null, o.attributes ?? null, OBSERVATION_STATES.indexOf(o.state), o.counter ?? null,
    o.code ?? null, o.attributesWritten, o.from ?? null, o.unset?.length ? o.unset : null,
    o.attributesCode ?? null,
  ];
}

function unpackObservation(a: unknown[]): Observation {
  return {
    paths: a[0] as string[],
    composite: a[1] as boolean,
    ...(a[2] === null ? {} : { accept: a[2] as number }),
    ...(a[3] === null ? {} : { attributes: a[3] as Attributes }),
    state: OBSERVATION_STATES[a[4] as number] ?? 'wanted',
    ...(a[5] === null ? {} : { counter: a[5] as number }),
    ...(a[6] === null ? {} : { code: a[6] as number }),
    attributesWritten: a[7] as boolean,
    ...(a[8] ? { from: a[8] as string } : {}),
    ...(a[9] ? { unset: a[9] as (keyof Attributes)[] } : {}),
    ...(typeof a[10] === 'number' ? { attributesCode: a[10] } : {}),
  };
}

type PackedProfile = [DeviceProfile['labels'], DeviceProfile['settings']] | null | undefined;

/** Records written before there were profiles end before them. */
function unpackProfile(a: PackedProfile): Pick<SessionRecord, 'profile'> {
  return a === null || a === undefined ? {} : { profile: { labels: a[0], settings: a[1] } };
}

function unpackChange(a: [number, number] | null | undefined): Pick<SessionRecord, 'changed'> {
  return a === null || a === undefined ? {} : { changed: { atMs: a[0], sequence: a[1] } };
}

type StoredPending = [type: number, atMs: number, sequence: number, also?: PendingEvent['also']];

function packPending({ type, atMs, sequence, also }: PendingEvent): StoredPending {
  return also === undefined ? [PENDING.indexOf(type), atMs, sequence] : [PENDING.indexOf(type), atMs, sequence, also];
}

function unpackPending([type, atMs, sequence, also]: StoredPending): PendingEvent {
  return { type: PENDING[type] ?? 'updated', atMs, sequence, ...(also === undefined ? {} : { also }) };
}

/** Times as they differ from the last Register or Update. Most devices are not heard after it and have no more: null. */
type PackedPresence = [heard: number, asleepSince: number | null, usage?: [day: number, bytes: number] | null, disable?: PackedDisable | null] | null | undefined;
type PackedDisable = [disablingS: number | null, disabled: [sinceMs: number, untilMs: number, overdue: boolean] | null, timeouts: Readonly<Record<string, number>> | null];

function packPresence(s: SessionRecord): PackedPresence {
  const heard = s.heardAtMs - s.updatedAtMs;
  const asleepSince = s.asleepSinceMs === undefined ? null : s.asleepSinceMs - s.updatedAtMs;
  const usage: [number, number] | null = s.usage === undefined ? null : [s.usage.day, s.usage.bytes];
  const disable = packDisable(s);
  if (disable !== null) return [heard, asleepSince, usage, disable];
  if (usage !== null) return [heard, asleepSince, usage];
  return heard === 0 && asleepSince === null ? null : [heard, asleepSince];
}

function packDisable({ disablingS, disabled, disableTimeouts }: SessionRecord): PackedDisable | null {
  if (disablingS === undefined && disabled === undefined && disableTimeouts === undefined) return null;
  const away: PackedDisable[1] = disabled === undefined ? null : [disabled.sinceMs, disabled.untilMs, disabled.overdue];
  return [disablingS ?? null, away, disableTimeouts ?? null];
}

type Presence = Pick<SessionRecord, 'heardAtMs' | 'asleepSinceMs' | 'usage' | 'disablingS' | 'disabled' | 'disableTimeouts'>;

function unpackPresence(a: PackedPresence, updatedAtMs: number): Presence {
  const [heard, asleepSince, usage = null, disable = null] = a ?? [0, null];
  const [disablingS, away, timeouts] = disable ?? [null, null, null];
  return {
    heardAtMs: updatedAtMs + heard,
    ...(asleepSince === null ? {} : { asleepSinceMs: updatedAtMs + asleepSince }),
    ...(usage === null ? {} : { usage: { day: usage[0], bytes: usage[1] } }),
    ...(disablingS === null ? {} : { disablingS }),
    ...(away === null ? {} : { disabled: { sinceMs: away[0], untilMs: away[1], overdue: away[2] } }),
    ...(timeouts === null ? {} : { disableTimeouts: timeouts }),
  };
}

type PackedMuteSend =
  | [said: [value: boolean, generation: number, active: boolean, code: number | null] | null, server: [generation: number, instance: number | null] | null]
  | null | undefined;

function packMuteSend({ muteSend: m, serverInstance: server }: SessionRecord): PackedMuteSend {
  if (m === undefined && server === undefined) return null;
  return [
    m === undefined ? null : [m.value, m.generation, m.state === 'active', m.code ?? null],
    server === undefined ? null : [server.generation, server.instance ?? null],
  ];
}

function unpackMuteSend(packed: PackedMuteSend): Pick<SessionRecord, 'muteSend' | 'serverInstance'> {
  const [said = null, server = null] = packed ?? [];
  return {
    ...(said && { muteSend: { value: said[0], generation: said[1], state: said[2] ? 'active' : 'refused', ...(said[3] === null ? {} : { code: said[3] }) } }),
    ...(server && { serverInstance: { generation: server[0], ...(server[1] === null ? {} : { instance: server[1] }) } }),
  };
}

/** The bytes of a record. */
export function encodeSession(s: SessionRecord): Uint8Array {
  return writePlain([
    FORMAT, s.endpoint, s.tenant, STATES.indexOf(s.state), s.locationId, s.generation, s.registeredAtMs, s.updatedAtMs,
    packRegistration(s.registration), s.peer, s.identity, s.owner, s.fence, s.awakeUntilMs, s.tokenCounter, s.messageIdsEnd,
    s.answered.map((a) => [a.peer, a.messageId, a.code, a.atMs]),
    s.pending === undefined ? null : packPending(s.pending),
    s.refusedSinceMs ?? null, s.observations.map(packObservation), s.cancellations.map(packObservation), s.kept,
    s.profile === undefined ? null : [s.profile.labels, s.profile.settings],
    s.changed === undefined ? null : [s.changed.atMs, s.changed.sequence],
    packPresence(s),
    s.templates ?? null,
    s.retired ?? null,
    s.secured ?? null,
    packMuteSend(s),
    s.address ?? null,
  ]);
}

/** Reads a record back. Throws {@link RecordUnreadable}. */
export function decodeSession(bytes: Uint8Array): SessionRecord {
  let a: unknown[];
  try {
    a = readPlain(bytes) as unknown[];
  } catch (cause) {
    throw new RecordUnreadable('session record is damaged', { cause });
  }
  if (!Array.isArray(a) || a[0] !== FORMAT) throw new RecordUnreadable(`session record of format ${String(a?.[0])}`);
  const endpoint = a[1] as string;
  const pending = a[17] as StoredPending | null;
  return {
    endpoint,
    tenant: a[2] as string,
    state: STATES[a[3] as number] ?? 'removed',
    locationId: a[4] as string,
    generation: a[5] as number,
    registeredAtMs: a[6] as number,
    updatedAtMs: a[7] as number,
    registration: unpackRegistration(endpoint, a[8] as unknown[]),
    peer: a[9] as string,
    identity: a[10] as string,
    owner: a[11] as string,
    fence: a[12] as number,
    awakeUntilMs: a[13] as number,
    tokenCounter: a[14] as number,
    messageIdsEnd: a[15] as number,
    answered: (a[16] as [string, number, number, number][]).map(([peer, messageId, code, atMs]) => ({ peer, messageId, code, atMs })),
    ...(pending === null ? {} : { pending: unpackPending(pending) }),
    ...(a[18] === null ? {} : { refusedSinceMs: a[18] as number }),
    observations: (a[19] as unknown[][]).map(unpackObservation),
    cancellations: (a[20] as unknown[][]).map(unpackObservation),
    kept: a[21] as boolean,
    ...unpackProfile(a[22] as PackedProfile),
    ...unpackChange(a[23] as [number, number] | null | undefined),
    ...unpackPresence(a[24] as PackedPresence, a[7] as number),
    ...(typeof a[25] === 'number' ? { templates: a[25] } : {}),
    ...(a[26] === true ? { retired: true } : {}),
    ...(a[27] === true ? { secured: true } : {}),
    ...unpackMuteSend(a[28] as PackedMuteSend),
    ...(typeof a[29] === 'string' ? { address: a[29] } : {}),
  };
}
