/** Bytes to and from a device on one UTC day, and what its settings allow. Pure. */
import type { SessionRecord } from './record.ts';

/** Bytes counted on a day; days count from 1970-01-01 (UTC). */
export interface ByteUsage {
  readonly day: number;
  readonly bytes: number;
}

const DAY_MS = 86_400_000;

export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}

/** When the next UTC day begins. */
export function nextDayMs(nowMs: number): number {
  return (dayOf(nowMs) + 1) * DAY_MS;
}

/** What the record knows of today's bytes. */
export function bytesToday({ usage }: SessionRecord, nowMs: number): number {
  return usage?.day === dayOf(nowMs) ? usage.bytes : 0;
}

/** Whether no more requests go to the device today. What it sends is taken all the same. */
export function quotaSpent(record: SessionRecord, nowMs: number, bytes = bytesToday(record, nowMs)): boolean {
  const { maxBytesPerDay } = record.profile?.settings ?? {};
  return maxBytesPerDay !== undefined && bytes >= maxBytesPerDay;
}
