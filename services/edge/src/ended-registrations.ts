/**
 * What is left of a registration that ended: its event, and the commands that wait for the device to come back. When
 * nothing waits any more, and the operator keeps nothing for the endpoint, its number is retired for good.
 */
import type { CommandState } from '@cluster/contracts';
import { isRepeatable } from '@cluster/lwm2m';
import {
  decodeStored, encodeEntry, finish, isFinished, isKept, whatWaits, type ClusterStore, type QueueEntry, type SessionRecord,
  type SessionStore, type VersionedEntry,
} from '@cluster/session';
import type { WorkerClock } from '@cluster/coap-kit';
import type { DeviceSteps } from './device-steps.ts';
import type { DomainEvents } from './domain-events.ts';
import { unanswered } from './downlink/outcomes.ts';
import type { Held } from './held-sessions.ts';
import { ChangeRefused, changeSession } from './session-change.ts';

export interface EndedDeps {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly steps: DeviceSteps;
  readonly events: DomainEvents;
  readonly clock: WorkerClock;
  readonly worker: string;
  /** How long a request to the device is out. */
  readonly maxTransmitWaitMs: (record: SessionRecord) => number;
}

/** How soon a device that changed meanwhile is looked at again. */
const AGAIN_MS = 5_000;
/** A command that was submitted before the number was retired is stored by then, or never. */
const STRAGGLERS_MS = 60_000;
/** How long the record of a retired number stays, so that whoever still has the number sees that it is. */
const TOMBSTONE_MS = 600_000;
/** The device may register again while its alarm is being settled: it is never left without one. */
const WAITING_LOOK_MS = 3_600_000;

export class EndedRegistrations {
  readonly #deps: EndedDeps;

  constructor(deps: EndedDeps) {
    this.#deps = deps;
  }

  /** Does what is due; returns when to look again. */
  async look(number: string): Promise<number | undefined> {
    const { steps, cluster, worker, clock } = this.#deps;
    // Any change of a session publishes its pending event first.
    const told = await changeSession(steps, number, () => ({}), { fresh: true });
    if (told === undefined) return undefined;
    // What is held changes with the next commit.
    const { version, record } = told;
    const againMs = clock.storeMs() + AGAIN_MS;
    // The alarm of the new registration, later than this one, went into it.
    if (record.state === 'registered') return againMs;
    const waitingMs = await this.#endCommands(told);
    const stays = isKept(record) || waitingMs < Infinity;
    if (!stays && !(await this.#retire(told, version))) return againMs;
    // The marks of what is told are cleared.
    if (stays && hasMark(record)) await changeSession(steps, number, (now) => (now.record.state === 'registered' ? undefined : { record: now.record }));
    // The owner still holds the session as it was.
    if (record.owner !== '' && record.owner !== worker) await cluster.ring([{ worker: record.owner, number }]);
    if (stays) return Math.min(waitingMs, clock.storeMs() + WAITING_LOOK_MS);
    return record.retired === true ? undefined : clock.storeMs() + STRAGGLERS_MS;
  }

  /** False: the device came back, or something waits again. */
  async #retire({ number, record: { endpoint, retired } }: Held, seen: number): Promise<boolean> {
    const { steps, sessions } = this.#deps;
    const after = await changeSession(steps, number, ({ version, record }) => {
      if (version !== seen || record.state === 'registered') return undefined;
      return retired === true ? {} : { record: { ...record, retired: true }, ttlMs: TOMBSTONE_MS };
    });
    if (after === undefined) return false;
    await sessions.release(endpoint, number);
    const left = (await sessions.loadEntries(number)).map(decodeStored);
    const over = left.filter(({ entry }) => isFinished(entry) && !entry.unpublished);
    const removals = over.map(({ version, entry }) => ({ id: entry.id, expected: version, record: undefined }));
    if (removals.length > 0) await sessions.commit([{ number, entries: removals }]);
    return over.length === left.length;
  }

  /** Ends the commands whose time is over, tells it, and returns when the next one's is; Infinity: none waits. */
  async #endCommands(told: Held): Promise<number> {
    const { sessions, clock } = this.#deps;
    const nowMs = clock.storeMs();
    const stored = (await sessions.loadEntries(told.number)).map(decodeStored);
    const next = stored.map((before) => ({ ...before, entry: this.#next(before.entry, told.record, nowMs) }));
    const changed = next.filter(({ entry }, i) => entry !== stored[i]?.entry);
    const untold = next.filter(({ entry }) => isFinished(entry) && entry.unpublished);
    if (changed.length + untold.length > 0) await this.#tell(told.number, changed, untold);
    const versions = new Map(changed.map(({ version, entry }) => [entry.id, version + 1]));
    const settled = untold.map(({ version, entry }) => ({
      id: entry.id, expected: versions.get(entry.id) ?? version, record: encodeEntry({ ...entry, unpublished: false }),
    }));
    if (settled.length > 0) await sessions.commit([{ number: told.number, entries: settled }]);
    const open = next.filter(({ entry }) => !isFinished(entry));
    await sessions.account([{ tenant: told.record.tenant, number: told.number, ...whatWaits(open) }]);
    return Math.min(...open.map(({ entry }) => this.#overMs(entry, told.record)));
  }

  /** The entry as it stands now that its device is gone; the same one where nothing changes. */
  #next(entry: QueueEntry, record: SessionRecord, nowMs: number): QueueEntry {
    if (isFinished(entry)) return entry;
    if (record.retired === true) return finish(entry, { state: outcomeOf(entry), atMs: nowMs, reason: 'the registration ended' });
    const { exchange } = entry;
    const silent = exchange !== undefined && nowMs - exchange.firstSentAtMs >= this.#deps.maxTransmitWaitMs(record);
    // Its next Register is a better time than any back-off.
    const waits = silent ? unanswered(entry, 'timeout', nowMs, nowMs) : entry;
    if (isFinished(waits) || waits.state === 'in-flight' || waits.deadlineMs > nowMs) return waits;
    return finish(waits, { state: 'expired', atMs: nowMs, reason: 'its time ran out before the device came back' });
  }

  #overMs({ exchange, deadlineMs }: QueueEntry, record: SessionRecord): number {
    return exchange === undefined ? deadlineMs : exchange.firstSentAtMs + this.#deps.maxTransmitWaitMs(record);
  }

  async #tell(number: string, changed: readonly VersionedEntry[], untold: readonly VersionedEntry[]): Promise<void> {
    const after = await changeSession(this.#deps.steps, number, (held) => ({
      entries: changed.map(({ version, entry }) => ({ id: entry.id, expected: version, record: encodeEntry(entry) })),
      events: untold
        .filter(({ entry }) => !entry.report)
        .map(({ entry }) => this.#deps.events.commandResult(number, held.version, held.record, entry)),
    }));
    if (after === undefined) throw new ChangeRefused('store');
  }
}

/** Something of the session has happened, and is not known to be told. */
export function hasMark({ pending, changed }: SessionRecord): boolean {
  return pending !== undefined || changed !== undefined;
}

/** What is in flight may have been carried out. */
function outcomeOf({ state, command }: QueueEntry): CommandState {
  return state === 'in-flight' && !isRepeatable(command) ? 'outcome-unknown' : 'expired';
}
