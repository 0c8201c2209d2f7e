/** What the handlers of device messages share: the message, the state they act on, and how they answer. */
import type { CoapMessage, CoapResponse } from '@cluster/coap';
import { type EstResource, isSecure, type SecurePeers, type WorkerClock } from '@cluster/coap-kit';
import type { EventPublisher } from '@cluster/events';
import type { ObjectModel } from '@cluster/lwm2m';
import { sleepLookMs, type Arrival, type DeviceNumber, type Rng, type SessionRecord, type SessionStore } from '@cluster/session';
import type { ByteMeter } from '../byte-meter.ts';
import type { DomainEvents } from '../domain-events.ts';
import type { EdgeCounters } from '../counters.ts';
import type { NetworkIdentities } from '../network-identities.ts';
import type { Presence } from '../presence.ts';
import type { AddressBindings } from './address-bindings.ts';
import type { ResetBudget } from './reset-budget.ts';
import type { Held, HeldSessions } from '../held-sessions.ts';
import type { HeldTemplates } from '../held-templates.ts';

export interface UplinkSettings {
  readonly worker: string;
  /** How long after its lifetime a registration expires. */
  readonly graceMs: number;
  /** Whether only the owner of a path may send requests on it. */
  readonly egress: 'owner' | 'any';
  readonly unknownParameters: 'keep' | 'reject';
  /** What an Update or a notification from another address means without security (row B77). */
  readonly nosecRebind: 'accept' | 'refuse';
}

/** A CoAP request or response as it reached the worker. */
export interface Received {
  readonly peer: string;
  readonly exchange: number;
  readonly message: CoapMessage;
}

export interface Uplink {
  readonly settings: UplinkSettings;
  readonly sessions: SessionStore;
  readonly held: HeldSessions;
  readonly presence: Presence;
  readonly identities: Pick<NetworkIdentities, 'fits'>;
  readonly meter: ByteMeter;
  readonly model: ObjectModel;
  readonly events: DomainEvents;
  readonly publisher: Pick<EventPublisher, 'available'>;
  readonly clock: WorkerClock;
  readonly rng: Rng;
  readonly counters: EdgeCounters;
  readonly bindings: AddressBindings;
  readonly secure: SecurePeers;
  /** The peer registered: what its credential replaced is over. */
  readonly served: (peer: string) => void;
  readonly templates: HeldTemplates;
  readonly resets: ResetBudget;
  /** Where devices renew their certificates, if they do here. */
  readonly est: EstResource | undefined;
  respond(exchange: number, response: CoapResponse): void;
  acknowledge(exchange: number): void;
  reject(exchange: number): void;
  abandon(exchange: number): void;
  /** The device was heard and its message answered: what waited for it may go. */
  heard(held: Held): void;
  /** A notification that came at `sinceMs` of the store's clock was refused for a fault of ours. */
  refused(number: DeviceNumber, sinceMs: number): void;
}

/** The security identity of a path without security. */
export const NOSEC = 'nosec';

/** The arrival of a message as session transitions take it. */
export function arrivalOf(uplink: Uplink, received: Received, held: Pick<Held, 'version' | 'record'> | undefined): Arrival {
  const secure = isSecure(received.peer) ? uplink.secure.of(received.peer) : undefined;
  return {
    worker: uplink.settings.worker,
    nowMs: uplink.clock.storeMs(),
    peer: received.peer,
    ...(secure && { address: secure.address }),
    identity: secure?.identity ?? NOSEC,
    messageId: received.message.messageId,
    maxTransmitWaitMs: uplink.presence.windowMs(held?.record),
    sequence: (held?.version ?? 0) + 1,
  };
}

/**
 * Whether a message from `peer` may speak for a session: secured ones for the device that they prove to be, on whichever
 * association; those without security only for a session without it, which may have been heard from elsewhere.
 */
export function mayMove(uplink: Uplink, held: Held, peer: string): boolean {
  if (isSecure(peer)) return uplink.secure.of(peer)?.number === held.number;
  if (held.record.identity !== NOSEC) return false;
  if (held.record.peer === peer) return true;
  const { endpoint, profile } = held.record;
  return uplink.settings.nosecRebind === 'accept' && uplink.identities.fits(peer, endpoint, profile);
}

/**
 * Whether a message changes the session by having come: it came by another path, to another worker, or ended a sleep. A
 * record that a former worker may have had already tells nothing of where the device is now.
 */
export function movesOrWakes({ settings, secure }: Uplink, { peer }: Received, record: SessionRecord): boolean {
  if (isSecure(peer) && secure.live(peer)?.fresh === false) return false;
  return record.owner !== settings.worker || record.peer !== peer || record.asleepSinceMs !== undefined;
}

/** The alarm for the end of listening, where none stands yet. */
export function alarmOfWaking(before: SessionRecord, after: SessionRecord): { alarmMs?: number } {
  return sleepLookMs(before) === Infinity && Number.isFinite(sleepLookMs(after)) ? { alarmMs: sleepLookMs(after) } : {};
}

const LEAST_ADDRESS_TTL_MS = 3_600_000;

/**
 * Remembers the address that a device spoke from, for messages that carry neither location nor token. Only a hint,
 * which the session has to confirm: its loss costs a device one 4.04 to a Send.
 */
export function bindAddress(uplink: Uplink, held: Held): void {
  const { peer, registration } = held.record;
  if (isSecure(peer)) return; // its association tells whose it is
  const ttlMs = Math.max(LEAST_ADDRESS_TTL_MS, 2_000 * registration.lifetimeS);
  const nowMs = uplink.clock.storeMs();
  if (held.bound?.peer === peer && nowMs - held.bound.atMs < ttlMs / 2) return;
  held.bound = { peer, atMs: nowMs };
  uplink.bindings.add({ peer, number: held.number, ttlMs });
}

/** Whether this worker may send a request to the device now; asked again whenever its session was read anew. */
export function mayLease({ settings, secure }: Uplink, record: SessionRecord): boolean {
  // Only who holds the association can send, and it is taken over by a record of the device alone.
  if (isSecure(record.peer) && (record.owner !== settings.worker || secure.live(record.peer) === undefined)) return false;
  return record.state === 'registered' && (record.owner === settings.worker || settings.egress === 'any');
}
