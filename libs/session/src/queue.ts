/** Which entry of a device's downlink queue goes next, and which are over. */
import { byTurn, finish, isFinished, type QueueEntry } from './entry.ts';

/** A decoded entry with the version that a commit has to expect. */
export interface VersionedEntry {
  readonly version: number;
  readonly entry: QueueEntry;
}

export interface QueueView {
  /** Goes out next, or is out already. */
  readonly next: VersionedEntry | undefined;
  /** Ended by their deadlines: to be committed and told. */
  readonly expired: readonly VersionedEntry[];
  /** Finished with a result that is not known to be published. */
  readonly unpublished: readonly VersionedEntry[];
  /** Finished long enough ago to be removed. */
  readonly removable: readonly VersionedEntry[];
  /** When the queue should be looked at again, if nothing comes before. */
  readonly wakeAtMs: number | undefined;
}

/** Finished entries that are kept for readers, newest first. */
const FINISHED_KEPT = 20;
/** How long an idempotency key is kept. */
const IDEMPOTENCY_MS = 86_400_000;

export function viewQueue(entries: readonly VersionedEntry[], nowMs: number): QueueView {
  const open = entries.filter(({ entry }) => !isFinished(entry));
  const inFlight = open.find(({ entry }) => entry.state === 'in-flight');
  const expired = open.filter(({ entry }) => entry.state === 'queued' && entry.deadlineMs <= nowMs);
  const live = open.filter(({ entry }) => entry.state === 'queued' && entry.deadlineMs > nowMs);
  const ready = live.filter(({ entry }) => entry.notBeforeMs <= nowMs).sort((a, b) => byTurn(a.entry, b.entry));
  const times = live.flatMap(({ entry }) => [entry.deadlineMs, ...(entry.notBeforeMs > nowMs ? [entry.notBeforeMs] : [])]);
  return {
    next: inFlight ?? ready[0],
    expired: expired.map(({ version, entry }) => ({
      version,
      entry: finish(entry, { state: 'expired', atMs: nowMs, reason: 'its time ran out before the device could take it' }),
    })),
    unpublished: entries.filter(({ entry }) => isFinished(entry) && entry.unpublished),
    removable: removable(entries, nowMs),
    wakeAtMs: times.length === 0 ? undefined : Math.min(...times),
  };
}

function removable(entries: readonly VersionedEntry[], nowMs: number): VersionedEntry[] {
  const finished = entries
    .filter(({ entry }) => isFinished(entry) && !entry.unpublished)
    .sort((a, b) => (b.entry.finishedAtMs ?? 0) - (a.entry.finishedAtMs ?? 0));
  return finished.filter(({ entry }, place) => {
    const old = nowMs - (entry.finishedAtMs ?? 0) > IDEMPOTENCY_MS;
    return old || (place >= FINISHED_KEPT && entry.command.idempotencyKey === undefined);
  });
}
