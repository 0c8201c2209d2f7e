/**
 * Bootstrap processes are killed again and again while devices bootstrap: no device is ever locked out, whatever it comes up
 * with (what it had before, what it was given, or its bootstrap credential), each ends registered with what it was given, and
 * what it had before is over then. By turns devices are given pre-shared keys and enrol for certificates.
 */
import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Member } from '../../src/member.ts';
import { BootstrapWorld, CONFIGURATION_AGE_MS, type Given } from './bootstrap-world.ts';

export interface KillSettings {
  readonly devices: number;
  readonly rounds: readonly Given[];
  /** In each round, one process after the other. */
  readonly kills: number;
  /** A session takes about so long; a kill comes within it. */
  readonly withinMs: number;
}

const SETUP_MS = 300_000;
const ROUND_MS = 120_000;
const POLL_MS = 10;
/** Of so many devices it is tried whether what they had before is over. */
const TRIED = 50;
const SETTLED = { timeout: 20_000, interval: 1_000 };

export function bootstrapKills({ devices, rounds, kills, withinMs }: KillSettings): void {
  const thinkMs = withinMs / 3;
  const world = new BootstrapWorld({ name: 'killed', devices, startPerSecond: 10 * devices, patienceS: 1.5, handshakeS: 5, thinkMs });
  let killed = 0;

  beforeAll(() => world.open(), SETUP_MS);
  afterAll(() => world.close());

  it(`${devices} devices bootstrap ${rounds.length} times under ${kills * rounds.length} kills`, async () => {
    for (const [i, given] of rounds.entries()) {
      await giveAnew(world, given);
      const back = i === 0 ? world.fleet.start(ROUND_MS) : world.fleet.bootstrap(ROUND_MS);
      for (let kill = 0; kill < kills; kill++) await killOne(world.servers[killed++ % world.servers.length]!, withinMs);
      const tookMs = await back;
      const { totals } = await world.fleet.report();
      console.log(`round ${i + 1} (${given}): all registered after ${(tookMs / 1_000).toFixed(1)} s; so far ${killed} kills, ${totals.bootstraps} sessions finished, ${totals.bootstrapsBroken} broken off, `
        + `${totals.enrolments} certificates enrolled, ${totals.formerUsed} registrations with what a device had before, ${totals.lockedOut} locked out`);
      expect(totals).toMatchObject({ lockedOut: 0, bootstrapsRefused: 0 });
      if (i > 0) await formerIsOver(world);
    }
    expect((await world.fleet.report()).totals.bootstrapsBroken).toBeGreaterThan(0);
  }, rounds.length * ROUND_MS);
}

async function giveAnew(world: BootstrapWorld, given: Given): Promise<void> {
  if (!(await world.give(given))) return;
  await elapse(CONFIGURATION_AGE_MS);
}

/** While sessions are under way there, at a moment that nobody chose; it comes back at once. */
async function killOne(server: Member, withinMs: number): Promise<void> {
  const beganMs = performance.now();
  while ((await server.metric('lwm2m_bootstrap_sessions')) === 0 && performance.now() - beganMs < withinMs) await elapse(POLL_MS);
  await elapse((withinMs / 3) * Math.random());
  await server.kill();
  await server.restart();
}

/** An edge may believe for ten seconds what it looked up. */
async function formerIsOver({ fleet, settings: { devices } }: BootstrapWorld): Promise<void> {
  await vi.waitFor(async () => expect(await fleet.tryFormer(TRIED)).toMatchObject({ refused: Math.min(TRIED, devices), accepted: 0, unanswered: 0 }), SETTLED);
}
