/**
 * What an operator keeps for an endpoint: labels and settings. It lies in the session record, so that whoever serves
 * the device has it at hand, and outlives registrations. Pure: record in, record out.
 */
import type { DeviceProfile } from '@cluster/contracts';
import type { SessionRecord } from './record.ts';

/** The profile of an endpoint for which nothing is kept. */
export const NO_PROFILE: DeviceProfile = Object.freeze({ labels: Object.freeze({}), settings: Object.freeze({}) });

/** Changes labels or settings: other templates may apply then. The change is told by an event, which stands in the record until it is published. */
export function changeProfile(record: SessionRecord, change: Partial<DeviceProfile>, at: { nowMs: number; sequence: number }): SessionRecord {
  const { profile: before = NO_PROFILE, templates: _, ...rest } = record;
  const profile = { ...before, ...change };
  const empty = Object.keys(profile.labels).length + Object.keys(profile.settings).length === 0;
  return { ...rest, ...(empty ? {} : { profile }), changed: { atMs: at.nowMs, sequence: at.sequence }, kept: true };
}

/**
 * Takes away all that an operator keeps. A registration goes on without it; an endpoint without one is removed, and its
 * number retired.
 */
export function forgetOperatorState(record: SessionRecord, at: { nowMs: number; sequence: number }): SessionRecord {
  const { profile: _, secured: __, ...rest } = changeProfile(record, { labels: {}, settings: {} }, at);
  const bare: SessionRecord = { ...rest, kept: false };
  if (record.state !== 'provisioned') return bare;
  // Later than it was provisioned, whatever the clock says: the directory keeps the newest state.
  return { ...bare, state: 'removed', updatedAtMs: Math.max(at.nowMs, record.updatedAtMs + 1) };
}
