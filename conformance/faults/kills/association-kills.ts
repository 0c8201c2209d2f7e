/**
 * Edges are killed under devices with DTLS associations, while Redis is frozen or fails over, devices change their addresses
 * and somebody replays what they sent: no device shakes hands again, what was acknowledged is told, and told once, no nonce is
 * used twice, and nobody is woken or moved by a replayed record. The devices are pion/dtls and Scandium.
 */
import { setTimeout as elapse } from 'node:timers/promises';
import type { FleetReport, LeshanFleetCounters } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { EdgeTally } from './edge-tally.ts';
import { KillWorld, type KillSettings } from './kill-world.ts';
import { failOver, freeze, storedBytes } from './redis-faults.ts';
import { letThemSleep } from './sleeping-devices.ts';
import { readTold, type Told } from './told.ts';

const SETUP_MS = 900_000;
const SETTLED = { timeout: 120_000, interval: 500 };
/** Of how many devices the last records are replayed after a kill. */
const REPLAYED_DEVICES = 500;

interface Ledger {
  readonly endpoint: string;
  readonly value: number;
}

interface Counted<R> {
  readonly report: R;
  readonly ledger: readonly Ledger[];
}

/** Carries out the test with so many devices, edges and kills. */
export function associationKills(settings: KillSettings): void {
  const { devices, newcomers, edges, forS, way, redis } = settings;
  const world = new KillWorld(settings);
  const tally = new EdgeTally();
  let kills = 0;

  beforeAll(() => world.open(), SETUP_MS);
  afterAll(() => world.close());

  it(`${devices} devices keep their associations while ${edges} edges are killed for ${forS} s (${way}, Redis ${redis})`, async () => {
    await Promise.all([world.fleet.start(600_000), world.sleepers.start(600_000), world.scandium?.start(600_000)]);
    await vi.waitFor(async () => expect((await world.fleet.report()).totals.observed).toBe(devices), SETTLED);
    await observedWhileAwake(world);
    const greeted = (await world.scandium?.report())?.totals.fullHandshakes ?? 0;
    const stored = await storedBytes(world.redis.urls[0]!);
    const joined = world.newcomers.start((forS + 120) * 1_000);
    kills = await killInTurns(world, tally);
    await joined;
    const slept = await letThemSleep(world);
    const run = await settle(world);
    const told = await readTold(world.kafka.brokers); // after the ledgers: what they have must be there
    console.log(`${kills} kills, ${edges} edges, ${way}, Redis ${redis}, ${stored} bytes of Redis an association, ${told.repeats} events repeated with their id`);
    await expectPion(world, run.pion, told);
    expectNewcomers(world, run.newcomers, told);
    if (run.scandium !== undefined) expectScandium(world, run.scandium, told, greeted);
    console.log(`${slept} records replayed while ${settings.sleepers} devices slept: none woken. ${newcomers} devices joined under kills. Edges: ${String(tally)}`);
    expect(told.doubled).toEqual([]);
  }, (forS + 900) * 1_000);
}

/** Sleeping devices that were not asked to observe while they listened are asked when they next speak; until then they have nothing to tell. */
async function observedWhileAwake({ sleepers, settings }: KillWorld): Promise<void> {
  await vi.waitFor(async () => {
    const { observed } = (await sleepers.report()).totals;
    if (observed < settings.sleepers) sleepers.update();
    expect(observed).toBe(settings.sleepers);
  }, { timeout: 60_000, interval: 2_000 });
}

/** One edge after the other goes, by turns without a word and in order, and comes back; flows move among those that are left. */
async function killInTurns(world: KillWorld, tally: EdgeTally): Promise<number> {
  const { edges, fleet, settings: { forS, everyS } } = world;
  const endMs = performance.now() + forS * 1_000;
  let kills = 0;
  while (performance.now() < endMs) {
    const victim = edges[kills % edges.length]!;
    await fleet.capture();
    await tally.add(victim);
    const redisBack = faultOfRedis(world, kills);
    await (kills % 3 === 2 ? victim.stop() : victim.kill());
    kills++;
    await world.reach(edges.filter((edge) => edge !== victim));
    const replayed = replaySoon(world);
    await elapse(everyS * 500);
    await victim.restart();
    await world.reach(edges);
    await world.way.shuffle();
    await fleet.rebind({ count: Math.ceil(world.settings.devices / 4) });
    await Promise.all([elapse(everyS * 500), redisBack, replayed]);
    const { totals, registered } = await fleet.report();
    console.log(`after kill ${kills}: ${registered} registered, ${totals.acknowledged} notifications acknowledged, ${totals.repeated} repetitions`);
  }
  for (const edge of edges) await tally.add(edge);
  return kills;
}

/** A Cluster loses a master with every second edge; one server is frozen once. */
async function faultOfRedis({ redis, settings }: KillWorld, kills: number): Promise<void> {
  if (settings.redis === 'failover' && kills % 2 === 1) await failOver(redis, kills >> 1);
  if (settings.redis === 'frozen' && kills === 2) await freeze(redis);
}

/** While some devices have their new owner already, and others don't. */
async function replaySoon({ fleet, settings: { everyS } }: KillWorld): Promise<void> {
  await elapse(everyS * 100);
  await fleet.replay(REPLAYED_DEVICES);
}

/** Devices begin nothing new, and what they began has ended. */
async function settle({ fleet, newcomers, scandium, settings: { devices } }: KillWorld) {
  for (const each of [fleet, newcomers, scandium]) each?.pause();
  await vi.waitFor(async () => expect((await fleet.report()).registered).toBe(devices), SETTLED);
  return { pion: await counted(fleet), newcomers: await counted(newcomers), scandium: scandium && (await counted(scandium)) };
}

/** A report, and the ledger as of then. */
async function counted<R>(fleet: { report(): Promise<R>; ledger(): Promise<readonly Ledger[]> }): Promise<Counted<R>> {
  const report = await fleet.report();
  return { report, ledger: await fleet.ledger() };
}

function missingOf(ledger: readonly Ledger[], told: Told): Ledger[] {
  return ledger.filter(({ endpoint, value }) => !told.has(endpoint, value)).map(({ endpoint, value }) => ({ endpoint, value }));
}

async function expectPion({ fleet, way, settings: { devices } }: KillWorld, { report, ledger }: Counted<FleetReport>, told: Told): Promise<void> {
  const { totals, acknowledgedMs, injected, injectedAnswered } = report;
  const nonces = await fleet.nonces();
  const lost = missingOf(ledger, told);
  console.log(`${devices} pion devices: ${totals.handshakes} handshakes, ${totals.registers} Registers, ${ledger.length} notifications acknowledged, ${lost.length} of them lost, `
    + `${told.doubled.length} told as two, ${nonces.records} records received, ${nonces.repeated.length} nonces repeated, ${totals.replayed} refused as replayed, `
    + `${totals.undecryptable} undecryptable, ${totals.foreign} of another device's association, ${injected} records replayed to edges, ${injectedAnswered} of them answered to who replayed them, `
    + `${totals.rebinds} changes of address, ${totals.repeated} repetitions, ${totals.timeouts} exchanges unanswered, ${totals.unavailable} answers 5.03, `
    + `acknowledged after p50 ${acknowledgedMs.p50} p99 ${acknowledgedMs.p99} max ${acknowledgedMs.max} ms, ${way.strays() ?? '?'} datagrams outside their flow`);
  expect(lost).toEqual([]);
  expect(nonces.repeated).toEqual([]);
  expect(fleet.oddities()).toEqual([]);
  expect(totals).toMatchObject({ handshakes: devices, handshakesFailed: 0, registers: devices, sessionsEnded: 0, sessionsGivenUp: 0, updatesNotFound: 0 });
  expect(ledger.length).toBeGreaterThan(devices);
}

/** Their handshakes may be cut before our last flight left; once that was stored, they are as safe as the others. */
function expectNewcomers({ settings }: KillWorld, { report: { totals }, ledger }: Counted<FleetReport>, told: Told): void {
  const lost = missingOf(ledger, told);
  console.log(`${settings.newcomers} newcomers: ${totals.handshakes} handshakes completed, ${totals.handshakesFailed} cut before our last flight and begun anew, `
    + `${ledger.length} notifications acknowledged, ${lost.length} of them lost`);
  expect(lost).toEqual([]);
  const count = settings.newcomers;
  expect(totals).toMatchObject({ handshakes: count, registers: count, sessionsEnded: 0, sessionsGivenUp: 0, updatesNotFound: 0 });
}

/** `greeted`: handshakes before the first kill. Leshan begins anew where its first Register is not answered in time. */
function expectScandium({ settings }: KillWorld, { report: { totals }, ledger }: Counted<{ totals: LeshanFleetCounters }>, told: Told, greeted: number): void {
  const lost = missingOf(ledger, told);
  console.log(`${settings.scandium} Scandium devices: ${totals.fullHandshakes} handshakes (${greeted} before the first kill, ${totals.registersUnanswered} Registers unanswered), ${totals.resumptions} resumptions, ${totals.registers} Registers, ${ledger.length} Sends acknowledged, `
    + `${lost.length} of them lost, ${totals.recordsReceived} records received, ${totals.recordsDropped} refused, ${totals.macErrors} not authentic, ${totals.unanswered} Sends unanswered, ${totals.refused} refused`);
  expect(lost).toEqual([]);
  const count = settings.scandium;
  // Leshan registers anew when an Update is refused: with 5.03, while a master is dead.
  const registers = count + totals.updatesRefused;
  expect(totals).toMatchObject({ fullHandshakes: greeted, resumptions: 0, handshakesFailed: 0, alerts: 0, registers, macErrors: 0 });
  expect(ledger.length).toBeGreaterThan(count);
}
