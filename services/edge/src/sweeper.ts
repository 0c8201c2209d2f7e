/**
 * Looks after what no message will wake: registrations that ran out, events that a dead worker left unpublished,
 * queues whose doorbell was lost. Each worker sweeps the shards that it could take.
 */
import { topics } from '@cluster/contracts';
import { takes, type EventPublisher } from '@cluster/events';
import {
  decodeSession, decodeStored, end, expiryOf, nextDesiredStep, overdueAt, sleepLookAfter, sleepLookMs, viewQueue, type Alarm,
  type ClusterStore, type Outage, type SessionRecord, type SessionStore, type StoredSession, type Waiting,
} from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { WorkerClock } from '@cluster/coap-kit';
import type { DeviceSteps } from './device-steps.ts';
import { hasMark, type EndedRegistrations } from './ended-registrations.ts';
import type { HeldTemplates } from './held-templates.ts';
import type { Presence } from './presence.ts';
import { LOOK_AT_LEAST_MS } from './next-look.ts';
import { changeSession, refusalOf } from './session-change.ts';
import type { WorkerLease } from './worker-lease.ts';

export interface SweeperDeps {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly publisher: EventPublisher;
  readonly steps: DeviceSteps;
  readonly presence: Presence;
  readonly ended: EndedRegistrations;
  readonly clock: WorkerClock;
  readonly lease: WorkerLease;
  readonly worker: string;
  readonly graceMs: number;
  readonly log: Logger;
  readonly templates: HeldTemplates;
  /** Serves a device whose owner is this worker, or gone. */
  readonly serve: (number: string) => void;
}

const TICK_MS = 1_000;
const SHARD_MS = 15_000;
const BATCH = 256;
/** After an outage the other workers get that long to report theirs, before anybody expires. */
const SETTLE_MS = 5_000;
/** How soon a queue is looked at again, whose doorbell may have been lost. */
const RING_AGAIN_MS = 30_000;
/** How soon a device is looked at again that its owner knows to be awake. */
const PRESENCE_AGAIN_MS = 60_000;
/** A device that does not answer is looked at this often at least. */
const RING_AT_LEAST_MS = 3_600_000;

export class Sweeper {
  readonly #deps: SweeperDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** What waits for the devices that were looked at. */
  readonly #accounts: Waiting[] = [];
  readonly #owners = new Map<string, Promise<boolean>>();
  #shards: readonly number[] = [];
  #shardsUntilMs = 0;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Sweeps once, unless a sweep is under way. */
  tick(): void {
    this.#running ??= this.#sweep()
      .catch((error: unknown) => this.#deps.log.debug({ err: error }, 'sweep put off'))
      .finally(() => (this.#running = undefined));
  }

  async #sweep(): Promise<void> {
    const { lease, sessions, clock } = this.#deps;
    if (!lease.holds()) return;
    await this.#takeShards();
    this.#owners.clear();
    const outages = await this.#deps.cluster.outages(clock.storeMs() - 30 * 86_400_000);
    for (const shard of this.#shards) {
      for (;;) {
        const alarms = await sessions.due(shard, clock.storeMs(), BATCH);
        if (alarms.length === 0) break;
        const stored = await sessions.load(alarms.map((a) => a.number));
        const nexts = await Promise.all(alarms.map((alarm, i) => this.#look(alarm, stored[i], outages)));
        await sessions.account(this.#accounts.splice(0));
        await sessions.settle(alarms.map((alarm, i) => ({ ...alarm, nextMs: nexts[i] })));
        if (alarms.length < BATCH) break;
      }
    }
  }

  async #takeShards(): Promise<void> {
    const { cluster, sessions, worker, clock } = this.#deps;
    if (clock.monotonicMs() < this.#shardsUntilMs) return;
    const all = Array.from({ length: sessions.shards }, (_, shard) => shard);
    const taken = await Promise.all(all.map((shard) => cluster.takeShard(shard, worker, SHARD_MS)));
    this.#shards = all.filter((shard) => taken[shard] === true);
    this.#shardsUntilMs = clock.monotonicMs() + SHARD_MS / 3;
  }

  /** Does what is due for one device; returns when to look again. */
  async #look(alarm: Alarm, stored: StoredSession | undefined, outages: readonly Outage[]): Promise<number | undefined> {
    if (stored === undefined) return undefined;
    const nowMs = this.#deps.clock.storeMs();
    try {
      const record = decodeSession(stored.record);
      const overdueMs = await this.#lookAtDisabled(alarm.number, record, outages);
      if (record.state !== 'registered') return next(overdueMs, (await this.#deps.ended.look(alarm.number)) ?? Infinity);
      const mine = record.owner === this.#deps.worker;
      const ownerLives = mine || (await this.#lives(record.owner));
      if (hasMark(record) && !ownerLives) await this.#publishPending(alarm.number);
      const expiryMs = expiryOf(record, this.#deps.graceMs, outages);
      if (expiryMs <= nowMs) return await this.#expire(alarm.number, outages);
      if (stored.entries === 0) this.#accounts.push({ tenant: record.tenant, number: alarm.number, entries: 0, bytes: 0 });
      const queueMs = stored.entries > 0 ? await this.#lookAtQueue(alarm.number, record, ownerLives && !mine) : undefined;
      const changeMs = record.changed === undefined ? Infinity : await this.#tellChange(alarm.number, record, ownerLives && !mine);
      const sleepMs = await this.#lookAtPresence(alarm.number, record, mine ? 'this' : ownerLives ? 'other' : 'gone');
      const lookMs = Math.min(expiryMs, nowMs + LOOK_AT_LEAST_MS);
      return next(lookMs, sleepMs, changeMs, queueMs ?? Infinity, await this.#lookAtObservations(alarm.number, record, ownerLives && !mine));
    } catch (error) {
      if (refusalOf(error) === undefined) this.#deps.log.error({ err: error }, 'an alarm could not be served');
      return nowMs + SETTLE_MS;
    }
  }

  /** Asked once a sweep for each owner. */
  #lives(owner: string): Promise<boolean> {
    let lives = this.#owners.get(owner);
    if (lives === undefined) {
      lives = this.#deps.cluster.alive([owner]).then(([alive]) => alive === true);
      this.#owners.set(owner, lives);
    }
    return lives;
  }

  /** Rings for what waits in the queue; returns when to look at it again, later each time. */
  async #lookAtQueue(number: string, record: SessionRecord, ownerLives: boolean): Promise<number | undefined> {
    const nowMs = this.#deps.clock.storeMs();
    const view = viewQueue((await this.#deps.sessions.loadEntries(number)).map(decodeStored), nowMs);
    this.#accounts.push({ tenant: record.tenant, number, ...view.waiting });
    const idle = view.next === undefined && view.over.length + view.unpublished.length + view.spent.length === 0;
    if (idle) return view.wakeAtMs;
    await this.#ring(number, record, ownerLives);
    return Math.min(ringAgainMs(nowMs, view.next?.entry.acceptedAtMs ?? nowMs), view.wakeAtMs ?? Infinity);
  }

  /** Tells a queue-mode device asleep whose owner is gone; a living one does it at the real time, and is reminded. */
  async #lookAtPresence(number: string, record: SessionRecord, owner: 'this' | 'other' | 'gone'): Promise<number> {
    const nowMs = this.#deps.clock.storeMs();
    const lookMs = sleepLookMs(record);
    if (lookMs > nowMs) return lookMs;
    if (!takes(this.#deps.publisher, topics.registrations)) return nowMs + SETTLE_MS;
    if (owner === 'gone') return sleepLookAfter(await this.#deps.presence.check(number, { fresh: true }));
    if (owner === 'other') await this.#deps.cluster.ring([{ worker: record.owner, number }]);
    else if (!this.#deps.presence.watches(number)) await this.#deps.presence.check(number);
    return nowMs + PRESENCE_AGAIN_MS;
  }

  /** Rings for observations that the device should hold and does not; less often the longer it is silent. */
  async #lookAtObservations(number: string, record: SessionRecord, ownerLives: boolean): Promise<number> {
    if (nextDesiredStep(record) === undefined && !this.#deps.templates.changes(record)) return Infinity;
    await this.#ring(number, record, ownerLives);
    return ringAgainMs(this.#deps.clock.storeMs(), record.updatedAtMs);
  }

  /** Tells that a disabled device has not come back in time; returns when to look whether it has. */
  async #lookAtDisabled(number: string, { disabled }: SessionRecord, outages: readonly Outage[]): Promise<number> {
    if (disabled === undefined) return Infinity;
    const { clock, graceMs, publisher, lease, steps } = this.#deps;
    const nowMs = clock.storeMs();
    let nextMs = Infinity;
    await changeSession(
      steps,
      number,
      ({ record, version }) => {
        nextMs = overdueAt(record, graceMs, outages);
        if (record.disabled === undefined || nextMs > nowMs) return undefined;
        nextMs = nowMs + SETTLE_MS;
        if (!takes(publisher, topics.registrations) || lease.steadyForMs() < SETTLE_MS) return undefined;
        const pending = { type: 'overdue' as const, atMs: nowMs, sequence: version + 1 };
        return { record: { ...record, disabled: { ...record.disabled, overdue: true }, pending } };
      },
      { fresh: true },
    );
    return nextMs;
  }

  /** The owner tells of an operator's change when it is rung. */
  async #tellChange(number: string, record: SessionRecord, ownerLives: boolean): Promise<number> {
    if (ownerLives) await this.#ring(number, record, ownerLives);
    else await this.#publishPending(number);
    return this.#deps.clock.storeMs() + RING_AGAIN_MS;
  }

  /** The shards that this worker sweeps now. */
  get shards(): readonly number[] {
    return this.#deps.lease.holds() ? this.#shards : [];
  }

  /** Rings for a device, wherever it is served. */
  async call(number: string, record: SessionRecord): Promise<void> {
    const mine = record.owner === this.#deps.worker;
    await this.#ring(number, record, !mine && (await this.#lives(record.owner)));
  }

  async #ring(number: string, record: SessionRecord, ownerLives: boolean): Promise<void> {
    if (ownerLives) await this.#deps.cluster.ring([{ worker: record.owner, number }]);
    else this.#deps.serve(number);
  }

  /** Any change of a session publishes what its marks tell of first; the second one clears them. */
  async #publishPending(number: string): Promise<void> {
    await changeSession(this.#deps.steps, number, () => ({}), { fresh: true });
    await changeSession(this.#deps.steps, number, ({ record }) => ({ record }));
  }

  async #expire(number: string, outages: readonly Outage[]): Promise<number | undefined> {
    const { publisher, lease, steps, clock, graceMs } = this.#deps;
    const nowMs = clock.storeMs();
    if (!takes(publisher, topics.registrations) || lease.steadyForMs() < SETTLE_MS) return nowMs + SETTLE_MS;
    const expired = await changeSession(
      steps,
      number,
      ({ record, version }) => {
        const over = record.state === 'registered' && expiryOf(record, graceMs, outages) <= nowMs;
        return over ? { record: end(record, 'expired', { nowMs, sequence: version + 1 }) } : undefined;
      },
      { fresh: true },
    );
    return expired === undefined ? nowMs + SETTLE_MS : this.#deps.ended.look(number);
  }
}

/** Twice the time that it has waited already, within bounds. */
function ringAgainMs(nowMs: number, sinceMs: number): number {
  return nowMs + Math.min(Math.max(nowMs - sinceMs, RING_AGAIN_MS), RING_AT_LEAST_MS);
}

function next(...timesMs: number[]): number | undefined {
  const earliest = Math.min(...timesMs);
  return Number.isFinite(earliest) ? earliest : undefined;
}
