/**
 * An update whose orchestrator dies before or after each step that it takes at the store, the queue or the broker: whoever comes
 * next goes on, the device is asked for nothing twice that starts something, and every stage is told, each under one id.
 */
import { EventsUnavailable, type EventRecord } from '@cluster/events';
import type { StoredUpdate, UpdateStore } from '@cluster/firmware';
import { silentLog } from '@cluster/nest-kit';
import { encodeSession, provision, StoreUnavailable, type SessionRecord } from '@cluster/session';
import type { CommandRequest, CommandStatus } from '@cluster/contracts';
import { firmware } from '@cluster/lwm2m';
import { expect, test } from 'vitest';
import { RING } from '../testing/bench.ts';
import { FirmwareEvents } from './firmware-events.ts';
import { commandEnd, UpdateTurn } from './update-turn.ts';

const ENDPOINT = 'dev';
const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };

/** A device that does at once what it is asked, and counts what starts something. */
class Device {
  state = 0;
  result = 0;
  version = '1.0';
  downloads = 0;
  installs = 0;

  take({ op, path = '', value }: CommandRequest): { code: string; values: { path: string; value: string | number; type: 'integer' }[] } {
    const type = 'integer' as const;
    if (op === 'read' || op === 'observe') {
      const values = path === '/3/0' ? [{ path: '/3/0/3', value: this.version, type }] : [{ path: '/5/0/3', value: this.state, type }, { path: '/5/0/5', value: this.result, type }];
      return { code: '2.05', values };
    }
    if (path === '/5/0/1' && value !== '') {
      this.downloads += 1;
      [this.state, this.result] = [2, 0];
    }
    if (path === '/5/0/2') {
      this.installs += 1;
      [this.state, this.result, this.version] = [0, 1, '2.0'];
    }
    return { code: '2.04', values: [] };
  }
}

class Died extends Error {}

/** The cluster around the orchestrator. `dieAt`: the step before or after which the process ends. */
class World {
  nowMs = 1_000_000;
  steps = 0;
  readonly device = new Device();
  readonly told: { id: string; stage: string }[] = [];
  readonly #dieAt: number;
  readonly #queue = new Map<string, CommandStatus>();
  #stored: StoredUpdate | undefined;

  constructor(dieAt: number) {
    this.#dieAt = dieAt;
  }

  /** An orchestrator that knows nothing but what is stored. */
  orchestrator(): UpdateTurn {
    const record: SessionRecord = { ...provision(ENDPOINT, 0), state: 'registered' };
    const sessions = {
      timeMs: () => Promise.resolve(this.nowMs),
      resolve: () => Promise.resolve(['AAAAAAAA']),
      load: () => Promise.resolve([{ version: 1, record: encodeSession(record), entries: 0 }]),
    };
    const northbound = {
      submit: (_: string, command: CommandRequest) => this.#step(() => this.#submit(command)),
      command: (_: string, id: string) => Promise.resolve(this.#queue.get(id)),
      cancel: () => Promise.resolve('finished' as const),
    };
    const updates: UpdateStore = {
      loadUpdates: () => Promise.resolve([this.#stored]),
      changeUpdate: (endpoint, expected, text) => this.#step(() => this.#change(endpoint, expected, text)),
      takeDueUpdates: () => Promise.resolve([]),
    };
    const events = new FirmwareEvents({ publish: (records) => this.#step(() => this.#publish(records)) }, 'json');
    return new UpdateTurn({ northbound, sessions, updates, links: RING, log: silentLog, events }, { coap: 'coap://server' });
  }

  get update(): firmware.FirmwareUpdate | undefined {
    return this.#stored && firmware.decodeUpdate(this.#stored.record);
  }

  /** The end of the command that is out, as its event tells it. */
  ending(): { step: number; status: CommandStatus } | undefined {
    const { id = '', out } = this.update ?? {};
    const status = out && this.#queue.get(firmware.firmwareCommandId(id, out.step));
    return out && status && { step: out.step, status };
  }

  /** Dies before the step at odd places, and after it at even ones: then it was done, and nobody heard of it. */
  #step<T>(work: () => T): Promise<T> {
    this.steps += 1;
    if (this.steps * 2 - 1 === this.#dieAt) return Promise.reject(new Died());
    const result = work();
    return this.steps * 2 === this.#dieAt ? Promise.reject(new Died()) : Promise.resolve(result);
  }

  #change(endpoint: string, expected: number, record: string): boolean {
    if ((this.#stored?.version ?? 0) !== expected) return false;
    this.#stored = { endpoint, version: expected + 1, record };
    return true;
  }

  #submit(command: CommandRequest): { outcome: 'accepted' | 'repeated'; status: CommandStatus; same: boolean } {
    const id = `k.${Buffer.from(command.idempotencyKey ?? '').toString('base64url')}`;
    const known = this.#queue.get(id);
    if (known !== undefined) return { outcome: 'repeated', status: known, same: true };
    const at = new Date(this.nowMs).toISOString();
    const status: CommandStatus = { id, op: command.op, state: 'done', attempts: 1, acceptedAt: at, finishedAt: at, response: this.device.take(command) };
    this.#queue.set(id, status);
    return { outcome: 'accepted', status, same: true };
  }

  #publish(records: readonly EventRecord[]): void {
    for (const { headers, value } of records) this.told.push({ id: headers['ce_id'] ?? '', stage: (JSON.parse(Buffer.from(value).toString()) as { stage: string }).stage });
  }
}

/** Plays an update to its end; each time the process dies another one takes over. */
async function play(world: World, dropEvents: boolean): Promise<void> {
  const request = { delivery: 'pull', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;
  let turn = world.orchestrator();
  for (let round = 0; round < 400; round++) {
    world.nowMs += 1_000;
    try {
      const { update } = world;
      if (update === undefined) await turn.change(ENDPOINT, (_, scene) => firmware.begin({ id: 'u', package: PACKAGE, request, objectVersion: '1.0', secure: false }, scene));
      else if (firmware.dueMs(update) === undefined) return;
      const ending = dropEvents ? undefined : world.ending();
      if (ending !== undefined) {
        await turn.change(ENDPOINT, (now, scene) => now && firmware.onCommandEnd(now, commandEnd(ending.step, ending.status), world.nowMs, scene));
      } else {
        world.nowMs = Math.max(world.nowMs, (world.update && firmware.dueMs(world.update)) ?? 0);
        await turn.carryOn(ENDPOINT);
      }
    } catch (error) {
      if (!(error instanceof Died) && !(error instanceof StoreUnavailable) && !(error instanceof EventsUnavailable)) throw error;
      turn = world.orchestrator();
    }
  }
  throw new Error(`no end: ${JSON.stringify(world.update)}`);
}

test.each([['hears the ends of its commands', false], ['hears nothing, and looks', true]] as const)('an orchestrator that %s may die at any step', async (_name, dropEvents) => {
  const whole = new World(Infinity);
  await play(whole, dropEvents);
  expect(whole.update?.stage).toBe('succeeded');
  for (let dieAt = 1; dieAt <= whole.steps * 2; dieAt++) {
    const world = new World(dieAt);
    await play(world, dropEvents);
    const stages = new Map(world.told.map(({ id, stage }) => [id, stage]));
    expect({ dieAt, stage: world.update?.stage, downloads: world.device.downloads, installs: world.device.installs, told: [...stages.values()] }).toEqual({
      dieAt, stage: 'succeeded', downloads: 1, installs: 1,
      told: ['inquiring', 'delivering', 'downloading', 'downloaded', 'updating', 'verifying', 'succeeded'],
    });
  }
});
