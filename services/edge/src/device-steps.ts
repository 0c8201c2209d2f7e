/**
 * The heart of the edge: applies messages to sessions, many devices at once and one step a device at a time.
 * Each round loads what the cache lacks, decides, commits all changes, publishes all events, and only then lets the
 * steps answer. What the store or the brokers don't take is refused, never dropped in silence.
 */
import { EventsUnavailable, type EventPublisher, type EventRecord } from '@cluster/events';
import {
  changePublished, eachOf, encodeSession, published, StoreUnavailable, type DeviceNumber, type DeviceWrite, type EntryWrite, type SessionRecord,
  type SessionStore, type StoredSession,
} from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { Held, HeldSessions } from './held-sessions.ts';
import { eventsCause, storeCause, type RefusalCause } from './refusal-causes.ts';

/** Why a step could not be carried out: the store, the brokers, or too much waiting for one device. */
export type Refusal = 'store' | 'events' | 'overload';

export interface Decision {
  /** The session's next record. */
  readonly record?: SessionRecord;
  /** Lets the record vanish by itself after this time. */
  readonly ttlMs?: number;
  readonly entries?: readonly EntryWrite[];
  /** The entries are written only if the session still is the one that was decided on; it stays as it is. */
  readonly guarded?: true;
  /** Stands in the store before the change does, which it belongs to. */
  readonly alarmMs?: number;
  /** When the alarm may ring instead, once all is told: it watched over the telling alone. */
  readonly putOffMs?: number | undefined;
  /** Published after the commit; a registration event that the record brings needs no mention. */
  readonly events?: readonly EventRecord[];
  /** The device waits for an answer, and takes no request before it has it. OMA Transport 1.1.1 §6.5 */
  readonly answers?: boolean;
  /** Called when all of it is committed and acknowledged. */
  done(held: Held | undefined): void;
}

export interface Step {
  number: DeviceNumber;
  /** The number was drawn for this step: the store need not be asked what it has under it. */
  readonly unborn?: boolean;
  /**
   * Looks at the session and decides. `fresh`: it was read from the store for this step. 'reload' asks for that;
   * 'elsewhere' says that the step now belongs to another number, which {@link Step.move} finds.
   */
  decide(held: Held | undefined, fresh: boolean): Decision | 'reload' | 'elsewhere';
  move?(): Promise<void>;
  refuse(why: Refusal): void;
}

interface Attempt {
  readonly step: Step;
  /** The device that the step holds while it is under way. */
  readonly number: DeviceNumber;
  readonly tries: number;
  readonly fresh: boolean;
}

/** A session as a round found it; `fresh`: in the store, for this round. */
interface Loaded {
  readonly held: Held | undefined;
  readonly fresh: boolean;
  /** Nothing is done to it: its record is damaged or of a newer version, or its part of the store is away. */
  readonly unusable?: RefusalCause;
}

/** What a step wants; `place`: of its write among those of the round, -1 where it writes nothing. */
interface Decided {
  readonly attempt: Attempt;
  readonly decision: Decision;
  readonly held: Held | undefined;
  /** The record as it is written. */
  readonly record: SessionRecord | undefined;
  readonly place: number;
}

interface Committed {
  readonly step: Step;
  readonly decision: Decision;
  readonly held: Held | undefined;
  readonly events: readonly EventRecord[];
  /** The pending event among `events`, by which the mark may be cleared. */
  readonly sequence: number | undefined;
  /** The same for an operator's change. */
  readonly change: number | undefined;
}

/** Makes the events of a record's pending mark. */
export type PendingEventsOf = (number: DeviceNumber, version: number, record: SessionRecord) => EventRecord[];
/** Makes the event of an operator's change. */
export type ChangeEventOf = (number: DeviceNumber, version: number, record: SessionRecord) => EventRecord;

const TRIES = 6;
const MAX_WAITING_A_DEVICE = 64;

export class DeviceSteps {
  readonly #sessions: SessionStore;
  readonly #publisher: EventPublisher;
  readonly #held: HeldSessions;
  readonly #pendingEvents: PendingEventsOf;
  readonly #changeEvent: ChangeEventOf;
  readonly #stamped: (record: SessionRecord, held: Held | undefined) => SessionRecord;
  readonly #finish: (work: () => void) => void;
  readonly #taken: (before: SessionRecord, number: DeviceNumber) => void;
  readonly #refused: (cause: RefusalCause) => void;
  readonly #log: Logger;
  readonly #waiting = new Map<DeviceNumber, Step[]>();
  #gathered: Step[] = [];

  /**
   * `finish` runs the answers of a round, so that what they send leaves together; `stamped` adds what a record takes along
   * whenever it is written; `taken` hears which device this worker took over, and how it stood, `refused` why each step was that is refused.
   */
  constructor(deps: {
    sessions: SessionStore;
    publisher: EventPublisher;
    held: HeldSessions;
    pendingEvents: PendingEventsOf;
    changeEvent: ChangeEventOf;
    stamped: (record: SessionRecord, held: Held | undefined) => SessionRecord;
    finish: (work: () => void) => void;
    taken: (before: SessionRecord, number: DeviceNumber) => void;
    refused: (cause: RefusalCause) => void;
    log: Logger;
  }) {
    this.#sessions = deps.sessions;
    this.#publisher = deps.publisher;
    this.#held = deps.held;
    this.#pendingEvents = deps.pendingEvents;
    this.#changeEvent = deps.changeEvent;
    this.#stamped = deps.stamped;
    this.#finish = deps.finish;
    this.#taken = deps.taken;
    this.#refused = deps.refused;
    this.#log = deps.log;
  }

  /** Devices that have a step under way. */
  get busy(): number {
    return this.#waiting.size;
  }

  /** Carries out one step with those that come in the same turn: as cheap as a batch, for who has but one device at hand. */
  runSoon(step: Step): void {
    if (this.#gathered.push(step) > 1) return;
    queueMicrotask(() => {
      const steps = this.#gathered;
      this.#gathered = [];
      this.run(steps);
    });
  }

  /** Carries out steps; those of one device in their order. */
  run(steps: readonly Step[]): void {
    const ready: Attempt[] = [];
    for (const step of steps) {
      const waiting = this.#waiting.get(step.number);
      if (waiting === undefined) {
        this.#waiting.set(step.number, []);
        ready.push({ step, number: step.number, tries: 0, fresh: false });
      } else if (waiting.length < MAX_WAITING_A_DEVICE) {
        waiting.push(step);
      } else {
        this.#refuse(step, 'overload', 'crowded');
      }
    }
    if (ready.length > 0) void this.#round(ready);
  }

  async #round(attempts: readonly Attempt[]): Promise<void> {
    let again: Attempt[] = [];
    let committed: Committed[] = [];
    // What has left the round, refused or to another number, has no part in its failure.
    const left = new Set<Step>();
    try {
      ({ again, committed } = await this.#apply(attempts, left));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#log.error({ err: error }, 'a round of steps failed');
      for (const { number } of attempts) this.#held.drop(number);
      const cause = storeCause(error);
      this.#finish(() => attempts.forEach(({ step }) => left.has(step) || this.#refuse(step, 'store', cause)));
    }
    const next = again.slice();
    const goingOn = new Set(again.map(({ step }) => step));
    for (const { step, number } of attempts) {
      const waiting = goingOn.has(step) ? undefined : this.#nextOf(number);
      if (waiting !== undefined) next.push(waiting);
    }
    if (committed.length > 0) void this.#publish(committed);
    if (next.length > 0) void this.#round(next);
  }

  /** The step that waited for this device; frees the device where there is none. */
  #nextOf(number: DeviceNumber): Attempt | undefined {
    const step = this.#waiting.get(number)?.shift();
    if (step !== undefined) return { step, number, tries: 0, fresh: false };
    this.#waiting.delete(number);
    return undefined;
  }

  async #apply(attempts: readonly Attempt[], left: Set<Step>): Promise<{ again: Attempt[]; committed: Committed[] }> {
    const loaded = await this.#load(attempts);
    const again: Attempt[] = [];
    const decided: Decided[] = [];
    const writes: DeviceWrite[] = [];
    let place = 0;
    for (const attempt of attempts) {
      const { step } = attempt;
      const { held, fresh, unusable } = loaded[place++]!;
      if (unusable !== undefined) {
        left.add(step);
        this.#finish(() => this.#refuse(step, 'store', unusable));
        continue;
      }
      const decision = step.decide(held, fresh);
      if (decision === 'reload') again.push({ ...attempt, fresh: true });
      else if (decision === 'elsewhere') {
        await this.#move(step);
        left.add(step);
      } else decided.push(this.#decided(attempt, decision, held, writes));
    }
    const results = writes.length === 0 ? [] : await eachOf(this.#sessions.commit(writes));
    const committed: Committed[] = [];
    for (const { attempt, decision, held, record, place } of decided) {
      const result = place < 0 ? 'committed' : results[place];
      if (result === 'committed') committed.push(this.#settle(attempt.step, decision, held, record));
      else if (result instanceof StoreUnavailable) this.#lose(attempt, result);
      else this.#retry(attempt, again);
    }
    return { again, committed };
  }

  #decided(attempt: Attempt, decision: Decision, held: Held | undefined, writes: DeviceWrite[]): Decided {
    if (decision.record === undefined && decision.entries === undefined) return { attempt, decision, held, record: undefined, place: -1 };
    const { write, record } = this.#prepare(attempt.step.number, decision, held);
    return { attempt, decision, held, record, place: writes.push(write) - 1 };
  }

  /** Its part of the store is away; what others of the round asked for is done. */
  #lose({ step }: Attempt, fault: StoreUnavailable): void {
    this.#held.drop(step.number);
    this.#finish(() => this.#refuse(step, 'store', storeCause(fault)));
  }

  #retry(attempt: Attempt, again: Attempt[]): void {
    this.#held.drop(attempt.step.number);
    if (attempt.tries + 1 < TRIES) again.push({ ...attempt, tries: attempt.tries + 1, fresh: false });
    else this.#finish(() => this.#refuse(attempt.step, 'overload', 'contended'));
  }

  #refuse(step: Step, why: Refusal, cause: RefusalCause): void {
    this.#refused(cause);
    step.refuse(why);
  }

  async #move(step: Step): Promise<void> {
    await step.move?.();
    // The step begins anew under its new number, once this one is free.
    queueMicrotask(() => this.run([step]));
  }

  /**
   * The sessions of a round: held ones, and from the store what the cache lacks or what is to be fresh. The round works
   * on these, since the cache may be smaller than the round.
   */
  async #load(attempts: readonly Attempt[]): Promise<Loaded[]> {
    const missing: number[] = [];
    const loaded = attempts.map(({ step, fresh, tries }, i): Loaded => {
      const held = fresh ? undefined : this.#held.get(step.number);
      if (held !== undefined) return { held, fresh };
      if (step.unborn !== true || tries > 0) missing.push(i);
      return { held, fresh: true };
    });
    if (missing.length === 0) return loaded;
    const numbers = missing.map((i) => attempts[i]!.step.number);
    const stored = await eachOf(this.#sessions.load(numbers));
    missing.forEach((i, place) => (loaded[i] = this.#take(numbers[place]!, stored[place])));
    return loaded;
  }

  #take(number: DeviceNumber, stored: StoredSession | StoreUnavailable | undefined): Loaded {
    if (stored instanceof StoreUnavailable) {
      this.#held.drop(number);
      return { held: undefined, fresh: true, unusable: storeCause(stored) };
    }
    if (stored === undefined) this.#held.drop(number);
    try {
      return { held: stored && this.#held.take(number, stored), fresh: true };
    } catch (error) {
      this.#log.error({ err: error, number }, 'a session could not be read');
      return { held: undefined, fresh: true, unusable: 'unreadable' };
    }
  }

  #prepare(number: DeviceNumber, decision: Decision, held: Held | undefined): { write: DeviceWrite; record: SessionRecord | undefined } {
    const { entries, alarmMs } = decision;
    if (decision.record === undefined) {
      const guard = decision.guarded === true && held !== undefined ? { session: { expected: held.version } } : {};
      return { write: { number, ...guard, entries, alarmMs }, record: undefined };
    }
    // A mark whose event is out is cleared with the next write that comes anyway.
    const cleared = held !== undefined && held.published && decision.record.pending === held.record.pending;
    const unmarked = cleared ? published(decision.record) : decision.record;
    const told = unmarked.changed !== undefined && unmarked.changed.sequence === held?.toldChange;
    const record = this.#stamped(told ? changePublished(unmarked) : unmarked, held);
    const session = {
      expected: held?.version ?? 0,
      record: encodeSession(record),
      ...(decision.ttlMs === undefined ? {} : { ttlMs: decision.ttlMs }),
    };
    return { write: { number, session, entries, alarmMs }, record };
  }

  #settle(step: Step, decision: Decision, before: Held | undefined, record: SessionRecord | undefined): Committed {
    const events: EventRecord[] = [];
    const { number } = step;
    const old = before?.record;
    if (old !== undefined && record !== undefined && old.owner !== record.owner) this.#taken(old, number);
    const wasUnpublished = before !== undefined && old?.pending !== undefined && !before.published;
    if (wasUnpublished && old !== undefined && old.pending?.sequence !== record?.pending?.sequence) {
      events.push(...this.#pendingEvents(number, before.version, old));
    }
    const held = record === undefined ? before : this.#held.committed(number, before, record);
    if (decision.answers === true && held !== undefined) held.answering += 1;
    if (record?.pending !== undefined && held !== undefined) events.push(...this.#pendingEvents(number, held.version, record));
    const change = held?.record.changed?.sequence;
    if (held !== undefined && change !== undefined && change !== held.toldChange) events.push(this.#changeEvent(number, held.version, held.record));
    if (decision.events !== undefined) events.push(...decision.events);
    return { step, decision, held, events, sequence: (record ?? old)?.pending?.sequence, change };
  }

  async #publish(committed: readonly Committed[]): Promise<void> {
    const silent = committed.filter((c) => c.events.length === 0);
    let telling = committed.filter((c) => c.events.length > 0);
    if (silent.length > 0) this.#complete(silent);
    telling = this.#withTopics(telling);
    if (telling.length === 0) return;
    try {
      await this.#publisher.publish(telling.flatMap((c) => c.events));
    } catch (error) {
      if (!(error instanceof EventsUnavailable)) this.#log.error({ err: error }, 'publishing failed');
      this.#refuseEvents(telling, eventsCause(error));
      return;
    }
    for (const { held, sequence, change } of telling) {
      if (held === undefined) continue;
      if (held.record.pending?.sequence === sequence) held.published = true;
      held.toldChange = change ?? held.toldChange;
    }
    this.#complete(telling);
    this.#putOff(telling);
  }

  /** Those whose topics are there; the others are refused alone. */
  #withTopics(telling: Committed[]): Committed[] {
    const { missing } = this.#publisher;
    if (missing === undefined || missing.size === 0) return telling;
    const { kept = [], refused = [] } = Object.groupBy(telling, ({ events }) => (events.some(({ topic }) => missing.has(topic)) ? 'refused' : 'kept'));
    this.#refuseEvents(refused, 'events-missing');
    return kept;
  }

  #refuseEvents(telling: readonly Committed[], cause: RefusalCause): void {
    this.#finish(() => {
      for (const one of telling) {
        answered(one);
        this.#refuse(one.step, 'events', cause);
      }
    });
  }

  /** An alarm that stays rings early, which does no harm. */
  #putOff(told: readonly Committed[]): void {
    const alarms = told.flatMap(({ step: { number }, decision: { alarmMs, putOffMs } }) =>
      alarmMs === undefined || putOffMs === undefined ? [] : [{ number, atMs: alarmMs, nextMs: putOffMs }],
    );
    if (alarms.length > 0) this.#sessions.settle(alarms).catch(() => undefined);
  }

  #complete(committed: readonly Committed[]): void {
    this.#finish(() => {
      for (const one of committed) {
        answered(one);
        one.decision.done(one.held);
      }
    });
  }
}

function answered({ decision, held }: Committed): void {
  if (decision.answers === true && held !== undefined) held.answering -= 1;
}
