/** An orchestrator on embedded storage with devices that answer at once: for tests of campaigns through REST. */
import { type CampaignView, type CommandRequest, type CommandStatus, eventTypes, topics } from '@cluster/contracts';
import { buildEvent } from '@cluster/events';
import { campaignOfUpdate } from '@cluster/fleet';
import { DirectoryStorage } from '@cluster/package-storage';
import { encodeSession, Northbound, provision, type SessionRecord, type Submission } from '@cluster/session';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { Bench } from './bench.ts';

export interface DeviceBehaviour {
  readonly version?: string;
  /** The Update Result in which its first `failures` downloads end; all, unless told. */
  readonly downloadResult?: number;
  readonly failures?: number;
  /** It answers nothing before it is let go. */
  readonly stays?: boolean;
  readonly asleep?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tenant?: string;
}

const PATIENCE = { timeout: 25_000, interval: 10 };
const type = 'integer' as const;

class PlayedDevice {
  readonly behaviour: DeviceBehaviour;
  stays: boolean;
  #state = 0;
  #result = 0;
  #downloads = 0;
  #version: string;

  constructor(behaviour: DeviceBehaviour) {
    this.behaviour = behaviour;
    this.stays = behaviour.stays ?? false;
    this.#version = behaviour.version ?? '1.0';
  }

  take({ op, path = '', value }: CommandRequest): NonNullable<CommandStatus['response']> {
    const { downloadResult = 0, failures = Infinity } = this.behaviour;
    if (path === '/3/0') return { code: '2.05', values: [{ path: '/3/0/3', value: this.#version, type: 'string' }] };
    if (op === 'read' || op === 'observe') return { code: '2.05', values: [{ path: '/5/0/3', value: this.#state, type }, { path: '/5/0/5', value: this.#result, type }] };
    if (path === '/5/0/1' && value !== '') {
      this.#result = this.#downloads++ < failures ? downloadResult : 0;
      this.#state = this.#result === 0 ? 2 : 0;
    } else if (path === '/5/0/2') [this.#state, this.#result, this.#version] = [0, 1, '2.0'];
    else [this.#state, this.#result] = [0, 0];
    return { code: '2.04', values: [] };
  }
}

export class CampaignBench extends Bench {
  readonly #devices = new Map<string, PlayedDevice>();
  readonly #queue = new Map<string, { status: CommandStatus; endpoint: string; command: CommandRequest }>();
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #updates: string[] = [];
  readonly #told: { id: string; state: string }[] = [];

  static override async open(): Promise<CampaignBench> {
    const directory = await mkdtemp(join(tmpdir(), 'campaigns-'));
    const bench = new CampaignBench(directory, await DirectoryStorage.open(join(directory, 'packages')), ':memory:');
    await bench.events.consumer().subscribe('told', [topics.firmware], async (records) => {
      for (const { headers, value } of records) {
        if (headers['ce_type'] !== eventTypes.campaignChanged) continue;
        const { id, state } = JSON.parse(Buffer.from(value).toString()) as CampaignView;
        bench.#told.push({ id, state });
      }
    });
    return bench;
  }

  protected override northbound(): ReturnType<Bench['northbound']> {
    const real: Pick<Northbound, 'traits'> = super.northbound();
    return {
      traits: (endpoints) => real.traits(endpoints),
      submit: (endpoint, command) => this.#submit(endpoint, command),
      command: async (_, id) => this.#queue.get(id)?.status,
      cancel: async () => 'finished',
    };
  }

  /** Registers devices `NAME-0`, `NAME-1`, … */
  async devices(name: string, count: number, behaviourOf: (i: number) => DeviceBehaviour = () => ({})): Promise<void> {
    for (let i = 0; i < count; i++) {
      const endpoint = `${name}-${i}`;
      const behaviour = behaviourOf(i);
      this.#devices.set(endpoint, new PlayedDevice(behaviour));
      const [number = ''] = await this.store.claim([{ endpoint, proposal: String(this.#devices.size).padStart(8, 'A') }]);
      const { registration, ...rest } = provision(endpoint, Date.now());
      const record: SessionRecord = {
        ...rest, tenant: behaviour.tenant ?? rest.tenant, state: 'registered', registration: { ...registration, queueMode: behaviour.asleep === true }, profile: { labels: { ...behaviour.labels }, settings: {} },
        ...(behaviour.asleep === true ? { asleepSinceMs: 1 } : {}),
      };
      this.#sessions.set(endpoint, record);
      await this.store.commit([{ number, session: { expected: 0, record: encodeSession(record) } }]);
      await this.store.putEntries([{ endpoint, state: 'registered', changedAtMs: 1, labelled: { labels: behaviour.labels ?? {}, atMs: 1 } }]);
    }
  }

  /** The device is heard. */
  async wake(endpoint: string): Promise<void> {
    const [number = ''] = await this.store.resolve([endpoint]);
    const { asleepSinceMs: _, ...record } = this.#sessions.get(endpoint!)!;
    const [stored] = await this.store.load([number]);
    await this.store.commit([{ number, session: { expected: stored!.version, record: encodeSession(record) } }]);
    await this.#publish(topics.registrations, eventTypes.awake, endpoint, { endpoint, registrationId: '', state: 'awake', since: now(), lastHeard: now() });
  }

  /** Devices that stayed answer from now on. */
  letGo(name: string): void {
    for (const [endpoint, device] of this.#devices) if (endpoint.startsWith(`${name}-`)) device.stays = false;
    for (const { endpoint, command, status } of [...this.#queue.values()]) if (status.state === 'queued' && endpoint.startsWith(`${name}-`)) this.#answer(endpoint, command, status);
  }

  /** Updates that were begun at these devices. */
  begun(name: string): number {
    return new Set(this.#updates.filter((one) => one.startsWith(`${name}-`))).size;
  }

  async campaign(request: object): Promise<string> {
    const { status, body } = await this.call('POST', '/api/v1/firmware/campaigns', request);
    if (status !== 202) throw new Error(JSON.stringify(body));
    return String(body['id']);
  }

  async view(id: string): Promise<CampaignView> {
    return (await this.call('GET', `/api/v1/firmware/campaigns/${id}`)).body as unknown as CampaignView;
  }

  until(id: string, reached: (view: CampaignView) => boolean): Promise<CampaignView> {
    return vi.waitFor(async () => {
      const view = await this.view(id);
      if (!reached(view)) throw new Error(`it stands elsewhere: ${JSON.stringify(view)}`);
      return view;
    }, PATIENCE);
  }

  /** States of a campaign that were told, in their order. */
  told(campaign: string): string[] {
    return this.#told.filter(({ id }) => id === campaign).map(({ state }) => state);
  }

  async #submit(endpoint: string, command: CommandRequest): Promise<Submission> {
    const key = command.idempotencyKey ?? '';
    const id = `k.${Buffer.from(key).toString('base64url')}`;
    const known = this.#queue.get(id);
    if (known !== undefined) return { outcome: 'repeated', status: known.status, same: true };
    const update = key.split(':')[1] ?? '';
    if (campaignOfUpdate(update) !== undefined) this.#updates.push(`${endpoint} ${update}`);
    const status: CommandStatus = { id, op: command.op, state: 'queued', attempts: 0, acceptedAt: now() };
    this.#queue.set(id, { status, endpoint, command });
    if (this.#devices.get(endpoint)?.stays === false) this.#answer(endpoint, command, status);
    return { outcome: 'accepted', status };
  }

  #answer(endpoint: string, command: CommandRequest, status: CommandStatus): void {
    const response = this.#devices.get(endpoint)!.take(command);
    const done: CommandStatus = { ...status, state: 'done', attempts: 1, finishedAt: now(), response };
    this.#queue.set(status.id, { status: done, endpoint, command });
    void this.#publish(topics.commandResults, eventTypes.commandResult, endpoint, { ...done, endpoint });
  }

  async #publish(topic: (typeof topics)['registrations' | 'commandResults'], event: typeof eventTypes.awake | typeof eventTypes.commandResult, endpoint: string, data: object): Promise<void> {
    await this.events.publisher().publish([buildEvent({
      topic, type: event, id: `${endpoint}.${this.#queue.size}.${Math.random()}`, source: '/test', endpoint, data, timeMs: Date.now(), encoding: 'json',
      tenant: 'default', generation: 1, fence: 0, sessionVersion: 1,
    })]);
  }
}

function now(): string {
  return new Date().toISOString();
}
