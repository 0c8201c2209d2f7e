/**
 * Devices under one observation template lose what they were asked to report, in every way that there is: what should be
 * observed is observed again. Messages are counted; with them the time that each way took is printed.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { brokersOf, Member } from '../src/member.ts';
import { LightFleet, type Counts, type LightDevice } from './light-fleet.ts';
import { useFaultStage } from './stage.ts';

const WINDOW = 400;
const PATIENCE = { timeout: 180_000, interval: 250 };
const PATH = '/3303/0/5700';

/** The suite for so many devices. */
export function observationLosses(size: number): void {
  describe(`${size} devices under a template`, () => {
    suite(size);
  });
}

function suite(size: number): void {
  const stage = useFaultStage();
  let second: Member;
  let fleet: LightFleet;
  const rows: string[] = [];

  beforeAll(async () => {
    second = await Member.start('edge', brokersOf(stage.redis.urls, stage.kafka.brokers));
    fleet = new LightFleet('light', size, [stage.edge.coapPort, second.coapPort]);
    await fleet.each(WINDOW, (device) => device.open());
    await stage.registry.rest.putTemplate('light', { match: { endpointPattern: 'light-*' }, observations: [{ path: '/3303/*/5700' }] });
  });
  afterAll(async () => {
    fleet?.close();
    await second?.remove();
    console.log(['what happened to all devices', ...rows].join('\n'));
  });

  /** Carries out a phase, waits until every device is observed, and notes what it took. */
  async function measured(what: string, phase: () => Promise<void>): Promise<Counts> {
    const before = { ...fleet.counts };
    const startMs = performance.now();
    await phase();
    const phaseS = (performance.now() - startMs) / 1_000;
    await vi.waitFor(() => expect(fleet.devices.filter((device) => device.observation === undefined)).toHaveLength(0), PATIENCE);
    const allS = (performance.now() - startMs) / 1_000;
    const counts = Object.fromEntries(Object.entries(fleet.counts).map(([name, n]) => [name, n - before[name as keyof Counts]])) as unknown as Counts;
    const each = Object.entries(counts).map(([name, n]) => `${(n / size).toFixed(3)} ${name}`).join(', ');
    rows.push(`${what}: their messages took ${phaseS.toFixed(1)} s, all observed after ${allS.toFixed(1)} s; a device got ${each}`);
    return counts;
  }

  async function restartAll(): Promise<void> {
    await Promise.all([stage.edge.kill(), second.kill()]);
    await Promise.all([stage.edge.restart(), second.restart()]);
  }

  /** Every device holds a token that the server knows: its notification is acknowledged, by whichever worker. */
  async function expectLive(): Promise<void> {
    const dead: string[] = [];
    await fleet.each(WINDOW, async (device) => {
      if (!(await device.notify())) dead.push(device.endpoint);
    });
    expect(dead).toEqual([]);
    for (const index of [0, 1, size - 1]) {
      expect(await stage.registry.rest.observations(`light-${index}`)).toEqual([{ path: PATH, state: 'active', from: 'template:light' }]);
    }
  }

  it('register: each is observed, by one request', async () => {
    const counts = await measured('Register', () => fleet.each(WINDOW, (device) => device.reboot()));
    expect(counts).toMatchObject({ observes: size, others: 0, attributes: 0 });
    await expectLive();
  });

  it('every edge is killed and started again: no device is asked for anything', async () => {
    const counts = await measured('all edges restarted, each device reports', async () => {
      await restartAll();
      await expectLive();
    });
    expect(counts).toMatchObject({ observes: 0, attributes: 0, others: 0, resets: 0 });
  });

  it('every edge restarted, every device rebooted, and its first Observe answered by RST', async () => {
    for (const device of fleet.devices) device.resetsLeft = 1;
    const counts = await measured('all edges restarted, each device reboots and rejects its first Observe', async () => {
      await restartAll();
      await fleet.each(WINDOW, (device) => device.reboot());
    });
    expect(counts.observes).toBe(2 * size);
    await expectLive();
  });

  it('every device reports with the token of an older registration: RST, and observed by a live token', async () => {
    const old = new Map<LightDevice, Uint8Array>(fleet.devices.map((device) => [device, device.observation!]));
    await measured('each device reboots', () => fleet.each(WINDOW, (device) => device.reboot()));
    const counts = await measured('each device reports by an old token', async () => {
      await fleet.each(WINDOW, async (device) => {
        const token = old.get(device)!;
        device.observation = undefined;
        expect(await device.notify(token)).toBe(false);
      });
    });
    expect(counts).toMatchObject({ resets: size, observes: size });
    await expectLive();
  });

  it('the template changes: each device is visited', async () => {
    const counts = await measured('the template gets attributes', async () => {
      for (const device of fleet.devices) device.observation = undefined;
      await stage.registry.rest.putTemplate('light', {
        match: { endpointPattern: 'light-*' }, observations: [{ path: '/3303/*/5700', attributes: { pmin: 5, pmax: 300 } }],
      });
    });
    expect(counts).toMatchObject({ observes: size, attributes: size });
  });
}
