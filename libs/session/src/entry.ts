/** Entries of the downlink queue: one command, where it stands, and what the device answered. */
import { isSameJson, type CommandRequest, type CommandResponse, type CommandState, type CommandStatus } from '@cluster/contracts';
import { readPlain } from './plain-cbor/read.ts';
import { writePlain } from './plain-cbor/write.ts';
import { RecordUnreadable } from './record.ts';

/** Where the exchange of a command in flight stands: enough for another worker to go on with it. */
export interface Exchange {
  readonly counter: number;
  readonly messageId: number;
  readonly firstSentAtMs: number;
  /** The registration that it belongs to. */
  readonly generation: number;
}

/** The event that asked for a command, where none of REST's callers did. CloudEvents 1.0.2 §3.1 */
export interface Origin {
  readonly source: string;
  readonly id: string;
  /** When it was asked for, ms since 1970. */
  readonly timeMs?: number;
}

/** How far the bytes of a package have gone to the device: enough for another worker to go on with them. RFC 7959 §2.5 */
export interface Transfer {
  /** Bytes that the device has acknowledged. */
  readonly offset: number;
  readonly szx: number;
  readonly size: number;
  /** Request-Tag of this try, base64url. RFC 9175 §3 */
  readonly tag: string;
  /** How often the device had lost what came before. */
  readonly restarts: number;
}

export interface QueueEntry {
  readonly id: string;
  readonly command: CommandRequest;
  readonly state: CommandState;
  readonly attempts: number;
  /** Content formats that the device did not take for it (4.06, 4.15): the next try uses another. */
  readonly refusals: number;
  readonly acceptedAtMs: number;
  /** The order of what one process accepted within the same millisecond. */
  readonly sequence: number;
  readonly origin?: Origin;
  /** Not sent after that time. */
  readonly deadlineMs: number;
  /** Not sent before that time: a repeat after an exchange without an answer. */
  readonly notBeforeMs: number;
  /** A device that did not answer sleeps, or is not registered, from then on: heard after that, it is asked again at once. */
  readonly awayFromMs?: number;
  readonly exchange?: Exchange;
  readonly transfer?: Transfer;
  readonly finishedAtMs?: number;
  readonly reason?: string;
  readonly response?: CommandResponse;
  /** The result event is not known to be published. */
  readonly unpublished: boolean;
  /** Nothing is left of it but what tells a repeat of its request how it ended. */
  readonly idempotencyOnly?: boolean;
  /** Made by the server itself: a block-wise notification's rest, or a value read once after a gap. */
  readonly report: boolean;
}

export const DEFAULT_TTL_S = 86_400;
const DEFAULT_PRIORITY = 5;
const FORMAT = 1;

/** A fresh entry. Without `ttlS` it is kept for a day; its time runs from when it was asked for. */
export function newEntry(
  command: CommandRequest,
  at: { id: string; nowMs: number; sequence?: number; origin?: Origin; report?: boolean },
): QueueEntry {
  // A clock of the caller's that runs ahead gives no more time.
  const fromMs = Math.min(at.nowMs, at.origin?.timeMs ?? at.nowMs);
  return {
    id: at.id,
    command,
    state: 'queued',
    attempts: 0,
    refusals: 0,
    acceptedAtMs: at.nowMs,
    sequence: at.sequence ?? 0,
    ...(at.origin === undefined ? {} : { origin: at.origin }),
    deadlineMs: fromMs + (command.ttlS ?? DEFAULT_TTL_S) * 1_000,
    notBeforeMs: 0,
    unpublished: false,
    report: at.report ?? false,
  };
}

/** When the sweeper rings again for what a doorbell that got lost should have told. */
export const RING_AGAIN_MS = 10_000;

/** When the sweeper looks at a fresh entry. */
export function firstLookMs({ acceptedAtMs, deadlineMs }: QueueEntry): number {
  return Math.min(acceptedAtMs + RING_AGAIN_MS, deadlineMs);
}

/** The bytes of an entry: its format, its mark and itself. The mark stands at a place of its own, see {@link settledEntry}. */
export function encodeEntry(entry: QueueEntry): Uint8Array {
  return writePlain([FORMAT, entry.unpublished, entry]);
}

const MARK_AT = 2;
const FALSE = 0xf4;

/** The bytes of an entry once its result is known to be published. */
export function settledEntry(encoded: Uint8Array): Uint8Array {
  const settled = new Uint8Array(encoded);
  settled[MARK_AT] = FALSE;
  return settled;
}

/** Reads an entry back. Throws {@link RecordUnreadable}. */
export function decodeEntry(bytes: Uint8Array): QueueEntry {
  let stored: [number, boolean, QueueEntry];
  try {
    stored = readPlain(bytes) as [number, boolean, QueueEntry];
  } catch (cause) {
    throw new RecordUnreadable('queue entry is damaged', { cause });
  }
  if (!Array.isArray(stored) || stored[0] !== FORMAT) throw new RecordUnreadable('queue entry of another format');
  const [, unpublished, entry] = stored;
  return entry.unpublished === unpublished ? entry : { ...entry, unpublished };
}

export function isFinished(entry: QueueEntry): boolean {
  return entry.state !== 'queued' && entry.state !== 'in-flight';
}

/** Ends an entry. Its result event is still to be published. */
export function finish(
  entry: QueueEntry,
  end: { state: CommandState; atMs: number; reason?: string; response?: CommandResponse },
): QueueEntry {
  const { exchange: _, ...rest } = entry;
  return {
    ...rest,
    state: end.state,
    finishedAtMs: end.atMs,
    ...(end.reason === undefined ? {} : { reason: end.reason }),
    ...(end.response === undefined ? {} : { response: end.response }),
    unpublished: true,
  };
}

/** A finished entry without the bodies of its request and of its answer. */
export function idempotencyOnly(entry: QueueEntry): QueueEntry {
  const { op, path, idempotencyKey } = entry.command;
  const { response, transfer: _, ...rest } = entry;
  return {
    ...rest,
    command: { op, ...(path === undefined ? {} : { path }), ...(idempotencyKey === undefined ? {} : { idempotencyKey }) },
    ...(response === undefined ? {} : { response: { code: response.code } }),
    idempotencyOnly: true,
  };
}

/** Whether a repeat asks for what the entry was made for. Where only the key is left, by what is kept beside it. */
export function isSameCommand(entry: QueueEntry, command: CommandRequest): boolean {
  const { op, path, idempotencyKey } = command;
  const asked = entry.idempotencyOnly === true ? { op, path, idempotencyKey } : command;
  return isSameJson(asked, entry.command);
}

/** The entry as REST and events show it. */
export function entryStatus(entry: QueueEntry, waitsFor?: string): CommandStatus {
  const { command } = entry;
  return {
    id: entry.id,
    op: command.op,
    ...(command.path === undefined ? {} : { path: command.path }),
    ...(command.paths === undefined ? {} : { paths: command.paths }),
    state: entry.state,
    attempts: entry.attempts,
    acceptedAt: new Date(entry.acceptedAtMs).toISOString(),
    ...(entry.finishedAtMs === undefined ? {} : { finishedAt: new Date(entry.finishedAtMs).toISOString() }),
    ...(waitsFor === undefined || entry.state !== 'queued' ? {} : { waitsFor }),
    ...(entry.origin === undefined ? {} : { correlation: entry.origin.id, correlationSource: entry.origin.source }),
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    ...(entry.response === undefined ? {} : { response: entry.response }),
  };
}

/** Order of sending: priority first, then age. */
export function byTurn(a: QueueEntry, b: QueueEntry): number {
  const priority = (b.command.priority ?? DEFAULT_PRIORITY) - (a.command.priority ?? DEFAULT_PRIORITY);
  return priority !== 0 ? priority : byAge(a, b);
}

/** The one accepted first comes first. */
export function byAge(a: QueueEntry, b: QueueEntry): number {
  return a.acceptedAtMs - b.acceptedAtMs || a.sequence - b.sequence || Number(a.id > b.id) - Number(a.id < b.id);
}
