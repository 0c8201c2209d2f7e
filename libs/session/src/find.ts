/** Finds the session of an endpoint by its name. */
import { isKept } from './disable.ts';
import type { DeviceNumber, SessionStore } from './ports.ts';
import { decodeSession, type SessionRecord } from './record.ts';

/** A session as it stands in the store. */
export interface Found {
  readonly number: DeviceNumber;
  readonly version: number;
  /** Entries of its downlink queue, finished ones included. */
  readonly entries: number;
  readonly record: SessionRecord;
}

/** undefined where the cluster does not know the endpoint. */
export async function findEndpoint(sessions: SessionStore, endpoint: string): Promise<Found | undefined> {
  const [number] = await sessions.resolve([endpoint]);
  if (number === undefined) return undefined;
  const [stored] = await sessions.load([number]);
  if (stored === undefined) return undefined;
  const record = decodeSession(stored.record);
  return record.endpoint === endpoint ? { number, version: stored.version, entries: stored.entries, record } : undefined;
}

/** Whether a Register takes a fresh number: the former registration ended, and nothing waits or is kept for the endpoint. */
export function isRetired(record: SessionRecord, entries: number): boolean {
  return record.retired === true || (record.state !== 'registered' && !isKept(record) && entries === 0);
}
