/**
 * One step of one device's updates: read, decided, stored, and only then acted on. Whatever dies in between, the record
 * tells what has to be done again: a device's queue takes each command once by its key, an event has its id.
 */
import type { CommandStatus } from '@cluster/contracts';
import { sealLink, type UpdateStore } from '@cluster/firmware';
import { firmware } from '@cluster/lwm2m';
import { type EventPublisher, EventsUnavailable } from '@cluster/events';
import { Contended, type Submission } from '@cluster/session';
import type { FirmwareDeps, FirmwareOptions } from '../options.ts';
import { deviceTraits } from './device-traits.ts';
import type { Machine } from './machine.ts';
import { updateMetrics } from './update-metrics.ts';

/** The record as it shall be; undefined or the same: nothing changes. */
export type Decide<R> = (record: R | undefined, scene: firmware.FirmwareScene) => R | undefined;

const TRIES = 8;
const TELLS = 3;
/** A command whose idempotency key may be forgotten is not submitted again: it might be carried out twice. */
const KEY_KEPT_MS = 23 * 3_600_000;

export type TurnDeps = Pick<FirmwareDeps, 'sessions' | 'links' | 'log' | 'metrics'> & {
  readonly northbound: Pick<FirmwareDeps['northbound'], 'submit' | 'command' | 'cancel'>;
  readonly updates: UpdateStore;
  readonly publisher: Pick<EventPublisher, 'publish'>;
};

export class Turn<R, U extends firmware.Progress> {
  readonly #machine: Machine<R, U>;
  readonly #deps: TurnDeps;
  readonly #baseUris: FirmwareOptions['baseUris'];
  readonly #served: readonly firmware.FirmwareScheme[];
  readonly #metrics: ReturnType<typeof updateMetrics>;

  constructor(machine: Machine<R, U>, deps: TurnDeps, baseUris: FirmwareOptions['baseUris']) {
    this.#machine = machine;
    this.#deps = deps;
    this.#baseUris = baseUris;
    this.#metrics = updateMetrics(deps.metrics, machine.object);
    // Without secrets no link can be made that others can not make up.
    this.#served = deps.links === undefined ? [] : (Object.keys(baseUris) as firmware.FirmwareScheme[]);
  }

  /** Changes a record and does what follows from it. Undefined: there is none, and `decide` wanted none. @throws {Contended} */
  async change(endpoint: string, decide: Decide<R>): Promise<R | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
      const before = stored && this.#machine.decode(stored.record);
      const next = decide(before, await this.#scene());
      if (next === undefined || next === before) return before;
      if (!(await this.#store(endpoint, stored?.version ?? 0, next))) continue;
      this.#count(before, next);
      return (await this.#follow(endpoint, before, next)) ?? next;
    }
    throw new Contended(`the updates of ${endpoint} changed under every attempt`);
  }

  /** Somebody has to look at the device: what is out is asked after, what is not told is told, and time passes. */
  async carryOn(endpoint: string): Promise<void> {
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    if (stored === undefined) return;
    const { updates, withUpdates, onTime } = this.#machine;
    const record = this.#machine.decode(stored.record);
    if (updates(record).some(({ untold }) => untold.length > 0)) await this.#tell(endpoint, record);
    for (const update of updates(record)) if (update.out !== undefined) await this.#askAfter(endpoint, update);
    // The time at which it is due is set anew, though nothing may have changed.
    await this.change(endpoint, (now, scene) => now && withUpdates(now, updates(now).map((one) => ({ ...onTime(one, scene) }))));
  }

  /** Tells what is not told yet, so that it may be replaced; who changed it last may just be about to. */
  async tellAll(endpoint: string): Promise<void> {
    for (let attempt = 0; attempt < TELLS; attempt++) {
      const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
      const record = stored && this.#machine.decode(stored.record);
      if (record === undefined || this.#machine.updates(record).every(({ untold }) => untold.length === 0)) return;
      await this.#tell(endpoint, record);
    }
  }

  /** The end of a command of one of its updates. */
  async ended(endpoint: string, update: string, ended: firmware.CommandEnd, atMs: number): Promise<void> {
    const { updates, withUpdates, onCommandEnd } = this.#machine;
    await this.change(endpoint, (now, scene) => {
      const one = now && updates(now).find(({ id }) => id === update);
      const next = one && onCommandEnd(one, ended, atMs || scene.nowMs, scene);
      return now === undefined || next === undefined || next === one ? undefined : withUpdates(now, [next]);
    });
  }

  async #scene(): Promise<firmware.FirmwareScene> {
    return { nowMs: await this.#deps.sessions.timeMs(), served: this.#served };
  }

  #store(endpoint: string, version: number, record: R): Promise<boolean> {
    const { encode, dueMs, stage } = this.#machine;
    return this.#deps.updates.changeUpdate(endpoint, version, encode(record), dueMs(record), stage(record));
  }

  #count(before: R | undefined, next: R): void {
    const known = new Map((before === undefined ? [] : this.#machine.updates(before)).map(({ id, transitions }) => [id, transitions]));
    for (const one of this.#machine.updates(next)) this.#metrics.entered(one, known.get(one.id) ?? 0);
  }

  async #follow(endpoint: string, before: R | undefined, next: R): Promise<R | undefined> {
    const { updates, commandId } = this.#machine;
    const former = before === undefined ? [] : updates(before);
    const same = (one: U, other: U) => one.id === other.id && one.out?.step === other.out?.step;
    for (const one of former) {
      if (one.out === undefined || updates(next).some((other) => same(one, other))) continue;
      // One that has ended is not touched by it; one that is on its way ends as it does.
      await this.#deps.northbound.cancel(endpoint, commandId(one.id, one.out.step));
    }
    for (const one of updates(next)) if (one.out !== undefined && !former.some((other) => same(one, other))) await this.#submit(endpoint, one);
    return updates(next).every(({ untold }) => untold.length === 0) ? undefined : this.#tell(endpoint, next);
  }

  async #submit(endpoint: string, update: U): Promise<void> {
    const device = await deviceTraits(this.#deps.sessions, endpoint);
    const command = device && this.#machine.commandOf(update, () => this.#uri(update, device.number));
    if (command === undefined) return;
    const submission = await this.#deps.northbound.submit(endpoint, command);
    if (submission.outcome === 'accepted' || submission.outcome === 'repeated') return;
    // It stays out, and is submitted again when it is due.
    this.#deps.log.debug({ endpoint, outcome: submission.outcome }, 'a command of an update was not queued');
    if (submission.outcome === 'malformed') throw new TypeError(faultsOf(submission));
  }

  /** Where this device fetches its package until the update's time is over. */
  #uri(update: U, device: string): string {
    const { package: id, protocol } = this.#machine.pulled(update);
    const scheme = firmware.schemeOf(protocol) ?? 'coap';
    const link = sealLink(this.#deps.links!, { package: id, device, expiresAtS: Math.ceil(this.#machine.limitMs(update) / 1_000) });
    return `${this.#baseUris[scheme] ?? ''}/fw/${link}`;
  }

  async #askAfter(endpoint: string, update: U): Promise<void> {
    const { id, out } = update;
    if (out === undefined) return;
    const status = await this.#deps.northbound.command(endpoint, this.#machine.commandId(id, out.step));
    if (status !== undefined) return this.ended(endpoint, id, commandEnd(out.step, status), Date.parse(status.finishedAt ?? ''));
    const nowMs = await this.#deps.sessions.timeMs();
    if (nowMs - out.atMs < KEY_KEPT_MS && (await deviceTraits(this.#deps.sessions, endpoint)) !== undefined) return this.#submit(endpoint, update);
    await this.ended(endpoint, id, { step: out.step, state: 'outcome-unknown', values: [], reason: 'the end of its command is not known' }, nowMs);
  }

  /** Brokers that are away are asked again when it is due. */
  async #tell(endpoint: string, record: R): Promise<R | undefined> {
    const { decode, updates, withUpdates, event } = this.#machine;
    try {
      await this.#deps.publisher.publish(updates(record).flatMap((one) => one.untold.map((transition) => event(endpoint, one, transition))));
    } catch (error) {
      if (error instanceof EventsUnavailable) return undefined;
      throw error;
    }
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    if (stored === undefined) return undefined;
    const now = decode(stored.record);
    const told = new Map(updates(record).map(({ id, transitions }) => [id, transitions]));
    const next = withUpdates(now, updates(now).map((one) => firmware.told(one, told.get(one.id) ?? 0)));
    return (await this.#store(endpoint, stored.version, next)) ? next : undefined;
  }
}

function faultsOf({ faults }: Extract<Submission, { outcome: 'malformed' }>): string {
  return faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

/** The end of a command as its status tells it. */
export function commandEnd(step: number, { state, reason, response }: Pick<CommandStatus, 'state' | 'reason' | 'response'>): firmware.CommandEnd {
  return {
    step, state, values: response?.values ?? [],
    ...(response === undefined ? {} : { code: response.code }), ...(reason === undefined ? {} : { reason }),
  };
}
