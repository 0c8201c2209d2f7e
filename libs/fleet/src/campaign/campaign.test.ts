/** Campaigns played against devices that do whatever they like, in a time of their own: what holds of each of them. */
import { type CampaignRequest, campaignRequest, type FirmwareFailure } from '@cluster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  actOn, admittedAtMost, advance, afterUpdate, type Buckets, type Campaign, campaignBucketOf, type CampaignDevice, campaignOfUpdate, campaignUpdateId, campaignView, closed,
  decodeCampaign, decodeCampaignDevice, encodeCampaign, encodeCampaignDevice, givenUp, hasEnded, isCampaignOver, isUnderWay, newCampaign, type Presence, startDevices, tallyOf, woken,
} from '../index.ts';

const SIZE = 10_000;
const PACKAGE = { id: 'p'.repeat(22), version: '2.0', size: SIZE, target: {} };

type Asked = Partial<Omit<CampaignRequest, 'waves'>> & { readonly waves?: readonly object[] };

function requestOf(more: Asked): CampaignRequest {
  return campaignRequest.parse({ package: PACKAGE.id, target: { endpointPattern: '*' }, ...more });
}

/** What a device does with its n-th update. */
type Ending = 'succeeded' | FirmwareFailure;

interface Fleet {
  readonly cells: readonly string[];
  readonly ending: (device: number, attempt: number) => Ending;
  readonly presence: (device: number, second: number) => Presence;
  /** How long an update takes. */
  readonly seconds: (device: number) => number;
}

/** A campaign with its devices, as the store would have them. */
class Played {
  campaign: Campaign;
  readonly devices = new Map<string, CampaignDevice>();
  readonly begun: { readonly atMs: number; readonly endpoint: string; readonly cell: string }[] = [];
  nowMs = 1_000_000;
  #sequence = 1;
  readonly #fleet: Fleet;

  constructor(request: CampaignRequest, fleet: Fleet) {
    this.#fleet = fleet;
    const { selecting: _, ...selected } = newCampaign(request, PACKAGE, { selector: { endpointPattern: '*' } }, this.nowMs);
    this.campaign = selected;
    fleet.cells.forEach((cell, i) => this.devices.set(`d${i}`, { place: 'waiting', sinceMs: this.nowMs, attempt: 0, cell }));
  }

  get buckets(): Buckets {
    const buckets: Record<string, number> = {};
    for (const [endpoint, device] of this.devices) {
      const bucket = campaignBucketOf(endpoint, device);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    return buckets;
  }

  /** One second: updates end, the campaign goes on, devices begin, and what must always hold is looked at. */
  second(): void {
    this.nowMs += 1_000;
    for (const [endpoint, device] of this.devices) this.#goOn(endpoint, device);
    this.campaign = decodeCampaign(encodeCampaign(advance(this.campaign, tallyOf(this.buckets), { nowMs: this.nowMs, sequence: ++this.#sequence })));
    this.#begin();
    this.#check();
  }

  run(seconds: number): Campaign {
    for (let i = 0; i < seconds && !isCampaignOver(this.campaign) && this.campaign.state !== 'halted'; i++) {
      this.second();
      if (this.campaign.state === 'awaiting-approval') this.act('approve');
    }
    return this.campaign;
  }

  act(action: 'pause' | 'resume' | 'approve' | 'abort'): boolean {
    const next = actOn(this.campaign, action, tallyOf(this.buckets), { nowMs: this.nowMs, sequence: ++this.#sequence });
    this.campaign = next ?? this.campaign;
    return next !== undefined;
  }

  #set(endpoint: string, device: CampaignDevice | undefined): void {
    if (device !== undefined) this.devices.set(endpoint, decodeCampaignDevice(encodeCampaignDevice(endpoint, device)));
  }

  #goOn(endpoint: string, device: CampaignDevice): void {
    const { ending, seconds, presence } = this.#fleet;
    const i = Number(endpoint.slice(1));
    this.#set(endpoint, closed(this.campaign, device, this.nowMs));
    if (device.place === 'asleep') this.#set(endpoint, presence(i, this.nowMs / 1_000) === 'awake' ? woken(device, this.nowMs) : givenUp(this.campaign, device, this.nowMs));
    if (!isUnderWay(device) || this.nowMs < device.sinceMs + seconds(i) * 1_000) return;
    const end = ending(i, device.attempt);
    const stand = end === 'succeeded' ? { stage: 'succeeded' as const } : { stage: 'failed' as const, failure: end, result: 5 };
    this.#set(endpoint, afterUpdate(this.campaign, device, { attempt: device.attempt, reason: 'because', atMs: this.nowMs, ...stand }, this.nowMs));
  }

  #begin(): void {
    const due = [...this.devices].filter(([, { place, againMs = 0 }]) => ['waiting', 'woken', 'held', 'retry'].includes(place) && againMs <= this.nowMs);
    const next = due.map(([endpoint, device]) => ({ endpoint, device, presence: this.#fleet.presence(Number(endpoint.slice(1)), this.nowMs / 1_000) }));
    const start = startDevices(this.campaign, tallyOf(this.buckets), next, this.nowMs);
    this.campaign = start.campaign;
    for (const { endpoint, device } of start.moved) {
      expect(isUnderWay(this.devices.get(endpoint)!)).toBe(false);
      if (device.place === 'starting') this.begun.push({ atMs: this.nowMs, endpoint, cell: device.cell ?? '' });
      this.#set(endpoint, device);
    }
  }

  #check(): void {
    const { request, wave, admitted } = this.campaign;
    const tally = tallyOf(this.buckets);
    const underWay = [...this.devices.values()].filter(isUnderWay);
    expect(underWay.length).toBeLessThanOrEqual(request.maxConcurrent);
    for (const [, own] of Map.groupBy(underWay, ({ cell }) => cell)) expect(own.length).toBeLessThanOrEqual(request.perLabel?.maxConcurrent ?? Infinity);
    if (this.campaign.state === 'running') expect(admitted).toBeLessThanOrEqual(admittedAtMost(request.waves[wave.index]!, admitted, tally.at.waiting));
    expect(Object.values(tally.at).reduce((sum, count) => sum + count, 0)).toBe(this.devices.size);
    expect(campaignView('c', this.campaign, tally, this.nowMs).reason).not.toBe('');
  }
}

/** Bytes that begin within any span are no more than the bandwidth of it, of a second, and of one package. */
function expectWithin(begun: readonly { readonly atMs: number }[], bytesPerSecond: number): void {
  begun.forEach(({ atMs: from }, i) => begun.slice(i).forEach(({ atMs: to }, more) => {
    expect((more + 1) * SIZE).toBeLessThanOrEqual(((to - from) / 1_000 + 1) * bytesPerSecond + SIZE + 1);
  }));
}

const ENDINGS = ['succeeded', 'succeeded', 'succeeded', 'device', 'transport', 'lost', 'target', 'timeout'] as const satisfies readonly Ending[];
const cap = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const rate = fc.option(fc.integer({ min: 3_000, max: 60_000 }), { nil: undefined });
const percents = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 3 }).map((list) => [...list.toSorted((a, b) => a - b), 100]);

const scenario = fc.record({
  devices: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 25 }),
  percents,
  approval: fc.boolean(),
  maxConcurrent: fc.integer({ min: 1, max: 10 }),
  cellCap: cap,
  bytesPerSecond: rate,
  cellRate: rate,
  endings: fc.array(fc.constantFrom(...ENDINGS), { minLength: 1, maxLength: 30 }),
  seconds: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  sleeps: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
  retries: fc.integer({ min: 0, max: 2 }),
});

function play(given: typeof scenario extends fc.Arbitrary<infer T> ? T : never): Played {
  const { endings, seconds, sleeps, retries, cellCap, cellRate } = given;
  const perLabel = { label: 'cell', ...(cellCap === undefined ? {} : { maxConcurrent: cellCap }), ...(cellRate === undefined ? {} : { bytesPerSecond: cellRate }) };
  const request = requestOf({
    waves: given.percents.map((percent) => ({ percent, approval: given.approval })), maxConcurrent: given.maxConcurrent,
    ...(given.bytesPerSecond === undefined ? {} : { bytesPerSecond: given.bytesPerSecond }), ...(Object.keys(perLabel).length > 1 ? { perLabel } : {}),
    budget: { failedPercent: 100, lostPercent: 100, minimum: 1 }, retry: { device: { times: retries, afterS: 2 } }, waitForDeviceS: 60,
  });
  const played = new Played(request, {
    cells: given.devices,
    ending: (device, attempt) => endings[(device * 7 + attempt) % endings.length]!,
    seconds: (device) => seconds[device % seconds.length]!,
    presence: (device, second) => (sleeps[(device + second) % sleeps.length] === true ? 'away' : 'awake'),
  });
  return played;
}

describe('whatever devices do', () => {
  it('caps hold, nobody is begun twice at once, and every device is accounted for', () => {
    fc.assert(fc.property(scenario, (given) => {
      const played = play(given);
      expect(played.run(2_000).state).toBe('done');
      expect([...played.devices.values()].every(hasEnded)).toBe(true);
      const attempts = Map.groupBy(played.begun, ({ endpoint }) => endpoint);
      for (const [endpoint, own] of attempts) expect(own).toHaveLength(played.devices.get(endpoint)!.attempt);
      for (const { attempt } of played.devices.values()) expect(attempt).toBeLessThanOrEqual(1 + given.retries);
      if (given.bytesPerSecond !== undefined) expectWithin(played.begun, given.bytesPerSecond);
      if (given.cellRate !== undefined) for (const [, own] of Map.groupBy(played.begun, ({ cell }) => cell)) expectWithin(own, given.cellRate);
    }), { numRuns: 60 });
  });

  it('operators may say what they like whenever they like: an abort accounts for every device', () => {
    const words = fc.array(fc.tuple(fc.nat(20), fc.constantFrom('pause', 'resume', 'approve', 'abort')), { maxLength: 6 });
    fc.assert(fc.property(scenario, words, (given, said) => {
      const played = play(given);
      for (const [seconds, word] of said) {
        for (let i = 0; i < seconds; i++) played.second();
        played.act(word);
      }
      if (!isCampaignOver(played.campaign)) played.act('abort');
      for (let i = 0; i < 30 && !isCampaignOver(played.campaign); i++) played.second();
      expect(isCampaignOver(played.campaign)).toBe(true);
      expect([...played.devices.values()].every(hasEnded)).toBe(true);
    }), { numRuns: 60 });
  });

  it('a share that fails above the budget halts it before much more has begun', () => {
    fc.assert(fc.property(fc.integer({ min: 25, max: 100 }), fc.integer({ min: 1, max: 20 }), fc.constantFrom<Ending>('device', 'lost'), (share, maxConcurrent, failure) => {
      const request = requestOf({ maxConcurrent, budget: { failedPercent: 10, lostPercent: 10, minimum: 20 } });
      const cells = Array.from({ length: 400 }, () => '');
      const played = new Played(request, { cells, ending: (device) => ((device * 37) % 100 < share ? failure : 'succeeded'), seconds: () => 3, presence: () => 'awake' });
      expect(played.run(1_000)).toMatchObject({ state: 'halted', halt: expect.stringContaining('%') as string });
      // 400 devices would have begun without it.
      expect(played.begun.length).toBeLessThan(200);
    }), { numRuns: 20 });
  });
});

const awake = { seconds: () => 1, presence: () => 'awake' as const };

describe('a campaign', () => {
  it('that is within its budget ends', () => {
    const played = new Played(requestOf({ maxConcurrent: 50 }), { ...awake, cells: Array.from({ length: 200 }, () => ''), ending: (device) => (device % 25 === 0 ? 'device' : 'succeeded') });
    expect(played.run(500).state).toBe('done');
    expect(tallyOf(played.buckets)).toMatchObject({ at: { succeeded: 192, failed: 8 }, failedBy: { 'result-5': 8 } });
  });

  it('is not misled by devices that fail sooner than others succeed', () => {
    const fails = (device: number) => device % 25 === 0;
    const cells = Array.from({ length: 400 }, () => '');
    const played = new Played(requestOf({ maxConcurrent: 300 }), {
      cells, ending: (device) => (fails(device) ? 'device' : 'succeeded'), seconds: (device) => (fails(device) ? 1 : 5 + (device % 7)), presence: () => 'awake',
    });
    expect(played.run(500).state).toBe('done');
  });

  it('whose small first wave fails is halted at its end, below the minimum of devices', () => {
    const played = new Played(requestOf({ waves: [{ count: 3 }, { percent: 100 }] }), { ...awake, cells: Array.from({ length: 50 }, () => ''), ending: () => 'device' });
    expect(played.run(100)).toMatchObject({ state: 'halted', wave: { index: 0 } });
    expect(played.begun).toHaveLength(3);
  });

  it('that is let go on after a halt counts anew', () => {
    const played = new Played(requestOf({ maxConcurrent: 10, budget: { failedPercent: 10, lostPercent: 5, minimum: 10 } }), {
      ...awake, cells: Array.from({ length: 200 }, () => ''), ending: (_, attempt) => (attempt === 1 && played.nowMs < 1_020_000 ? 'device' : 'succeeded'),
    });
    expect(played.run(100).state).toBe('halted');
    played.nowMs = 1_030_000;
    expect(played.act('resume')).toBe(true);
    expect(played.run(500).state).toBe('done');
    expect(played.begun).toHaveLength(200);
  });

  it('waits the time between waves', () => {
    const played = new Played(requestOf({ waves: [{ count: 1, soakS: 30 }, { percent: 100 }] }), { ...awake, cells: ['', ''], ending: () => 'succeeded' });
    played.run(500);
    expect(played.begun[1]!.atMs - played.begun[0]!.atMs).toBeGreaterThanOrEqual(30_000);
  });

  it('goes on from a wave that sleepers hold open, as far as it is told', () => {
    const request = requestOf({ waves: [{ percent: 50, endedPercent: 80 }, { percent: 100 }], waitForDeviceS: 1_000 });
    const played = new Played(request, { ...awake, cells: Array.from({ length: 20 }, () => ''), ending: () => 'succeeded', presence: (device) => (device === 0 ? 'away' : 'awake') });
    for (let i = 0; i < 20; i++) played.second();
    expect(played.campaign.wave.index).toBe(1);
    expect(tallyOf(played.buckets).at).toMatchObject({ succeeded: 19, asleep: 1 });
    expect(played.run(1_100).state).toBe('done');
    expect(tallyOf(played.buckets).at).toMatchObject({ succeeded: 19, unreachable: 1 });
  });

  it('begins nothing outside its windows, and skips what has not begun when its time is over', () => {
    const at = (ms: number) => new Date(ms).toISOString();
    const request = requestOf({ maxConcurrent: 1, notBefore: at(1_010_000), notAfter: at(1_015_500) });
    const played = new Played(request, { ...awake, cells: Array.from({ length: 20 }, () => ''), ending: () => 'succeeded' });
    expect(played.run(100).state).toBe('done');
    expect(played.begun.every(({ atMs }) => atMs >= 1_010_000 && atMs < 1_015_500)).toBe(true);
    expect(tallyOf(played.buckets).at).toMatchObject({ succeeded: played.begun.length, skipped: 20 - played.begun.length });
  });

  it('tells of each device why it stands there', () => {
    const played = new Played(requestOf({ maxConcurrent: 1 }), { ...awake, cells: ['', ''], ending: () => 'device' });
    played.second();
    expect([...played.devices].map(([endpoint, device]) => [endpoint, device.place])).toContainEqual(['d1', 'waiting']);
    played.second();
    expect(played.devices.get('d0')).toMatchObject({ place: 'failed', error: 'result-5', reason: 'because' });
  });
});

it('what an update told before, of another attempt, or twice changes nothing', () => {
  const { campaign } = new Played(requestOf({}), { ...awake, cells: [], ending: () => 'succeeded' });
  const device: CampaignDevice = { place: 'running', sinceMs: 1_000, attempt: 2, stage: 'updating' };
  const told = { attempt: 2, stage: 'succeeded', reason: 'r', atMs: 2_000 } as const;
  expect(afterUpdate(campaign, device, { ...told, attempt: 1 }, 3_000)).toBeUndefined();
  expect(afterUpdate(campaign, device, { ...told, stage: 'delivering', atMs: 999 }, 3_000)).toBeUndefined();
  const ended = afterUpdate(campaign, device, told, 3_000)!;
  expect(ended.place).toBe('succeeded');
  expect(afterUpdate(campaign, ended, told, 3_000)).toBeUndefined();
});

it('the update of each device and attempt has an id of its own, which tells its campaign', () => {
  const campaign = 'Vb2l0mCkWf6J1VhXo3sE9T-_';
  const ids = ['a', 'b', 'größe'].flatMap((endpoint) => [1, 2].map((attempt) => campaignUpdateId(campaign, endpoint, attempt)));
  expect(new Set(ids).size).toBe(6);
  expect(ids.map(campaignOfUpdate)).toEqual([1, 2, 1, 2, 1, 2].map((attempt) => ({ campaign, attempt })));
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (any) => {
    expect(campaignOfUpdate(any)).toBeUndefined();
  }));
});
