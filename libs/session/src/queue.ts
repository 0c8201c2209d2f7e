/** Which entry of a device's downlink queue goes next, and which are over. */
import { byAge, byTurn, decodeEntry, finish, idempotencyOnly, isFinished, type QueueEntry } from './entry.ts';
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
  /** Ended by their deadlines, or by a newer command of their supersede key: to be committed and told. */
  readonly over: readonly VersionedEntry[];
  /** Finished with a result that is not known to be published. */
  readonly unpublished: readonly VersionedEntry[];
  /** Finished long enough ago to be removed, or to leave no more than their idempotency key behind. */
  readonly spent: readonly { readonly id: string; readonly version: number; readonly entry: QueueEntry | undefined }[];
  /** What waits or is on its way: commands, and bytes in them. */
  readonly waiting: { readonly entries: number; readonly bytes: number };
  /** When the queue should be looked at again, if nothing comes before: a deadline, a repeat, or something to remove. */
  readonly wakeAtMs: number | undefined;
}

/** Finished entries that are kept for readers as they are: the newest in any case, others within these bounds. */
const FINISHED_KEPT = 20;
const FINISHED_BYTES = 1_048_576;
/** How long an idempotency key is kept, and how many of a device. */
export const IDEMPOTENCY_MS = 86_400_000;
const KEYS_KEPT = 500;

/** `heardMs`: when the device was heard last, as far as is known. */
export function viewQueue(entries: readonly VersionedEntry[], nowMs: number, heardMs = 0): QueueView {
  const [only] = entries;
  if (only !== undefined && entries.length === 1 && only.entry.state === 'queued' && only.entry.deadlineMs > nowMs) return viewOfOne(only, nowMs, heardMs);
  const open = entries.filter(({ entry }) => !isFinished(entry));
  const inFlight = open.find(({ entry }) => entry.state === 'in-flight');
  const queued = open.filter(({ entry }) => entry.state === 'queued');
  const over = queued.flatMap((stored) => ended(stored, queued, nowMs));
  const ids = new Set(over.map(({ entry }) => entry.id));
  const ready = queued.filter(({ entry }) => !ids.has(entry.id) && isReady(entry, nowMs, heardMs));
  const times = entries.flatMap(({ entry }) => wakeTimes(entry, nowMs));
  const whole = entries.filter(({ entry }) => isFinished(entry) && entry.idempotencyOnly !== true);
  return {
    next: inFlight ?? ready.sort((a, b) => byTurn(a.entry, b.entry))[0],
    last: open.length === 1 && over.length === 0 && whole.length + 1 < FINISHED_KEPT,
    over,
    unpublished: entries.filter(({ entry }) => isFinished(entry) && entry.unpublished),
    spent: spent(entries, nowMs),
    waiting: whatWaits(open.filter(({ entry }) => !ids.has(entry.id))),
    wakeAtMs: times.length === 0 ? undefined : Math.min(...times),
  };
}

const NONE: readonly never[] = [];

/** The view of the usual queue: one command that waits. */
function viewOfOne(only: VersionedEntry, nowMs: number, heardMs: number): QueueView {
  const { notBeforeMs, deadlineMs } = only.entry;
  return {
    next: isReady(only.entry, nowMs, heardMs) ? only : undefined,
    last: true,
    over: NONE, unpublished: NONE, spent: NONE,
    waiting: { entries: 1, bytes: only.bytes },
    wakeAtMs: notBeforeMs > nowMs ? Math.min(deadlineMs, notBeforeMs) : deadlineMs,
  };
}

function isReady({ notBeforeMs, awayFromMs = Infinity }: QueueEntry, nowMs: number, heardMs: number): boolean {
  return notBeforeMs <= nowMs || awayFromMs <= heardMs;
}

/** The figures of what waits, for its tenant's account. */
export function whatWaits(open: readonly VersionedEntry[]): QueueView['waiting'] {
  return { entries: open.length, bytes: open.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** A queued entry that is over without having been sent again. */
function ended({ entry, ...stored }: VersionedEntry, queued: readonly VersionedEntry[], nowMs: number): VersionedEntry[] {
  if (entry.deadlineMs <= nowMs) return [{ ...stored, entry: finish(entry, { state: 'expired', atMs: nowMs, reason: 'its time ran out before the device could take it' }) }];
  const { supersede } = entry.command;
  // Two that came at once did not see each other; one that was in flight when the newer came waits for its repeat.
  const newer = supersede !== undefined && queued.some((other) => other.entry.command.supersede === supersede && byAge(other.entry, entry) > 0);
  return newer ? [{ ...stored, entry: finish(entry, { state: 'cancelled', atMs: nowMs, reason: SUPERSEDED }) }] : [];
}

/** Reason of a command that a newer one with its supersede key has replaced. */
export const SUPERSEDED = 'superseded by a newer command';

function wakeTimes(entry: QueueEntry, nowMs: number): number[] {
  if (entry.finishedAtMs !== undefined) return [entry.finishedAtMs + IDEMPOTENCY_MS];
  if (entry.state !== 'queued' || entry.deadlineMs <= nowMs) return [];
  return entry.notBeforeMs > nowMs ? [entry.deadlineMs, entry.notBeforeMs] : [entry.deadlineMs];
}

function spent(entries: readonly VersionedEntry[], nowMs: number): QueueView['spent'] {
  const finished = entries
    .filter(({ entry }) => isFinished(entry) && !entry.unpublished)
    .sort((a, b) => (b.entry.finishedAtMs ?? 0) - (a.entry.finishedAtMs ?? 0));
  let [bytes, keys] = [0, 0];
  return finished.flatMap(({ version, entry, bytes: size }, place) => {
    const { id } = entry;
    const keyed = entry.command.idempotencyKey !== undefined;
    if (nowMs - (entry.finishedAtMs ?? 0) >= IDEMPOTENCY_MS || (keyed && ++keys > KEYS_KEPT)) return [{ id, version, entry: undefined }];
    if (entry.idempotencyOnly === true) return [];
    bytes += size;
    const whole = place === 0 || (place < FINISHED_KEPT && bytes <= FINISHED_BYTES);
    return whole ? [] : [{ id, version, entry: keyed ? idempotencyOnly(entry) : undefined }];
  });
}
