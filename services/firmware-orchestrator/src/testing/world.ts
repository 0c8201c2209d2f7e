/** A cluster around an orchestrator that dies before or after a step which it takes at the store, the queue or the broker. */
import type { CommandRequest, CommandStatus } from '@cluster/contracts';
import { EventsUnavailable, type EventRecord } from '@cluster/events';
import type { StoredUpdate, UpdateStore } from '@cluster/firmware';
import type { firmware } from '@cluster/lwm2m';
import { silentLog } from '@cluster/nest-kit';
import { Metrics } from '@cluster/telemetry';
import { encodeSession, provision, StoreUnavailable, type SessionRecord } from '@cluster/session';
import type { Turn, TurnDeps } from '../updates/turn.ts';
import { RING } from './bench.ts';

const ENDPOINT = 'dev';
export const OPTIONS = { baseUris: { coap: 'coap://server' }, eventEncoding: 'json' } as const;

/** A device that does at once what it is asked. */
export interface CountingDevice {
  take(command: CommandRequest): { code: string; values: { path: string; value: string | number | boolean; type: 'integer' }[] };
}

type Turns<R> = Pick<Turn<R, never>, 'change' | 'carryOn' | 'ended'>;

/** What an orchestrator works on: how its turns are made, and how what it stored is read. */
export interface Play<R> {
  turn(deps: TurnDeps): Turns<R>;
  begin(scene: firmware.FirmwareScene): R;
  decode(record: string): R;
  dueMs(record: R): number | undefined;
  update(record: R): firmware.Progress;
  commandId(update: string, step: number): string;
}

class Died extends Error {}

/** `dieAt`: the step before or after which the process ends. */
export class World<R> {
  nowMs = 1_000_000;
  steps = 0;
  readonly told: { id: string; stage: string }[] = [];
  readonly #dieAt: number;
  readonly #play: Play<R>;
  readonly #device: CountingDevice;
  readonly #queue = new Map<string, CommandStatus>();
  #stored: StoredUpdate | undefined;

  constructor(play: Play<R>, device: CountingDevice, dieAt: number) {
    this.#play = play;
    this.#device = device;
    this.#dieAt = dieAt;
  }

  get record(): R | undefined {
    return this.#stored && this.#play.decode(this.#stored.record);
  }

  /** All that was stored. */
  readonly records: string[] = [];

  /** The stages that were told, each once, in their order. */
  get stages(): string[] {
    return [...new Map(this.told.map(({ id, stage }) => [id, stage])).values()];
  }

  /** Plays to the end; each time the process dies another one takes over. `deaf`: it hears no end of a command, and looks. */
  async play(deaf: boolean): Promise<void> {
    let turn = this.#orchestrator();
    for (let round = 0; round < 400; round++) {
      this.nowMs += 1_000;
      try {
        const { record } = this;
        if (record !== undefined && this.#play.dueMs(record) === undefined) return;
        await this.#goOn(turn, record, deaf);
      } catch (error) {
        if (!(error instanceof Died) && !(error instanceof StoreUnavailable) && !(error instanceof EventsUnavailable)) throw error;
        turn = this.#orchestrator();
      }
    }
    throw new Error(`no end: ${JSON.stringify(this.record)}`);
  }

  async #goOn(turn: Turns<R>, record: R | undefined, deaf: boolean): Promise<void> {
    if (record === undefined) return void (await turn.change(ENDPOINT, (_, scene) => this.#play.begin(scene)));
    const { id, out } = this.#play.update(record);
    const status = deaf ? undefined : out && this.#queue.get(this.#play.commandId(id, out.step));
    if (out !== undefined && status !== undefined) {
      return turn.ended(ENDPOINT, id, { step: out.step, state: status.state, code: status.response?.code, values: status.response?.values ?? [] }, this.nowMs);
    }
    this.nowMs = Math.max(this.nowMs, this.#play.dueMs(record) ?? 0);
    await turn.carryOn(ENDPOINT);
  }

  /** An orchestrator that knows nothing but what is stored. */
  #orchestrator(): Turns<R> {
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
      listUpdates: () => Promise.resolve([]),
    };
    const publisher = { publish: (records: readonly EventRecord[]) => this.#step(() => this.#publish(records)) };
    return this.#play.turn({ northbound, sessions, updates, links: RING, log: silentLog, metrics: new Metrics(), publisher });
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
    this.records.push(record);
    return true;
  }

  #submit(command: CommandRequest): { outcome: 'accepted' | 'repeated'; status: CommandStatus; same: boolean } {
    const id = `k.${Buffer.from(command.idempotencyKey ?? '').toString('base64url')}`;
    const known = this.#queue.get(id);
    if (known !== undefined) return { outcome: 'repeated', status: known, same: true };
    const at = new Date(this.nowMs).toISOString();
    const status: CommandStatus = { id, op: command.op, state: 'done', attempts: 1, acceptedAt: at, finishedAt: at, response: this.#device.take(command) };
    this.#queue.set(id, status);
    return { outcome: 'accepted', status, same: true };
  }

  #publish(records: readonly EventRecord[]): void {
    for (const { headers, value } of records) this.told.push({ id: headers['ce_id'] ?? '', stage: (JSON.parse(Buffer.from(value).toString()) as { stage: string }).stage });
  }
}
