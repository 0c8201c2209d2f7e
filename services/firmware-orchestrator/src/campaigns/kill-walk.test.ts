/**
 * A campaign whose orchestrator dies before or after each step that it takes at the store, at an update or at the broker:
 * whoever comes next goes on, no device is begun twice, and every device is accounted for.
 */
import { campaignRequest, type CampaignView } from '@cluster/contracts';
import { type EventRecord, EventsUnavailable } from '@cluster/events';
import { campaignUpdateId, decodeCampaign, encodeCampaign, type JobStore, newCampaign, Selection, tallyOf, underWay } from '@cluster/fleet';
import { firmware } from '@cluster/lwm2m';
import { silentLog } from '@cluster/nest-kit';
import { encodeSession, provision } from '@cluster/session';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { Metrics } from '@cluster/telemetry';
import { afterAll, expect, test } from 'vitest';
import { firmwareEvent } from '../updates/firmware-events.ts';
import type { CampaignDeps } from './campaign-deps.ts';
import { CampaignEvents } from './campaign-events.ts';
import { CampaignMetrics } from './campaign-metrics.ts';
import { CampaignResults } from './campaign-results.ts';
import { CampaignTurn } from './campaign-turn.ts';

class Died extends Error {}

const store = openEmbeddedStore({ file: ':memory:' });
afterAll(() => store.close());
const DEVICES = 3;
const MOVING: ReadonlySet<string> = new Set(['changeJob', 'advanceJob', 'moveDevices', 'retireJob'] satisfies (keyof JobStore)[]);
let runs = 0;

/** What outlives an orchestrator: the store, the updates of devices, and what was told. */
class World {
  readonly id = `${runs++}`.padStart(24, 'c');
  readonly names = Array.from({ length: DEVICES }, (_, i) => `${this.id}-${i}`);
  readonly begun: string[] = [];
  readonly told = new Map<string, string>();
  nowMs = 1_000_000;
  steps = 0;
  readonly #dieAt: number;
  readonly #updates = new Map<string, firmware.FirmwareUpdate>();

  constructor(dieAt: number) {
    this.#dieAt = dieAt;
  }

  /** An orchestrator that knows nothing but what is stored. */
  orchestrator(): { turn: CampaignTurn; results: CampaignResults } {
    const campaigns = new Proxy(store.campaigns, {
      get: (target, name: keyof JobStore) => (MOVING.has(name) ? (...args: never[]) => this.#step(() => (target[name] as (...all: never[]) => Promise<unknown>)(...args)) : target[name]),
    });
    const names = this.names;
    const traits = async (asked: readonly string[]) => asked.map((endpoint) => ({ endpoint, tenant: 'default', present: true, listening: true, labels: {}, paths: [] }));
    const number = (endpoint: string) => String(names.indexOf(endpoint)).padStart(8, 'A');
    const deps: CampaignDeps = {
      campaigns, model: { values: async () => [] }, northbound: { traits }, metrics: new CampaignMetrics(new Metrics()),
      selection: new Selection({ list: async () => names.map((endpoint) => ({ endpoint })) }, { traits }),
      sessions: {
        timeMs: async () => this.nowMs,
        resolve: async (asked) => asked.map(number),
        load: async (numbers) => numbers.map((one) => ({ version: 1, entries: 0, record: encodeSession({ ...provision(names.find((name) => number(name) === one)!, 0), state: 'registered' }) })),
      },
      updates: {
        loadUpdates: async (asked) => asked.map((endpoint) => {
          const update = this.#updates.get(endpoint);
          return update && { endpoint, version: 1, record: firmware.encodeUpdate(update) };
        }),
      } as CampaignDeps['updates'],
      turn: {
        change: (endpoint: string, decide: Decide) => this.#step(async () => this.#change(endpoint, decide)),
        tellAll: (endpoint: string) => this.#step(async () => this.#tellUpdate(endpoint)),
      } as CampaignDeps['turn'],
      events: new CampaignEvents({ publish: (records) => this.#step(async () => this.#tell(records)) }, 'json'),
    };
    return { turn: new CampaignTurn(this.id, deps, silentLog), results: new CampaignResults(deps) };
  }

  async begin(more: object = { waves: [{ count: 1 }, { percent: 100 }] }): Promise<void> {
    const request = campaignRequest.parse({ package: 'p'.repeat(22), target: { endpoints: this.names }, ...more });
    const campaign = newCampaign(request, { id: request.package, version: '2.0', size: 10, target: {} }, { selector: { endpoints: this.names } }, this.nowMs);
    await store.campaigns.createJob(this.id, this.nowMs, encodeCampaign(campaign));
  }

  /** The updates that are under way succeed; what they tell. */
  succeed() {
    return [...this.#updates].flatMap(([endpoint, update]) => {
      if (firmware.isOver(update)) return [];
      const transition = { sequence: 2, from: update.stage, stage: 'succeeded' as const, atMs: this.nowMs, reason: 'it runs' };
      const over = { ...update, stage: 'succeeded' as const, sinceMs: this.nowMs, reason: 'it runs', out: undefined };
      this.#updates.set(endpoint, over);
      return [{ partition: 0, offset: '0', ...firmwareEvent('json')(endpoint, over, transition) }];
    });
  }

  #tell(records: readonly EventRecord[]): void {
    for (const { headers, value } of records) this.told.set(headers['ce_id'] ?? '', (JSON.parse(Buffer.from(value).toString()) as CampaignView).state);
  }

  #tellUpdate(endpoint: string): void {
    const update = this.#updates.get(endpoint);
    if (update !== undefined) this.#updates.set(endpoint, { ...update, untold: [] });
  }

  #change(endpoint: string, decide: Decide): firmware.FirmwareUpdate | undefined {
    const before = this.#updates.get(endpoint);
    const next = decide(before, { nowMs: this.nowMs, served: ['coap'] });
    if (next === undefined || next === before) return before;
    if (next.id !== before?.id) this.begun.push(`${endpoint} ${next.id}`);
    this.#updates.set(endpoint, next);
    return next;
  }

  /** Dies before the step at odd places, and after it at even ones: then it was done, and nobody heard of it. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    this.steps += 1;
    if (this.steps * 2 - 1 === this.#dieAt) throw new Died();
    const result = await work();
    if (this.steps * 2 === this.#dieAt) throw new Died();
    return result;
  }
}

type Decide = (now: firmware.FirmwareUpdate | undefined, scene: firmware.FirmwareScene) => firmware.FirmwareUpdate | undefined;

/** Plays a campaign to its end; each time the orchestrator dies another one takes over. `deaf`: no event comes. */
async function play(world: World, deaf: boolean): Promise<void> {
  await world.begin();
  let { turn, results } = world.orchestrator();
  for (let round = 0; round < 300; round++) {
    world.nowMs += 1_000;
    try {
      const progress = await turn.step();
      if (progress === 'over') return;
      const told = progress === 'idle' ? world.succeed() : [];
      if (!deaf) await results.take(told);
    } catch (error) {
      if (!(error instanceof Died) && !(error instanceof EventsUnavailable)) throw error;
      ({ turn, results } = world.orchestrator());
    }
  }
  throw new Error('no end');
}

test.each([['hears what updates tell', false], ['hears nothing, and looks', true]] as const)('an orchestrator that %s may die at any step of a campaign', { timeout: 60_000 }, async (_name, deaf) => {
  const whole = new World(Infinity);
  await play(whole, deaf);
  expect(whole.steps).toBeGreaterThan(10);
  for (let dieAt = 1; dieAt <= whole.steps * 2; dieAt++) {
    const world = new World(dieAt);
    await play(world, deaf);
    const { record } = (await store.campaigns.loadJob(world.id))!;
    const { at } = tallyOf(await store.campaigns.countDevices(world.id));
    expect({ dieAt, state: decodeCampaign(record).state, admitted: decodeCampaign(record).admitted, succeeded: at.succeeded, begun: world.begun.toSorted() }).toEqual({
      dieAt, state: 'done', admitted: DEVICES, succeeded: DEVICES, begun: world.names.map((name) => `${name} ${campaignUpdateId(world.id, name, 1)}`),
    });
    expect([...world.told.values()]).toEqual(['running', 'running', 'done']);
  }
});

test('several that believe to hold a campaign begin each device once, within its cap', async () => {
  const world = new World(Infinity);
  await world.begin({ maxConcurrent: 1 });
  const all = [0, 1, 2].map(() => world.orchestrator());
  for (let round = 0; round < 100; round++) {
    world.nowMs += 1_000;
    const progress = await Promise.all(all.map(({ turn }) => turn.step()));
    expect(underWay(tallyOf(await store.campaigns.countDevices(world.id)))).toBeLessThanOrEqual(1);
    if (progress.includes('over')) break;
    if (round % 5 === 4) await all[round % 3]!.results.take(world.succeed());
  }
  expect(world.begun.toSorted()).toEqual(world.names.map((name) => `${name} ${campaignUpdateId(world.id, name, 1)}`));
  expect(tallyOf(await store.campaigns.countDevices(world.id)).at.succeeded).toBe(DEVICES);
});
