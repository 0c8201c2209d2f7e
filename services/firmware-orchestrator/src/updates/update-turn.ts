/**
 * One step of one device's update: read, decided, stored, and only then acted on. Whatever dies in between, the record
 * tells what has to be done again: a device's queue takes each command once by its key, an event has its id.
 */
import { randomInt } from 'node:crypto';
import { sealLink } from '@cluster/firmware';
import { firmware } from '@cluster/lwm2m';
import { EventsUnavailable } from '@cluster/events';
import { Contended, type Submission } from '@cluster/session';
import type { FirmwareDeps, FirmwareOptions } from '../options.ts';
import { deviceTraits } from './device-traits.ts';
import type { FirmwareEvents } from './firmware-events.ts';

type Update = firmware.FirmwareUpdate;

/** The update as it shall be; undefined or the same: nothing changes. */
export type Decide = (update: Update | undefined, scene: firmware.FirmwareScene) => Update | undefined;

const TRIES = 8;
/** A command whose idempotency key may be forgotten is not submitted again: it might be carried out twice. */
const KEY_KEPT_MS = 23 * 3_600_000;

export type UpdateTurnDeps = Pick<FirmwareDeps, 'northbound' | 'sessions' | 'updates' | 'links' | 'log'> & { readonly events: FirmwareEvents };

export class UpdateTurn {
  readonly #deps: UpdateTurnDeps;
  readonly #baseUris: FirmwareOptions['baseUris'];
  readonly #served: readonly firmware.FirmwareScheme[];

  constructor(deps: UpdateTurnDeps, baseUris: FirmwareOptions['baseUris']) {
    this.#deps = deps;
    this.#baseUris = baseUris;
    // Without secrets no link can be made that others can not make up.
    this.#served = deps.links === undefined ? [] : (Object.keys(baseUris) as firmware.FirmwareScheme[]);
  }

  /** Changes an update and does what follows from it. Undefined: there is none, and `decide` wanted none. @throws {Contended} */
  async change(endpoint: string, decide: Decide): Promise<Update | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
      const before = stored && firmware.decodeUpdate(stored.record);
      const next = decide(before, await this.#scene());
      if (next === undefined || next === before) return before;
      if (!(await this.#store(endpoint, stored?.version ?? 0, next))) continue;
      return (await this.#follow(endpoint, before, next)) ?? next;
    }
    throw new Contended(`the update of ${endpoint} changed under every attempt`);
  }

  /** Somebody has to look at the update: what is out is asked after, what is not told is told, and time passes. */
  async carryOn(endpoint: string): Promise<void> {
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    if (stored === undefined) return;
    const update = firmware.decodeUpdate(stored.record);
    if (update.untold.length > 0) await this.#tell(endpoint, update);
    if (update.out !== undefined) await this.#askAfter(endpoint, update);
    // The time at which it is due is set anew, though nothing may have changed.
    await this.change(endpoint, (now, scene) => now && { ...firmware.onTime(now, scene) });
  }

  async #scene(): Promise<firmware.FirmwareScene> {
    return { nowMs: await this.#deps.sessions.timeMs(), served: this.#served };
  }

  #store(endpoint: string, version: number, update: Update): Promise<boolean> {
    return this.#deps.updates.changeUpdate(endpoint, version, firmware.encodeUpdate(update), firmware.dueMs(update));
  }

  async #follow(endpoint: string, before: Update | undefined, next: Update): Promise<Update | undefined> {
    const dropped = before?.out !== undefined && (before.id !== next.id || before.out.step !== next.out?.step) ? before : undefined;
    // One that has ended is not touched by it; one that is on its way ends as it does.
    if (dropped?.out !== undefined) await this.#deps.northbound.cancel(endpoint, firmware.firmwareCommandId(dropped.id, dropped.out.step));
    if (next.out !== undefined && (before?.id !== next.id || before.out?.step !== next.out.step)) await this.#submit(endpoint, next);
    return next.untold.length === 0 ? undefined : this.#tell(endpoint, next);
  }

  async #submit(endpoint: string, update: Update): Promise<void> {
    const device = await deviceTraits(this.#deps.sessions, endpoint);
    const command = device && firmware.commandOf(update, () => this.#uri(update, device.number));
    if (command === undefined) return;
    const submission = await this.#deps.northbound.submit(endpoint, command);
    if (submission.outcome === 'accepted' || submission.outcome === 'repeated') return;
    // It stays out, and is submitted again when it is due.
    this.#deps.log.debug({ endpoint, outcome: submission.outcome }, 'a command of an update was not queued');
    if (submission.outcome === 'malformed') throw new TypeError(faultsOf(submission));
  }

  /** Where this device fetches its package until the update's time is over. */
  #uri(update: Update, device: string): string {
    const scheme = firmware.schemeOf(update.by?.protocol ?? 0) ?? 'coap';
    const link = sealLink(this.#deps.links!, { package: update.package.id, device, expiresAtS: Math.ceil(firmware.limitMs(update) / 1_000) });
    return `${this.#baseUris[scheme] ?? ''}/fw/${link}`;
  }

  async #askAfter(endpoint: string, update: Update): Promise<void> {
    const { id, out } = update;
    if (out === undefined) return;
    const status = await this.#deps.northbound.command(endpoint, firmware.firmwareCommandId(id, out.step));
    if (status !== undefined) return this.#ended(endpoint, update, commandEnd(out.step, status), Date.parse(status.finishedAt ?? ''));
    const nowMs = await this.#deps.sessions.timeMs();
    if (nowMs - out.atMs < KEY_KEPT_MS && (await deviceTraits(this.#deps.sessions, endpoint)) !== undefined) return this.#submit(endpoint, update);
    await this.#ended(endpoint, update, { step: out.step, state: 'outcome-unknown', values: [], reason: 'the end of its command is not known' }, nowMs);
  }

  async #ended(endpoint: string, { id }: Update, ended: firmware.CommandEnd, atMs: number): Promise<void> {
    await this.change(endpoint, (now, scene) => (now?.id === id ? firmware.onCommandEnd(now, ended, atMs || scene.nowMs, scene) : undefined));
  }

  /** Brokers that are away are asked again when the update is due. */
  async #tell(endpoint: string, update: Update): Promise<Update | undefined> {
    try {
      await this.#deps.events.tell(endpoint, update);
    } catch (error) {
      if (error instanceof EventsUnavailable) return undefined;
      throw error;
    }
    const [stored] = await this.#deps.updates.loadUpdates([endpoint]);
    const now = stored && firmware.decodeUpdate(stored.record);
    if (stored === undefined || now?.id !== update.id) return undefined;
    const told = firmware.told(now, update.transitions);
    return (await this.#store(endpoint, stored.version, told)) ? told : undefined;
  }
}

function faultsOf({ faults }: Extract<Submission, { outcome: 'malformed' }>): string {
  return faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

/** The end of a command as its status tells it. */
export function commandEnd(step: number, { state, reason, response }: NonNullable<Awaited<ReturnType<FirmwareDeps['northbound']['command']>>>): firmware.CommandEnd {
  return {
    step, state, values: response?.values ?? [],
    ...(response === undefined ? {} : { code: response.code }), ...(reason === undefined ? {} : { reason }),
  };
}

/** An id for an update. */
export function newUpdateId(): string {
  return Array.from({ length: 12 }, () => 'abcdefghijkmnpqrstuvwxyz23456789'[randomInt(32)]).join('');
}
