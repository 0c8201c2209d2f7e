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
  const open: VersionedEntry[] = [];
  const finished: VersionedEntry[] = [];
  for (const stored of entries) (isFinished(stored.entry) ? finished : open).push(stored);
  const over = overOf(open, nowMs);
  const waiting = over.length === 0 ? open : without(open, over);
  return {
    next: nextOf(waiting, nowMs, heardMs),
    last: open.length === 1 && over.length === 0 && countWhole(finished) + 1 < FINISHED_KEPT,
    over,
    unpublished: finished.filter(({ entry }) => entry.unpublished),
    spent: spent(finished, nowMs),
    waiting: whatWaits(waiting),
    wakeAtMs: wakeAt(entries, nowMs),
  };
}

function overOf(open: readonly VersionedEntry[], nowMs: number): VersionedEntry[] {
  const over: VersionedEntry[] = [];
  for (const stored of open) {
    const end = stored.entry.state === 'queued' ? ended(stored, open, nowMs) : undefined;
    if (end !== undefined) over.push(end);
  }
  return over;
}

function without(open: readonly VersionedEntry[], over: readonly VersionedEntry[]): VersionedEntry[] {
  const ids = new Set(over.map(({ entry }) => entry.id));
  return open.filter(({ entry }) => !ids.has(entry.id));
}

/** The one that is out, else of those that may leave the one whose turn it is. */
function nextOf(waiting: readonly VersionedEntry[], nowMs: number, heardMs: number): VersionedEntry | undefined {
  let next: VersionedEntry | undefined;
  for (const stored of waiting) {
    if (stored.entry.state === 'in-flight') return stored;
    if (isReady(stored.entry, nowMs, heardMs) && (next === undefined || byTurn(stored.entry, next.entry) < 0)) next = stored;
  }
  return next;
}

function countWhole(finished: readonly VersionedEntry[]): number {
  let whole = 0;
  for (const { entry } of finished) if (entry.idempotencyOnly !== true) whole++;
  return whole;
}

function isReady({ notBeforeMs, awayFromMs = Infinity }: QueueEntry, nowMs: number, heardMs: number): boolean {
  return notBeforeMs <= nowMs || awayFromMs <= heardMs;
}

/** The figures of what waits, for its tenant's account. */
export function whatWaits(open: readonly VersionedEntry[]): QueueView['waiting'] {
  return { entries: open.length, bytes: open.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** A queued entry that is over without having been sent again, as it ends. */
function ended({ entry, ...stored }: VersionedEntry, open: readonly VersionedEntry[], nowMs: number): VersionedEntry | undefined {
  if (entry.deadlineMs <= nowMs) return { ...stored, entry: finish(entry, { state: 'expired', atMs: nowMs, reason: 'its time ran out before the device could take it' }) };
  const { supersede } = entry.command;
  if (supersede === undefined) return undefined;
  // Two that came at once did not see each other; one that was in flight when the newer came waits for its repeat.
  const newer = open.some(({ entry: other }) => other.state === 'queued' && other.command.supersede === supersede && byAge(other, entry) > 0);
  return newer ? { ...stored, entry: finish(entry, { state: 'cancelled', atMs: nowMs, reason: SUPERSEDED }) } : undefined;
}

/** Reason of a command that a newer one with its supersede key has replaced. */
export const SUPERSEDED = 'superseded by a newer command';

function wakeAt(entries: readonly VersionedEntry[], nowMs: number): number | undefined {
  let earliest = Infinity;
  for (const { entry } of entries) earliest = Math.min(earliest, wakeTime(entry, nowMs));
  return earliest === Infinity ? undefined : earliest;
}

function wakeTime({ state, finishedAtMs, deadlineMs, notBeforeMs }: QueueEntry, nowMs: number): number {
  if (finishedAtMs !== undefined) return finishedAtMs + IDEMPOTENCY_MS;
  if (state !== 'queued' || deadlineMs <= nowMs) return Infinity;
  return notBeforeMs > nowMs ? Math.min(deadlineMs, notBeforeMs) : deadlineMs;
}

function spent(finished: readonly VersionedEntry[], nowMs: number): QueueView['spent'] {
  const told = finished
    .filter(({ entry }) => !entry.unpublished)
    .sort((a, b) => (b.entry.finishedAtMs ?? 0) - (a.entry.finishedAtMs ?? 0));
  const gone: { id: string; version: number; entry: QueueEntry | undefined }[] = [];
  let [bytes, keys, place] = [0, 0, -1];
  for (const { version, entry, bytes: size } of told) {
    const { id } = entry;
    place++;
    const keyed = entry.command.idempotencyKey !== undefined;
    if (nowMs - (entry.finishedAtMs ?? 0) >= IDEMPOTENCY_MS || (keyed && ++keys > KEYS_KEPT)) gone.push({ id, version, entry: undefined });
    else if (entry.idempotencyOnly !== true) {
      bytes += size;
      const whole = place === 0 || (place < FINISHED_KEPT && bytes <= FINISHED_BYTES);
      if (!whole) gone.push({ id, version, entry: keyed ? idempotencyOnly(entry) : undefined });
    }
  }
  return gone;
}
