/**
 * Presence: whether a queue-mode device listens. It does for MAX_TRANSMIT_WAIT after each of its messages; what is told
 * of it stands in its record. Pure. OMA Transport 1.1.1 §6.5
 */
import type { PresenceValue, PresenceView } from '@cluster/contracts';
import type { SessionRecord } from './record.ts';

/** Whether the device may sleep between its messages, and events tell when it does. */
export function maySleep({ state, registration, disabled }: SessionRecord): boolean {
  return state === 'registered' && registration.queueMode && disabled === undefined;
}

/** The record of a device that has just been heard: one that was asleep is told to be awake. */
export function awaken(record: SessionRecord, at: { nowMs: number; sequence: number }): SessionRecord {
  const { asleepSinceMs, ...rest } = record;
  if (asleepSinceMs === undefined) return record;
  return { ...rest, pending: { type: 'awake', atMs: at.nowMs, sequence: at.sequence } };
}

/** The record of a device whose time of listening has ended at `sinceMs`. */
export function fallAsleep(record: SessionRecord, at: { sinceMs: number; sequence: number }): SessionRecord {
  return { ...record, asleepSinceMs: at.sinceMs, pending: { type: 'asleep', atMs: at.sinceMs, sequence: at.sequence } };
}

/** How long the owner has to tell a device asleep, before the sweeper looks whether it lives. */
const OWNER_GRACE_MS = 5_000;

/** When the sweeper is to look whether the device was told asleep; Infinity: it need not. */
export function sleepLookMs(record: SessionRecord): number {
  return maySleep(record) && record.asleepSinceMs === undefined ? sleepLookAfter(record.awakeUntilMs) : Infinity;
}

/** The look for a device that listens until then. */
export function sleepLookAfter(awakeUntilMs: number): number {
  return awakeUntilMs + OWNER_GRACE_MS;
}

/** Presence as REST shows it. */
export function presenceView(record: SessionRecord, nowMs: number): PresenceView {
  const { awakeUntilMs, heardAtMs } = record;
  const heard = heardAtMs === 0 ? {} : { lastHeard: new Date(heardAtMs).toISOString() };
  if (record.disabled !== undefined) {
    const disabledUntil = new Date(record.disabled.untilMs).toISOString();
    return { state: record.disabled.overdue ? 'unknown' : 'disabled', disabledUntil, ...heard };
  }
  if (record.state !== 'registered') return { state: 'unknown', ...heard };
  if (!record.registration.queueMode) return { state: 'awake', ...heard };
  const state = record.asleepSinceMs === undefined ? 'awake' : 'asleep';
  // A device that is heard without a change of its stored state listens for longer than the record knows.
  const until = state === 'awake' && awakeUntilMs <= nowMs ? {} : { awakeUntil: new Date(awakeUntilMs).toISOString() };
  return { state, ...until, ...heard };
}

/** Presence as events tell it. */
export function presenceValue(record: SessionRecord, state: PresenceValue['state'], sinceMs: number): PresenceValue {
  return {
    endpoint: record.endpoint,
    registrationId: record.locationId,
    state,
    since: new Date(sinceMs).toISOString(),
    lastHeard: new Date(record.heardAtMs).toISOString(),
  };
}
