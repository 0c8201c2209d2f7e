/**
 * A campaign over thousands of devices that push and pull, sleep and fail, while an orchestrator, the edges and Kafka are
 * killed: every device is accounted for, none installs twice. With a fifth that fails the budget halts it.
 * `CAMPAIGN_DEVICES` tells how many devices, 200 at least.
 */
import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { CampaignWorld, endedOf } from './campaigns/campaign-world.ts';
import type { Trouble } from './campaigns/light-firmware.ts';

const DEVICES = Number(process.env['CAMPAIGN_DEVICES'] ?? 300);
const AWAY_MS = 5_000;
const PATIENCE_MS = 300_000 + DEVICES * 300;
const RETRY = { 'transport': { times: 5, afterS: 5 }, 'timeout': { times: 3, afterS: 5 }, 'result-4': { times: 5, afterS: 5 } };
const LIMITS = { downloadTimeoutS: 600, updateTimeoutS: 120, retry: RETRY, maxConcurrent: 300 };

const world = new CampaignWorld();
beforeAll(() => world.open(), 180_000);
afterAll(() => world.close(), 60_000);

/** 3 % are damaged to it, 1 % never come back. */
function fewTroubles(i: number): Trouble | undefined {
  if (i % 100 === 0) return 'lost';
  return i % 100 < 4 ? 'fails' : undefined;
}

/** What dies, once so many devices have ended. */
const kills: [share: number, kill: () => Promise<void>][] = [
  [0.05, async () => killed(world.edges[0]!)],
  [0.15, async () => {
    await world.kafka.stopOne(0, 'SIGKILL');
    await elapse(AWAY_MS);
    await world.kafka.startOne(0);
  }],
  [0.3, async () => killed(world.orchestrators[0]!)],
  [0.45, async () => killed(world.edges[1]!)],
];

async function killed(member: { kill(): Promise<void>; restart(): Promise<void> }): Promise<void> {
  await member.kill();
  await elapse(AWAY_MS);
  await member.restart();
}

it(`brings ${DEVICES} devices to their ends, whatever dies meanwhile`, { timeout: PATIENCE_MS + 120_000 }, async () => {
  const devices = await world.devices('few', DEVICES, fewTroubles);
  onTestFinished(() => devices.forEach((device) => device.close()));
  const of = (trouble: Trouble | undefined) => devices.filter((_, i) => fewTroubles(i) === trouble);
  const startedMs = Date.now();
  const id = await world.start({
    target: { group: 'few' }, ...LIMITS, waves: [{ percent: 5, endedPercent: 80 }, { percent: 30, endedPercent: 80 }, { percent: 100 }], budget: { failedPercent: 10, lostPercent: 5, minimum: 50 },
  });
  const left = [...kills];
  const done = await world.until(id, ({ state }) => state === 'done' || state === 'halted', PATIENCE_MS, async (ended) => {
    while (left.length > 0 && ended >= left[0]![0] * DEVICES) await left.shift()![1]();
  });
  console.log(`${DEVICES} devices in ${Math.round((Date.now() - startedMs) / 1_000)} s: ${JSON.stringify(done.counts)}`);
  expect(done).toMatchObject({ state: 'done', counts: { targets: DEVICES, succeeded: of(undefined).length, lost: of('lost').length, failed: { 'result-5': of('fails').length } } });
  expect(endedOf(done)).toBe(DEVICES);
  expect(left).toEqual([]);
  expect(of(undefined).filter(({ version, installs }) => version !== '2.0' || installs !== 1).map(({ endpoint, installs }) => [endpoint, installs])).toEqual([]);
  expect(devices.filter(({ corrupt }) => corrupt > 0)).toEqual([]);
  expect(of('fails').filter(({ installs }) => installs > 0)).toEqual([]);
});

it('is halted where a fifth of the devices fails', { timeout: PATIENCE_MS + 120_000 }, async () => {
  const devices = await world.devices('many', DEVICES, (i) => (i % 5 === 0 ? 'fails' : undefined));
  const id = await world.start({ target: { group: 'many' }, ...LIMITS, maxConcurrent: Math.ceil(DEVICES / 20), budget: { failedPercent: 10, lostPercent: 5, minimum: 30 } });
  const halted = await world.until(id, ({ state }) => state === 'done' || state === 'halted', PATIENCE_MS);
  expect(halted).toMatchObject({ state: 'halted', reason: expect.stringContaining('did not succeed, more than 10 %') as string });
  // What had begun goes on to its end; the rest has not begun.
  const settled = await world.until(id, ({ counts }) => counts.running + counts.held + counts.retrying === 0, PATIENCE_MS);
  console.log(`halted: ${JSON.stringify(settled.counts)}`);
  expect(settled.counts.waiting).toBeGreaterThan(DEVICES / 2);
  expect(devices.filter(({ version }) => version === '2.0')).toHaveLength(settled.counts.succeeded);
});
