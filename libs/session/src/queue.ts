/** Which entry of a device's downlink queue goes next, and which are over. */
import { byTurn, decodeEntry, finish, isFinished, type QueueEntry } from './entry.ts';
import type { StoredEntry } from './ports.ts';

/** A decoded entry with the version that a commit has to expect. */
export interface VersionedEntry {
  readonly version: number;
  readonly entry: QueueEntry;
  /** Size of the stored record. */
  readonly bytes: number;
}

export function decodeStored(stored: StoredEntry): VersionedEntry {
  return { version: stored.version, entry: decodeEntry(stored.record), bytes: stored.record.length };
}

export interface QueueView {
  /** Goes out next, or is out already. */
  readonly next: VersionedEntry | undefined;
  /** Nothing but `next` waits, and what is finished leaves room for it. */
  readonly last: boolean;
  /** Ended by their deadlines: to be committed and told. */
  readonly expired: readonly VersionedEntry[];
  /** Finished with a result that is not known to be published. */
  readonly unpublished: readonly VersionedEntry[];
  /** Finished long enough ago to be removed. */
  readonly removable: readonly VersionedEntry[];
  /** When the queue should be looked at again, if nothing comes before: a deadline, a repeat, or something to remove. */
  readonly wakeAtMs: number | undefined;
}

/** Finished entries that are kept for readers: the newest in any case, others within these bounds. */
const FINISHED_KEPT = 20;
const FINISHED_BYTES = 1_048_576;
/** What finished entries may take in all: the newest holds a whole body, raw and decoded. */
export const FINISHED_ROOM_BYTES = 4 * FINISHED_BYTES;
/** How long an idempotency key is kept. */
const IDEMPOTENCY_MS = 86_400_000;

export function viewQueue(entries: readonly VersionedEntry[], nowMs: number): QueueView {
  const open = entries.filter(({ entry }) => !isFinished(entry));
  const inFlight = open.find(({ entry }) => entry.state === 'in-flight');
  const expired = open.filter(({ entry }) => entry.state === 'queued' && entry.deadlineMs <= nowMs);
  const live = open.filter(({ entry }) => entry.state === 'queued' && entry.deadlineMs > nowMs);
  const ready = live.filter(({ entry }) => entry.notBeforeMs <= nowMs).sort((a, b) => byTurn(a.entry, b.entry));
  const times = entries.flatMap(({ entry }) => wakeTimes(entry, nowMs));
  return {
    next: inFlight ?? ready[0],
    last: open.length === 1 && expired.length === 0 && entries.length < FINISHED_KEPT,
    expired: expired.map(({ entry, ...stored }) => ({
      ...stored,
      entry: finish(entry, { state: 'expired', atMs: nowMs, reason: 'its time ran out before the device could take it' }),
    })),
    unpublished: entries.filter(({ entry }) => isFinished(entry) && entry.unpublished),
    removable: removable(entries, nowMs),
    wakeAtMs: times.length === 0 ? undefined : Math.min(...times),
  };
}

function wakeTimes(entry: QueueEntry, nowMs: number): number[] {
  if (entry.finishedAtMs !== undefined) return [entry.finishedAtMs + IDEMPOTENCY_MS];
  if (entry.state !== 'queued' || entry.deadlineMs <= nowMs) return [];
  return entry.notBeforeMs > nowMs ? [entry.deadlineMs, entry.notBeforeMs] : [entry.deadlineMs];
}

function removable(entries: readonly VersionedEntry[], nowMs: number): VersionedEntry[] {
  const finished = entries
    .filter(({ entry }) => isFinished(entry) && !entry.unpublished)
    .sort((a, b) => (b.entry.finishedAtMs ?? 0) - (a.entry.finishedAtMs ?? 0));
  let bytes = 0;
  return finished.filter(({ entry, bytes: size }, place) => {
    bytes += size;
    const old = nowMs - (entry.finishedAtMs ?? 0) >= IDEMPOTENCY_MS;
    const tooMany = place >= FINISHED_KEPT && entry.command.idempotencyKey === undefined;
    return old || tooMany || (place > 0 && bytes > FINISHED_BYTES);
  });
}
