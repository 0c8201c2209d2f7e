/** The callers' side of the downlink queue: submits commands, shows where they stand, cancels those that have not left. */
import type { CommandRequest, CommandStatus } from '@cluster/contracts';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { Buffer } from 'node:buffer';
import { byAge, decodeEntry, encodeEntry, entryStatus, finish, firstLookMs, isFinished, isSameCommand, newEntry, type Origin, type QueueEntry } from './entry.ts';
import { findEndpoint, type Found } from './find.ts';
import type { ClusterStore, DeviceNumber, SessionStore, StoredEntry } from './ports.ts';
import { SUPERSEDED } from './queue.ts';
import { quotaSpent } from './usage.ts';

export interface QueueLimits {
  /** Commands of one device that have not ended, and bytes in them. */
  readonly queueEntries: number;
  readonly queueBytes: number;
  /** The same for all devices of one tenant; none unless given. */
  readonly tenant?: { readonly entries: number; readonly bytes: number };
}

export interface CommandsDeps {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly limits: QueueLimits;
  readonly newId: () => string;
  /** Whether a tenant may submit one more command now: 0, or after how many ms. */
  readonly admit?: (tenant: string) => number;
}

export type Submission =
  | { readonly outcome: 'accepted'; readonly status: CommandStatus }
  /** `origin`: who asked for the command that is queued under this key. `same`: it asks for what is asked for now. */
  | { readonly outcome: 'repeated'; readonly status: CommandStatus; readonly same: boolean; readonly origin?: Origin }
  | { readonly outcome: 'unknown-endpoint' | 'queue-full' | 'tenant-full' }
  | { readonly outcome: 'too-fast'; readonly retryAfterMs: number }
  | { readonly outcome: 'malformed'; readonly faults: readonly CommandFault[] };

export type Cancellation = 'cancelled' | 'in-flight' | 'finished' | 'unknown';

/** A write that met a newer version every time: the caller may try again. */
export class Contended extends Error {
  readonly code = 'CONTENDED';
}

export const TRIES = 8;

export class Commands {
  readonly #deps: CommandsDeps;
  /** Tells apart what this process accepts within one millisecond. */
  #accepted = 0;

  constructor(deps: CommandsDeps) {
    this.#deps = deps;
  }

  /**
   * Queues a command for an endpoint that the cluster knows, registered or not, and rings its owner. A command whose
   * idempotency key was seen within 24 h is not queued again: its present status is returned. The deadline of one with an origin counts from the time
   * that the origin tells. Throws `StoreUnavailable`: not known whether it was stored.
   */
  async submit(endpoint: string, command: CommandRequest, origin?: Origin): Promise<Submission> {
    const faults = checkCommand(command);
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const found = await findEndpoint(this.#deps.sessions, endpoint);
    if (found === undefined || found.record.retired === true) return { outcome: 'unknown-endpoint' };
    let whole = (command.idempotencyKey !== undefined || command.supersede !== undefined) && found.entries > 0;
    let reserved = false;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const stored = whole ? await this.#deps.sessions.loadEntries(found.number) : [];
      const id = command.idempotencyKey === undefined ? this.#deps.newId() : idempotentId(command.idempotencyKey);
      const same = stored.find((e) => e.id === id);
      if (same !== undefined) return repeated(same, command);
      const retryAfterMs = reserved ? 0 : (this.#deps.admit?.(found.record.tenant) ?? 0);
      if (retryAfterMs > 0) return { outcome: 'too-fast', retryAfterMs };
      // What is reserved and then not stored is put right by the sweeper, whom the alarm of the commit calls.
      const [nowMs, room] = await Promise.all([this.#deps.sessions.timeMs(), reserved || this.#reserve(found, command)]);
      if (!room) return { outcome: 'tenant-full' };
      reserved = true;
      const entry = newEntry(command, { id, nowMs, sequence: ++this.#accepted, ...(origin === undefined ? {} : { origin }) });
      const done = await this.#store(found, stored, entry);
      if (done === 'full' && whole) return { outcome: 'queue-full' };
      if (done !== 'full' && done !== 'conflict') return done;
      // What is finished takes no room from what waits, and shows only in the queue itself.
      whole = true;
    }
    throw new Contended(`the queue of ${endpoint} changed under every attempt`);
  }

  /** Takes room in the tenant's account, whose figures are those of the last look at each of its queues. */
  async #reserve({ number, record: { tenant } }: Found, command: CommandRequest): Promise<boolean> {
    const { sessions, limits } = this.#deps;
    const bytes = JSON.stringify(command).length;
    return limits.tenant === undefined || sessions.reserve({ tenant, number, entries: 1, bytes }, limits.tenant);
  }

  async #store(found: Found, stored: readonly StoredEntry[], entry: QueueEntry): Promise<Submission | 'full' | 'conflict'> {
    const { sessions, limits } = this.#deps;
    const finished = stored.filter((e) => isFinished(decodeEntry(e.record)));
    const [result] = await sessions.commit([
      {
        number: found.number,
        alarmMs: firstLookMs(entry),
        entries: [{ id: entry.id, expected: 0, record: encodeEntry(entry) }, ...superseded(stored, entry)],
        limit: {
          entries: limits.queueEntries + finished.length,
          bytes: limits.queueBytes + finished.reduce((sum, e) => sum + e.record.length, 0),
        },
      },
    ]);
    if (result !== 'committed') return result ?? 'conflict';
    await this.#ring(found);
    return { outcome: 'accepted', status: entryStatus(entry, unreachable(found)) };
  }

  /** The device's commands, newest first; undefined if the endpoint is not known. */
  async list(endpoint: string): Promise<CommandStatus[] | undefined> {
    const found = await findEndpoint(this.#deps.sessions, endpoint);
    if (found === undefined) return undefined;
    const entries = (await this.#entries(found.number)).filter((e) => !e.report);
    const waits = await this.#waitsFor(found, entries);
    return entries.sort((a, b) => byAge(b, a)).map((entry) => entryStatus(entry, waits(entry)));
  }

  /** Commands of a device that have not ended. */
  async open(number: DeviceNumber): Promise<number> {
    return (await this.#entries(number)).filter((e) => !isFinished(e)).length;
  }

  /** Cancels a command that is still queued. */
  async cancel(endpoint: string, id: string): Promise<Cancellation> {
    const { sessions } = this.#deps;
    const found = await findEndpoint(sessions, endpoint);
    if (found === undefined) return 'unknown';
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const stored = (await sessions.loadEntries(found.number)).find((e) => e.id === id);
      if (stored === undefined) return 'unknown';
      const entry = decodeEntry(stored.record);
      if (isFinished(entry)) return 'finished';
      if (entry.state === 'in-flight') return 'in-flight';
      const nowMs = await sessions.timeMs();
      const cancelled = finish(entry, { state: 'cancelled', atMs: nowMs, reason: 'cancelled by a caller' });
      const [result] = await sessions.commit([
        { number: found.number, entries: [{ id, expected: stored.version, record: encodeEntry(cancelled) }] },
      ]);
      if (result === 'committed') {
        await sessions.schedule([{ number: found.number, atMs: nowMs }]);
        await this.#ring(found);
        return 'cancelled';
      }
    }
    throw new Contended(`command ${id} changed under every attempt`);
  }

  async #entries(number: DeviceNumber): Promise<QueueEntry[]> {
    return (await this.#deps.sessions.loadEntries(number)).map((e) => decodeEntry(e.record));
  }

  /** A doorbell that is lost is rung again by the sweeper: its failure is no failure of the caller's. */
  async #ring(found: Found): Promise<void> {
    await this.#deps.cluster.ring([{ worker: found.record.owner, number: found.number, queueOnly: true }]).catch(() => undefined);
  }

  async #waitsFor(found: Found, entries: readonly QueueEntry[]): Promise<(entry: QueueEntry) => string | undefined> {
    if (!entries.some((e) => e.state === 'queued')) return () => undefined;
    const away = unreachable(found);
    if (away === 'registration') return (entry) => (entry.state === 'queued' ? away : undefined);
    const { cluster, sessions } = this.#deps;
    const [[alive], nowMs] = await Promise.all([cluster.alive([found.record.owner]), sessions.timeMs()]);
    const spent = quotaSpent(found.record, nowMs);
    const busy = entries.some((e) => e.state === 'in-flight');
    return (entry) => {
      if (entry.state !== 'queued') return undefined;
      if (spent) return 'byte-quota';
      if (alive !== true || away !== undefined || entry.notBeforeMs > 0) return 'device-message';
      return busy ? 'earlier-command' : 'worker';
    };
  }
}

/** What the device has to do before anything reaches it; undefined: it listens, as far as is known. */
function unreachable({ record }: Found): 'registration' | 'device-message' | undefined {
  if (record.state !== 'registered') return 'registration';
  return record.asleepSinceMs !== undefined || record.disabled !== undefined ? 'device-message' : undefined;
}

function idempotentId(key: string): string {
  return `k.${Buffer.from(key, 'utf8').toString('base64url')}`;
}

function repeated(stored: StoredEntry, command: CommandRequest): Submission {
  const entry = decodeEntry(stored.record);
  return { outcome: 'repeated', status: entryStatus(entry), same: isSameCommand(entry, command), ...(entry.origin === undefined ? {} : { origin: entry.origin }) };
}

function superseded(stored: readonly StoredEntry[], { command, acceptedAtMs: atMs }: QueueEntry) {
  if (command.supersede === undefined) return [];
  return stored.flatMap((e) => {
    const entry = decodeEntry(e.record);
    if (entry.state !== 'queued' || entry.command.supersede !== command.supersede) return [];
    const over = finish(entry, { state: 'cancelled', atMs, reason: SUPERSEDED });
    return [{ id: e.id, expected: e.version, record: encodeEntry(over) }];
  });
}
