/** Devices that all bootstrap at once through two bootstrap processes, one of which is killed on the way: each ends registered with what it was given. */
import { setTimeout as elapse } from 'node:timers/promises';
import type { FleetReport } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Member } from '../../src/member.ts';
import { BootstrapWorld } from './bootstrap-world.ts';

export interface ScaleSettings {
  readonly devices: number;
  readonly startPerSecond: number;
}

const SETUP_MS = 900_000;
const ALL_BACK_MS = 600_000;
const POLL_MS = 50;
/** Of the devices: so many sessions are over at the one process when it is killed. */
const KILLED_AT = 1 / 10;

/** What a process did by now. One that is killed takes it along. */
interface Work {
  readonly cpuS: number;
  readonly sessions: number;
}

export function bootstrapAtScale({ devices, startPerSecond }: ScaleSettings): void {
  const world = new BootstrapWorld({ name: 'at-once', devices, startPerSecond, patienceS: 45, handshakeS: 20 });

  beforeAll(() => world.open(), SETUP_MS);
  afterAll(() => world.close());

  it(`${devices} devices bootstrap at once, and one of two processes is killed`, async () => {
    const [victim, survivor] = world.servers as [Member, Member];
    const before = await Promise.all(world.servers.map(workOf));
    const back = world.fleet.start(ALL_BACK_MS);
    const killedAtS = await whenFinished(victim, devices * KILLED_AT);
    const first = await workOf(victim);
    await victim.kill();
    const tookMs = await back;
    const work = [first, await workOf(survivor)].map((now, i) => ({ cpuS: now.cpuS - before[i]!.cpuS, sessions: now.sessions - before[i]!.sessions }));
    tell(devices, killedAtS, tookMs, work, await world.fleet.report());
    expect((await world.fleet.report()).totals).toMatchObject({ lockedOut: 0, bootstrapsRefused: 0 });
  }, ALL_BACK_MS + 60_000);
}

async function workOf(server: Member): Promise<Work> {
  const [cpuS, sessions] = await Promise.all([server.metric('process_cpu_seconds_total'), server.metric('lwm2m_bootstrap_sessions_total', 'outcome="finished"')]);
  return { cpuS, sessions };
}

/** Seconds until so many sessions were finished there. */
async function whenFinished(server: Member, count: number): Promise<number> {
  const beganMs = performance.now();
  while ((await workOf(server)).sessions < count) await elapse(POLL_MS);
  return (performance.now() - beganMs) / 1_000;
}

function tell(devices: number, killedAtS: number, tookMs: number, work: readonly Work[], { totals, handshakeMs }: FleetReport): void {
  const sessions = work.reduce((sum, each) => sum + each.sessions, 0);
  const cpuUs = (work.reduce((sum, each) => sum + each.cpuS, 0) * 1e6) / sessions;
  const [killed] = work;
  console.log(`${devices} devices: all registered after ${(tookMs / 1_000).toFixed(1)} s (one process killed after ${killedAtS.toFixed(1)} s), ${Math.round((1_000 * devices) / tookMs)} sessions a second; `
    + `${Math.round(cpuUs)} CPU µs a session in the bootstrap processes: ${Math.round(1e6 / cpuUs)} sessions a second a core (${Math.round((killed!.cpuS * 1e6) / killed!.sessions)} µs in the one that was killed, before); `
    + `${totals.bootstraps} sessions finished, ${totals.bootstrapsBroken} broken off, ${totals.unavailable} answers 5.03, ${totals.repeated} repetitions, ${totals.handshakesFailed} handshakes failed, `
    + `${totals.lockedOut} locked out; handshakes p50 ${handshakeMs.p50} p99 ${handshakeMs.p99} ms`);
}
