/**
 * The downlink side of the worker: for each device that it may reach, takes what waits in the durable queue and what
 * its observations lack, one outstanding request at a time. Every request is stored before it leaves.
 */
import type { CoapEvent } from '@cluster/coap';
import {
  deadlineOf, decodeStored, eachOf, firstLookMs, IDEMPOTENCY_MS, isFinished, nextDayMs, nextDesiredStep, quotaSpent, StoreUnavailable, viewQueue,
} from '@cluster/session';
import type { DesiredStep, DeviceNumber, QueueView, SessionStore, StoredEntry, VersionedEntry } from '@cluster/session';
import { Ticks } from '@cluster/transport';
import { nextLookMs } from '../next-look.ts';
import { changeSession, refusalOf } from '../session-change.ts';
import type { DeviceSteps } from '../device-steps.ts';
import type { Held } from '../held-sessions.ts';
import { mayLease, type Uplink } from '../uplink/uplink.ts';
import type { CommandRunner } from './command-runner.ts';
import type { Exchanges } from './exchanges.ts';
import type { MuteRunner } from './mute-runner.ts';
import type { ObservationRunner } from './observation-runner.ts';
import type { Pace } from './pace.ts';
import type { Settler } from './settler.ts';
import type { Turns } from './turns.ts';

/** A client that has just got its answer may need a moment until it takes requests. OMA LwM2M Core 1.1 §6.3 */
const AFTER_ANSWER_MS = 20;
const CONFIRM_EVERY_MS = 500;
/** Ticks of the socket in one of the doorbells': a command takes six turns of the event loop, for one device or for many. */
const BELL_TICKS = 4;
/** When the sweeper looks whether observations were made that templates brought. */
export const LOOK_MS = 60_000;
/** After a step that the store refused. A store that is away wakes everybody when it is back. */
const STORE_AGAIN_MS = 5_000;

export interface DispatcherDeps {
  readonly uplink: Uplink;
  readonly steps: DeviceSteps;
  readonly sessions: SessionStore;
  readonly exchanges: Exchanges;
  readonly commands: CommandRunner;
  readonly observations: ObservationRunner;
  readonly muting: MuteRunner;
  readonly pace: Pace;
  readonly settler: Settler;
  readonly turns: Turns;
  /** For how long doorbells that follow each other closely are gathered. */
  readonly tickMs: number;
  /** The worker's lease holds: no other worker may have taken its devices over unseen. */
  readonly mayTransmit: () => boolean;
}

/** A device that is being served with others, in a turn of its tenant. */
interface Served {
  readonly held: Held;
  readonly tenant: string;
  readonly active: { again: boolean };
}

export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #active = new Map<DeviceNumber, { again: boolean }>();
  /** Whose bells rang in this tick, and whether for their queue alone. */
  readonly #rung = new Map<DeviceNumber, boolean>();
  readonly #bells: Ticks;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#bells = new Ticks(BELL_TICKS * deps.tickMs, () => this.#answerBells());
  }

  /** Devices that are being served. */
  get active(): number {
    return this.#active.size;
  }

  /** Devices that wait for their turn to be brought to what should be observed. */
  get waiting(): number {
    return this.#deps.pace.waiting;
  }

  /** Begins to watch over the requests that are out. */
  start(): void {
    this.#timer = setInterval(() => this.#confirm(), CONFIRM_EVERY_MS);
  }

  /** Starts nothing more; what is under way ends or goes on elsewhere. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#deps.pace.close();
    this.#deps.turns.close();
    await this.#deps.commands.keepProgress();
    await this.#deps.settler.flush();
  }

  /** Takes the engine's events about requests. */
  ended(events: readonly CoapEvent[]): void {
    this.#deps.exchanges.handle(events);
  }

  /** The device was heard and answered. */
  heard(held: Held): void {
    held.heardMs = this.#deps.uplink.clock.storeMs();
    if (held.observeResets === 0) held.observeNotBeforeMs = 0;
    this.#deps.uplink.presence.watch(held);
    this.#deps.uplink.meter.heard(held);
    this.#deps.exchanges.moved(held);
    if (this.#mayWait(held)) {
      setTimeout(() => this.wake(held.number), AFTER_ANSWER_MS).unref();
    }
  }

  /** Something may wait for the device. */
  wake(number: DeviceNumber): void {
    const active = this.#active.get(number);
    if (active !== undefined) {
      active.again = true;
      return;
    }
    if (this.#closed) return;
    const fresh = { again: false };
    this.#active.set(number, fresh);
    void this.#serve(number, fresh);
  }

  /** A doorbell or the sweeper: the store knows more than the cache; of a session that is held perhaps only its queue. */
  rung(number: DeviceNumber, queueOnly = false): void {
    this.#rung.set(number, queueOnly && this.#rung.get(number) !== false);
    this.#bells.ask();
  }

  /** All bells of a tick together, so that the store is asked once. */
  #answerBells(): void {
    const bells = [...this.#rung];
    this.#rung.clear();
    const together: Served[] = [];
    for (const [number, queueOnly] of bells) {
      const held = queueOnly ? this.#deps.uplink.held.get(number) : undefined;
      // What was taken over meanwhile is found out by the lease of its next command.
      if (held === undefined || !mayLease(this.#deps.uplink, held.record)) this.#readAnew(number);
      else this.#queueChanged(held, together);
    }
    if (together.length > 0) void this.#serveTogether(together);
  }

  /** Whatever was known of the queue, it is read again: with those of others where `together` takes it. */
  #queueChanged(held: Held, together?: Served[]): void {
    const { number, record: { tenant } } = held;
    held.entries = Math.max(held.entries, 1);
    if (together === undefined || this.#closed || this.#active.has(number) || !this.#deps.turns.tryEnter(tenant)) return this.wake(number);
    const active = { again: false };
    this.#active.set(number, active);
    together.push({ held, tenant, active });
  }

  /** Reads many queues at once, and begins what waits in them. Each has its turn already. */
  async #serveTogether(all: readonly Served[]): Promise<void> {
    const { settler, sessions } = this.#deps;
    const numbers = all.map(({ held }) => held.number);
    try {
      const settled = settler.settle(numbers);
      if (settled !== undefined) await settled;
      const queues = await eachOf(sessions.loadQueues(numbers));
      all.forEach((one, i) => this.#begin(one, queues[i] ?? []));
    } catch (error) {
      for (const one of all) this.#release(one, error);
    }
  }

  /** Begins the next command if it is one like most; whatever else waits is served one by one. */
  #begin(one: Served, stored: readonly StoredEntry[] | StoreUnavailable): void {
    if (stored instanceof StoreUnavailable) return this.#release(one, stored);
    try {
      const view = this.#view(one.held, stored);
      if (this.#isPlain(one.held, view) && this.#deps.commands.begin(one.held, view.next, (reached, error) => this.#over(one, view, reached, error))) return;
      this.#goOn(one);
    } catch (error) {
      this.#release(one, error);
    }
  }

  /** Nothing but a command is to be seen to. */
  #isPlain(held: Held, view: QueueView): view is QueueView & { next: VersionedEntry } {
    const { templates, meter } = this.#deps.uplink;
    if (view.next === undefined || view.over.length + view.unpublished.length + view.spent.length > 0) return false;
    return this.#mayReach(held) && !templates.changesHeld(held) && !meter.spent(held);
  }

  #over(one: Served, view: QueueView, reached: boolean, error: unknown): void {
    const { held, active } = one;
    if (error !== undefined || !reached) return this.#release(one, error);
    // The last one is over and nobody rang: the queue need not be read to know that it is empty.
    if (view.last && !active.again) this.#emptied(held, view);
    if (active.again || this.#mayWait(held)) this.#goOn(one);
    else this.#release(one);
  }

  /** The long way, for whatever still waits. */
  #goOn({ held, tenant, active }: Served): void {
    this.#deps.turns.leave(tenant);
    void this.#serve(held.number, active);
  }

  #release({ held: { number }, tenant, active }: Served, error?: unknown): void {
    this.#deps.turns.leave(tenant);
    if (error !== undefined) this.#putOff(error, () => this.wake(number));
    this.#active.delete(number);
    if (active.again && !this.#closed) this.wake(number);
  }

  #readAnew(number: DeviceNumber): void {
    if (this.#closed) return;
    changeSession(this.#deps.steps, number, () => ({}), { fresh: true })
      .then((held) => {
        if (held === undefined) return;
        if (!mayLease(this.#deps.uplink, held.record)) this.#deps.exchanges.give(number);
        else this.#deps.uplink.presence.watch(held);
        this.#queueChanged(held);
        // The event of an operator's change is out: the next write clears its mark.
        return held.record.changed === undefined ? undefined : changeSession(this.#deps.steps, number, ({ record }) => ({ record }));
      })
      .catch((error: unknown) => this.#putOff(error, () => this.rung(number)));
  }

  /** Stops requests on paths that another worker took over. A store that is away confirms nothing: its answer is waited for. */
  #confirm(): void {
    for (const number of this.#deps.exchanges.unconfirmed(this.#deps.uplink.clock.monotonicMs())) {
      changeSession(this.#deps.steps, number, () => ({}), { fresh: true })
        .then((held) => {
          if (held === undefined || !mayLease(this.#deps.uplink, held.record)) this.#deps.exchanges.give(number);
        })
        .catch(() => undefined);
    }
  }

  /** After an outage: whatever waited may go. */
  wakeAll(): void {
    for (const held of this.#deps.uplink.held.values()) {
      if (this.#mayWait(held)) this.wake(held.number);
    }
  }

  #mayWait(held: Held): boolean {
    return held.entries > 0 || nextDesiredStep(held.record) !== undefined || this.#deps.uplink.templates.changesHeld(held);
  }

  async #serve(number: DeviceNumber, active: { again: boolean }): Promise<void> {
    try {
      while (!this.#closed && (await this.#serveInTurn(number, active)));
    } catch (error) {
      this.#putOff(error, () => this.wake(number));
    } finally {
      this.#active.delete(number);
      if (active.again && !this.#closed) this.wake(number);
    }
  }

  /** What was refused stands in the store; if nothing else wakes the device, the sweeper does. */
  #putOff(error: unknown, again: () => void): void {
    const why = refusalOf(error);
    if (why === undefined) this.#deps.uplink.counters.failures.add(1);
    else if (why === 'store') setTimeout(again, STORE_AGAIN_MS).unref();
  }

  /** One thing at a time: a device with a long queue comes behind the others after each. */
  async #serveInTurn(number: DeviceNumber, active: { again: boolean }): Promise<boolean> {
    const { turns, uplink } = this.#deps;
    const tenant = uplink.held.get(number)?.record.tenant ?? '';
    const turn = turns.enter(tenant);
    if (turn !== undefined) await turn;
    try {
      return !this.#closed && (await this.#serveOnce(number, active));
    } finally {
      turns.leave(tenant);
    }
  }

  /** Carries out one thing that waits. False: nothing waits, or the device can't be reached now. */
  async #serveOnce(number: DeviceNumber, active: { again: boolean }): Promise<boolean> {
    active.again = false;
    const found = this.#deps.uplink.held.get(number) ?? (await changeSession(this.#deps.steps, number, () => ({})));
    if (found === undefined || found.record.state !== 'registered') return false;
    const held = await this.#withTemplates(found);
    const view = await this.#look(held);
    await this.#deps.commands.tidy(held, view);
    if (!this.#mayReach(held)) return false;
    const work = this.#next(held, view);
    if (work === undefined) {
      await this.#lookAgain(held, view.wakeAtMs);
      return active.again;
    }
    const begun = 'entry' in work && work.entry.state === 'in-flight';
    if (!begun && this.#deps.uplink.meter.spent(held)) return this.#waitForNextDay(held);
    if (!('entry' in work)) return this.#deps.pace.turn(number) ? this.#desired(held, work) : active.again;
    const reached = await this.#deps.commands.run(held, work);
    // The last one is over and nobody rang: the queue need not be read to know that it is empty.
    if (reached && view.last && !active.again) this.#emptied(held, view);
    return reached;
  }

  #desired(held: Held, step: DesiredStep): Promise<boolean> {
    return 'observation' in step ? this.#deps.observations.run(held, step) : this.#deps.muting.run(held, step);
  }

  #emptied(held: Held, { next, wakeAtMs = Infinity }: QueueView): void {
    held.entries = 0;
    this.#account(held, { entries: 0, bytes: 0 });
    const { clock, settings } = this.#deps.uplink;
    const nowMs = clock.storeMs();
    const lookMs = nextLookMs(held.record, { nowMs, graceMs: settings.graceMs });
    if (next === undefined || lookMs === undefined) return;
    const nextMs = Math.min(lookMs, wakeAtMs, nowMs + IDEMPOTENCY_MS);
    this.#deps.settler.putOff({ number: held.number, atMs: firstLookMs(next.entry), nextMs });
  }

  /** The session with what the templates want now; the alarm is for a worker that dies before the device has it. */
  async #withTemplates(held: Held): Promise<Held> {
    const { templates, clock } = this.#deps.uplink;
    if (!templates.changesHeld(held)) return held;
    const changed = await changeSession(this.#deps.steps, held.number, ({ record }) =>
      templates.changes(record) ? { record: templates.apply(record), alarmMs: clock.storeMs() + LOOK_MS } : undefined,
    );
    return changed ?? held;
  }

  /** The quota of the day is spent: that is stored, so that it can be told, and looked at again when the next day begins. */
  async #waitForNextDay(held: Held): Promise<false> {
    const { steps, sessions, uplink } = this.#deps;
    const nowMs = uplink.clock.storeMs();
    await sessions.schedule([{ number: held.number, atMs: nextDayMs(nowMs) }]);
    if (!quotaSpent(held.record, nowMs)) await changeSession(steps, held.number, ({ record }) => ({ record }));
    return false;
  }

  /** An alarm for the queue, where the end of the registration would come too late. */
  async #lookAgain(held: Held, atMs: number | undefined): Promise<void> {
    if (atMs === undefined || atMs >= deadlineOf(held.record)) return;
    await this.#deps.sessions.schedule([{ number: held.number, atMs }]);
  }

  #account({ number, record: { tenant } }: Held, waiting: QueueView['waiting']): void {
    this.#deps.settler.account({ tenant, number, ...waiting });
  }

  async #look(held: Held): Promise<QueueView> {
    if (held.entries === 0) return viewQueue([], this.#deps.uplink.clock.storeMs());
    await this.#deps.settler.settle([held.number]);
    return this.#view(held, await this.#deps.sessions.loadEntries(held.number));
  }

  #view(held: Held, stored: readonly StoredEntry[]): QueueView {
    const nowMs = this.#deps.uplink.clock.storeMs();
    const entries = stored.map(decodeStored);
    const view = viewQueue(entries, nowMs, Math.max(held.record.heardAtMs, held.heardMs));
    this.#account(held, view.waiting);
    // What is left for readers alone needs no look with each message.
    held.entries = entries.every(({ entry }) => isFinished(entry) && !entry.unpublished) ? 0 : stored.length;
    return view;
  }

  /** Commands of callers go before what the server itself would like to change and observe. */
  #next(held: Held, view: QueueView): VersionedEntry | DesiredStep | undefined {
    if (view.next !== undefined) return view.next;
    if (this.#deps.uplink.clock.storeMs() < held.observeNotBeforeMs) return undefined;
    return nextDesiredStep(held.record);
  }

  /** Nobody rang for the device, it can be reached, and no other device waits for its turn. */
  mayGoOn(held: Held): boolean {
    const { turns, uplink } = this.#deps;
    return !this.#closed && this.#active.get(held.number)?.again === false && turns.waiting === 0 && this.#mayReach(held) && !uplink.meter.spent(held);
  }

  /** Behind NAT only the owner of the path reaches the device; a sleeping one is reached by nobody. */
  #mayReach(held: Held): boolean {
    const { record } = held;
    if (!mayLease(this.#deps.uplink, record) || !this.#deps.mayTransmit()) return false;
    return this.#deps.uplink.presence.listens(held);
  }
}
