/** When the sweeper has to look at a registered device that nothing more is to be done for. */
import { deadlineOf, nextDesiredStep, sleepLookMs, type SessionRecord } from '@cluster/session';

/** A registration without end is looked at all the same: its alarm is where it is found by. */
export const LOOK_AT_LEAST_MS = 86_400_000;

/** The end of its registration; undefined while more than that is watched. */
export function nextLookMs(record: SessionRecord, at: { nowMs: number; graceMs: number }): number | undefined {
  const watched = record.disabled !== undefined || record.changed !== undefined || nextDesiredStep(record) !== undefined;
  if (watched || Number.isFinite(sleepLookMs(record))) return undefined;
  return Math.min(deadlineOf(record) + at.graceMs, at.nowMs + LOOK_AT_LEAST_MS);
}
