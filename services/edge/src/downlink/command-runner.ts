/** Carries out one command of the queue: leases it, sends it, stores what came of it and tells. */
import { contentFormat, type CoapMessage } from '@cluster/coap';
import type { EventRecord } from '@cluster/events';
import { parsePath, planRequest, readReport, readResponse, type Path, type RequestPlan } from '@cluster/lwm2m';
import {
  disabling, encodeEntry, finish, isFinished, observationKey, settledEntry, tokenOf, type EntryWrite, type QueueEntry, type QueueView, type SessionRecord,
  type DeviceNumber, type SessionStore, type VersionedEntry,
} from '@cluster/session';
import type { DeviceSteps } from '../device-steps.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { changeSession, changeStep, type Change, type ChangeRefused } from '../session-change.ts';
import { mayLease, type Uplink } from '../uplink/uplink.ts';
import type { Ending, Exchanges, Outgoing } from './exchanges.ts';
import { leaseRequest, type Lease } from './lease.ts';
import { afterBlock, type PackageBlocks } from './package-blocks.ts';
import type { Settler } from './settler.ts';
import { SentAhead } from './sent-ahead.ts';
import { afterResponse, afterSilence, answered, inAnotherFormat, observationOfCommand, unanswered, withDisable } from './outcomes.ts';
import { UnstoredAnswers } from './unstored-answers.ts';

/** A command that has its identifiers, stored as in flight. */
interface Leased {
  readonly held: Held;
  readonly entry: VersionedEntry;
  readonly lease: Lease;
}

type Plan = RequestPlan & Pick<Outgoing, 'block1'>;
type Answer = Extract<Ending, { kind: 'response' }>;

/** What the end of an exchange makes of a command, by which message, and what of its session. */
interface After {
  readonly next: QueueEntry;
  readonly message?: CoapMessage;
  readonly change?: ((record: SessionRecord, sequence: number) => SessionRecord) | undefined;
}

/** Hears that a command is over: whether its device was reached and its answer told, or what went wrong. */
export type Over = (reached: boolean, error?: unknown) => void;

/** When a storage that is away is asked again. */
const STORAGE_AGAIN_MS = 30_000;
const NO_BLOCK = { 'no-storage': 'this server sees no packages (LWM2M_FIRMWARE_DIR, LWM2M_FIRMWARE_S3_BUCKET)', 'gone': 'the package is gone' } as const;

export class CommandRunner {
  readonly #uplink: Uplink;
  readonly #steps: DeviceSteps;
  readonly #sessions: SessionStore;
  readonly #exchanges: Exchanges;
  readonly #settler: Settler;
  readonly #unstored = new UnstoredAnswers();
  readonly #blocks: PackageBlocks;
  readonly #ahead = new SentAhead();
  readonly #wake: (number: DeviceNumber) => void;
  readonly #mayGoOn: (held: Held) => boolean;

  /** `wake` hears of devices whose command has more to send; `mayGoOn`: nothing else is due for the device, or for others. */
  constructor(deps: {
    uplink: Uplink; steps: DeviceSteps; sessions: SessionStore; exchanges: Exchanges; settler: Settler; blocks: PackageBlocks;
    wake: (number: DeviceNumber) => void; mayGoOn: (held: Held) => boolean;
  }) {
    this.#mayGoOn = deps.mayGoOn;
    this.#blocks = deps.blocks;
    this.#wake = deps.wake;
    this.#uplink = deps.uplink;
    this.#steps = deps.steps;
    this.#sessions = deps.sessions;
    this.#exchanges = deps.exchanges;
    this.#settler = deps.settler;
  }

  /** Tells and ends what is over, and removes what nobody needs any more. */
  async tidy(held: Held, view: QueueView): Promise<void> {
    const untold = [...view.over, ...view.unpublished];
    if (untold.length > 0) {
      const after = await changeSession(this.#steps, held.number, (now) => ({
        ...changed(now.record, afterSilence(now.record, view.over.map(({ entry }) => entry))),
        entries: view.over.map(({ version, entry }) => ({ id: entry.id, expected: version, record: encodeEntry(entry) })),
        events: untold.flatMap(({ entry }) => this.#result(now, entry)),
      }));
      if (after === undefined) return;
    }
    const told = [
      ...view.over.map(({ version, entry }) => settled(version + 1, entry, encodeEntry(entry))),
      ...view.unpublished.map(({ version, entry }) => settled(version, entry, encodeEntry(entry))),
      ...view.spent.map(({ id, version, entry }) => ({ id, expected: version, record: entry && encodeEntry(entry) })),
    ];
    if (told.length > 0) await this.#sessions.commit([{ number: held.number, entries: told }]);
  }

  /** Runs a command to the end of its exchange. False: the device can't be reached now, or its answer not be told. */
  async run(held: Held, queued: VersionedEntry): Promise<boolean> {
    const planned = planRequest(queued.entry.command, contextOf(held, this.#uplink.model), queued.entry.refusals);
    if (!planned.ok) {
      const reason = planned.faults.map((f) => f.message).join('; ');
      return this.#store(held, queued, finish(queued.entry, { state: 'cancelled', atMs: this.#uplink.clock.storeMs(), reason }));
    }
    if (queued.entry.command.package !== undefined) return this.#runBlock(held, this.#ahead.current(held.number, queued), planned.plan);
    if (queued.entry.state === 'in-flight') return this.#resume(held, queued, planned.plan);
    return this.#send(held, queued, planned.plan);
  }

  /** One block of a package; the next one is due once this one is acknowledged. */
  async #runBlock(held: Held, queued: VersionedEntry, plan: RequestPlan): Promise<boolean> {
    const due = await this.#blocks.due(queued.entry, this.#exchanges.blockSize(held.record));
    const nowMs = this.#uplink.clock.storeMs();
    if (due === 'away') {
      await this.#store(held, queued, { ...queued.entry, state: 'queued', notBeforeMs: nowMs + STORAGE_AGAIN_MS });
      return false;
    }
    if (typeof due === 'string') return this.#store(held, queued, finish(queued.entry, { state: 'cancelled', atMs: nowMs, reason: NO_BLOCK[due] }));
    const { entry, payload, block1 } = due;
    const block = { ...plan, payload, block1 };
    return entry.state === 'in-flight' ? this.#resume(held, { ...queued, entry }, block) : this.#send(held, { ...queued, entry }, block);
  }

  /**
   * Runs a fresh command that is one request and one answer, without a promise on its way. `over` hears what {@link run} would
   * resolve to, or why it would reject; it must not throw. False: the command is another one.
   */
  begin(held: Held, queued: VersionedEntry, over: Over): boolean {
    const { entry } = queued;
    if (entry.state !== 'queued' || entry.command.package !== undefined) return false;
    const planned = planRequest(entry.command, contextOf(held, this.#uplink.model), entry.refusals);
    if (planned.ok) this.#lease(held, queued, planned.plan, over);
    return planned.ok;
  }

  #send(held: Held, queued: VersionedEntry, plan: Plan): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#lease(held, queued, plan, (reached, error) => (error === undefined ? resolve(reached) : reject(error as Error)));
    });
  }

  /** The next block of a package under the lease of the one before it. */
  async #sendAhead(held: Held, stored: VersionedEntry): Promise<boolean> {
    const { entry } = stored;
    const due = await this.#blocks.due(entry, this.#exchanges.blockSize(held.record));
    const planned = planRequest(entry.command, contextOf(held, this.#uplink.model), entry.refusals);
    if (typeof due === 'string' || !planned.ok || entry.exchange === undefined) return this.#pause(held, stored);
    this.#uplink.counters.requests.add(1);
    const { counter, messageId } = entry.exchange;
    const ending = await this.#exchanges.run(held, { counter, messageId, ...planned.plan, payload: due.payload, block1: due.block1 });
    return this.complete(held, stored, ending);
  }

  /** How far the package is gets stored, before anything else is done for the device. */
  async #pause(held: Held, { entry, ...stored }: VersionedEntry): Promise<boolean> {
    const { exchange: _, ...queued } = entry;
    return this.#goOn(held, { ...stored, entry }, undefined, { ...queued, state: 'queued', attempts: 0 });
  }

  /** Stores how far packages are whose worker ends: the next one goes on with the block that is out. */
  async keepProgress(): Promise<void> {
    const writes = this.#ahead.takeAll().map(({ number, version, entry }) => ({
      number, entries: [{ id: entry.id, expected: version, record: encodeEntry(entry) }],
    }));
    if (writes.length > 0) await this.#sessions.commit(writes).catch(() => undefined); // the next one repeats some blocks
  }

  /** Goes on with an exchange that a worker before this one began: same token, same message id, what is left of its time. */
  async #resume(held: Held, inFlight: VersionedEntry, plan: Plan): Promise<boolean> {
    const { exchange } = inFlight.entry;
    const known = exchange && this.#unstored.take(held.number, exchange);
    if (known !== undefined) return this.complete(held, inFlight, known);
    const nowMs = this.#uplink.clock.storeMs();
    const over = exchange === undefined || nowMs - exchange.firstSentAtMs >= this.#uplink.presence.windowMs(held.record);
    if (over || exchange.generation !== held.record.generation) {
      return this.complete(held, inFlight, { kind: 'failed', reason: over ? 'timeout' : 'registered-anew' });
    }
    const firstSentAtMs = exchange.firstSentAtMs - nowMs + this.#uplink.clock.monotonicMs();
    const { counter, messageId } = exchange;
    const ending = await this.#exchanges.run(held, { counter, messageId, ...plan, firstSentAtMs });
    return this.complete(held, inFlight, ending);
  }

  #lease({ number }: Held, { version, entry, bytes }: VersionedEntry, plan: Plan, over: Over): void {
    let lease: Lease | undefined;
    let sent = entry;
    const decide = (now: Held): Change | undefined => {
      if (!mayLease(this.#uplink, now.record)) return undefined;
      lease = leaseRequest(now, this.#uplink.settings.worker, tokenToReuse(now.record, entry));
      const { counter, messageId, record } = lease;
      const exchange = { counter, messageId, firstSentAtMs: this.#uplink.clock.storeMs(), generation: record.generation };
      sent = { ...entry, state: 'in-flight', attempts: entry.attempts + 1, exchange };
      const after = disabling(record, entry.command);
      const entries = [{ id: entry.id, expected: version, record: encodeEntry(sent) }];
      return after === now.record && !takesAlong(after) ? { guarded: true, entries } : { record: after, entries };
    };
    const leased = (held: Held | undefined): void => {
      if (held === undefined || lease === undefined) return over(false);
      this.#request({ held, entry: { version: version + 1, entry: sent, bytes }, lease }, plan, over);
    };
    this.#steps.runSoon(changeStep(number, decide, leased, (error) => over(false, error)));
  }

  #request({ held, entry, lease }: Leased, plan: Plan, over: Over): void {
    const { counter, messageId } = lease;
    this.#uplink.counters.requests.add(1);
    try {
      this.#exchanges.begin(held, { counter, messageId, ...plan }, (ending) => this.#ended(held, entry, ending, over));
    } catch (error) {
      over(false, error);
    }
  }

  #ended(held: Held, inFlight: VersionedEntry, ending: Ending, over: Over): void {
    const plain = ending.kind === 'response' && ending.stored === undefined && inFlight.entry.transfer === undefined;
    if (!plain) return void this.complete(held, inFlight, ending).then(over, (error: unknown) => over(false, error));
    const failed = (error: unknown): void => {
      this.#keep(held, inFlight, ending);
      over(false, error);
    };
    try {
      this.#answered(held, inFlight, ending, over, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Stores the end of an exchange and tells it. False: the device did not answer, or its answer could not be told. */
  async complete(held: Held, inFlight: VersionedEntry, ending: Ending): Promise<boolean> {
    const stored = ending.kind === 'response' ? ending.stored : undefined;
    try {
      const reached = await this.#complete(held, inFlight, ending);
      stored?.(true);
      return reached;
    } catch (error) {
      stored?.(false);
      // Whoever heard that it is not stored brings it again.
      if (ending.kind === 'response' && stored === undefined) this.#keep(held, inFlight, ending);
      throw error;
    }
  }

  #keep({ number }: Held, { entry: { exchange } }: VersionedEntry, answer: Answer): void {
    if (exchange !== undefined) this.#unstored.keep(number, exchange, answer);
  }

  async #complete(held: Held, inFlight: VersionedEntry, ending: Ending): Promise<boolean> {
    const nowMs = this.#uplink.clock.storeMs();
    const { entry } = inFlight;
    if (ending.kind === 'given') {
      this.#ahead.forget(held.number);
      return false;
    }
    const awayFromMs = held.record.registration.queueMode ? this.#uplink.presence.awakeUntilMs(held) : undefined;
    const more = entry.transfer && afterBlock(entry, ending, { nowMs, tag: this.#blocks.newTag(), awayFromMs });
    if (more !== undefined) return this.#goOn(held, inFlight, ending, more);
    if (ending.kind === 'failed') {
      this.#uplink.counters.unanswered(ending.reason);
      const next = unanswered(entry, ending.reason, nowMs, awayFromMs);
      const told = await this.#store(held, inFlight, next, (record) => afterSilence(record, [next]));
      if (ending.reason === 'timeout') return false;
      if (!isFinished(next)) this.#wake(held.number);
      return told;
    }
    return new Promise((resolve, reject) => this.#answered(held, inFlight, ending, resolve, reject));
  }

  #answered(held: Held, inFlight: VersionedEntry, { message, rttMs, late }: Answer, told: (done: boolean) => void, failed: (error: unknown) => void): void {
    const nowMs = this.#uplink.clock.storeMs();
    const { entry } = inFlight;
    held.heardMs = nowMs;
    const context = contextOf(held, this.#uplink.model);
    const retried = inAnotherFormat(entry, message, context);
    if (retried !== undefined) {
      const again = (done: boolean): void => {
        this.#wake(held.number);
        told(done);
      };
      return this.#commit(held, inFlight, { next: retried }, again, failed);
    }
    const response = readResponse(entry.command, message, context, nowMs / 1_000);
    const next = answered(entry, { ...response, rttMs: Math.round(rttMs) }, nowMs);
    const exchange = entry.exchange ?? { counter: 0, messageId: 0, firstSentAtMs: 0, generation: 0 };
    const change = (record: SessionRecord, sequence: number): SessionRecord => {
      const answer = afterResponse(record, entry.command, message, exchange, late);
      const after = withDisable(answer, entry.command, response, { nowMs, sequence });
      // Instances came or went, or what a template wants was cancelled.
      return after === record ? record : this.#uplink.templates.apply(after);
    };
    this.#commit(held, inFlight, { next, message, change }, told, failed);
  }

  /** The next block is due, at once or after a pause. */
  async #goOn(held: Held, inFlight: VersionedEntry, ending: Ending | undefined, next: QueueEntry): Promise<boolean> {
    if (ending?.kind === 'response') held.heardMs = this.#uplink.clock.storeMs();
    else if (ending?.kind === 'failed') this.#uplink.counters.unanswered(ending.reason);
    const now = this.#uplink.held.get(held.number);
    const ahead = ending?.kind === 'response' && now !== undefined && this.#mayGoOn(now) && this.#ahead.step(now, inFlight, next, this.#uplink.clock.storeMs());
    if (ahead && now !== undefined) return this.#sendAhead(now, { ...inFlight, entry: ahead });
    const stored = await this.#store(held, inFlight, next);
    if (!isFinished(next)) this.#wake(held.number);
    return stored && !(ending?.kind === 'failed' && ending.reason === 'timeout');
  }

  /** False: stored, but not told. */
  #store(held: Held, inFlight: VersionedEntry, next: QueueEntry, change?: After['change']): Promise<boolean> {
    return new Promise((resolve, reject) => this.#commit(held, inFlight, { next, change }, resolve, reject));
  }

  #commit({ number }: Held, { version }: VersionedEntry, { next, message, change }: After, told: (done: boolean) => void, failed: (error: unknown) => void): void {
    const encoded = encodeEntry(next);
    const decide = (now: Held): Change => {
      const record = change === undefined ? now.record : change(now.record, now.version + 1);
      const events = next.report ? this.#report(now, next, message) : this.#result(now, next);
      return { ...changed(now.record, record), entries: [{ id: next.id, expected: version, record: encoded }], events };
    };
    const done = (): void => {
      if (next.transfer !== undefined) this.#ahead.forget(number);
      if (isFinished(next)) this.#settler.add(number, settled(version + 1, next, encoded));
      told(true);
    };
    // The mark on the entry brings it out when the brokers are back.
    const refused = (error: ChangeRefused): void => (error.why === 'events' ? told(false) : failed(error));
    this.#steps.runSoon(changeStep(number, decide, done, refused));
  }

  #result(held: Held, entry: QueueEntry): EventRecord[] {
    if (!isFinished(entry) || entry.report) return [];
    return [this.#uplink.events.commandResult(held.number, held.version, held.record, entry)];
  }

  /** A body that was read again is told as the notification that it is. */
  #report(held: Held, entry: QueueEntry, message: CoapMessage | undefined): EventRecord[] {
    if (message === undefined || message.code >> 5 !== 2) return [];
    const paths = entry.command.paths ?? [entry.command.path ?? '/'];
    const bases = paths.map(parsePath).filter((p): p is Path => p !== undefined);
    const nowMs = this.#uplink.clock.storeMs();
    const format = contentFormat(message);
    const report = readReport(message.payload, format, bases, contextOf(held, this.#uplink.model), nowMs / 1_000);
    const cause = { token: tokenOf(held.number, entry.exchange?.counter ?? 0), messageId: message.messageId, payload: message.payload };
    const values = { ...report, ...(format === undefined ? {} : { contentFormat: format }) };
    return [this.#uplink.events.notification(held, cause, nowMs, { paths, ...values })];
  }
}

/** Whether what the worker alone knows of a device goes into the store with each of its commands: when it was heard, what it may still use. */
function takesAlong({ registration, profile }: SessionRecord): boolean {
  return registration.queueMode || profile?.settings.maxBytesPerDay !== undefined;
}

function changed(before: SessionRecord, after: SessionRecord): { record?: SessionRecord; alarmMs?: number } {
  if (after === before) return {};
  const away = after.disabled !== undefined && after.disabled !== before.disabled;
  return { record: after, ...(away ? { alarmMs: after.disabled.untilMs } : {}) };
}

/** A result that is known to be published; the server's own reads leave nothing behind. */
function settled(version: number, entry: QueueEntry, encoded: Uint8Array): EntryWrite {
  return { id: entry.id, expected: version, record: entry.report ? undefined : settledEntry(encoded) };
}

/** An observation is renewed and cancelled by its own token. RFC 7641 §3.6 */
function tokenToReuse(record: SessionRecord, { command }: QueueEntry): number | undefined {
  if (!/^(cancel-)?observe/.test(command.op)) return undefined;
  const key = observationKey(observationOfCommand(command, 0));
  return [...record.observations, ...record.cancellations].find((o) => observationKey(o) === key)?.counter;
}
