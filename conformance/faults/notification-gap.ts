/** An outage so long that devices may have given notifications up: what then has to happen to their observations. */
import { once } from 'node:events';
import { setTimeout as elapse } from 'node:timers/promises';
import { eventTypes, topics, type NotificationGapValue } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { expect } from 'vitest';
import { readRecords } from '../src/kafka-records.ts';
import { reports } from '../src/scene.ts';
import { TEMPERATURE } from './fleet.ts';
import type { FaultStage } from './stage.ts';

const RECOVERY_MS = 60_000;

/** Freezes Kafka for so long; fails unless the device's observation is made again, its value read once and the gap told. */
export async function expectGapsTold(stage: FaultStage, awayMs: number): Promise<void> {
  const endpoint = `gap-${awayMs}`;
  const device = new SimulatedDevice({ endpoint, server: stage.server, lifetimeS: 600 });
  try {
    await device.start();
    await observe(device, stage);
    const token = device.observations.list()[0]?.token;
    const reads = readsOf(device);
    const fromMs = Date.now();
    const toMs = fromMs + awayMs;
    stage.kafka.pause();
    device.setValue(TEMPERATURE, 71);
    await elapse(toMs - Date.now());
    device.setValue(TEMPERATURE, 72);
    const again = once(device, 'observed');
    stage.kafka.resume();
    await again;
    await stage.stream.log.next(endpoint, eventTypes.notification, reports(TEMPERATURE, 72), RECOVERY_MS);
    const { data } = await stage.stream.log.next(endpoint, eventTypes.notificationGap, () => true, RECOVERY_MS);
    expectGap(data as NotificationGapValue, fromMs, toMs);
    expect(device.observations.list().map((observation) => observation.token)).toEqual([token]);
    expect(reads).toEqual(['observe']);
    const stored = await readRecords(stage.kafka.brokers, [topics.notifications]);
    const gaps = stored.filter(({ key, type }) => key === endpoint && type === eventTypes.notificationGap);
    expect(new Set(gaps.map(({ id }) => id)).size).toBe(1);
  } finally {
    stage.kafka.resume();
    device.kill();
  }
}

async function observe(device: SimulatedDevice, stage: FaultStage): Promise<void> {
  const observed = once(device, 'observed');
  await stage.registry.rest.observe(device.registration.parameters.endpoint, [{ path: TEMPERATURE }]);
  await observed;
  await stage.stream.log.next(device.registration.parameters.endpoint, eventTypes.notification);
}

/** What the server asks of the device from now on. */
function readsOf(device: SimulatedDevice): string[] {
  const reads: string[] = [];
  device.on('request', ({ operation }) => reads.push(operation));
  return reads;
}

/** From the first refusal, a moment after the outage began, to a moment after its end. */
function expectGap(gap: NotificationGapValue, fromMs: number, toMs: number): void {
  expect(gap.paths).toEqual([TEMPERATURE]);
  const [toldFromMs, toldToMs] = [Date.parse(gap.from), Date.parse(gap.to)];
  expect(toldFromMs - fromMs).toBeGreaterThan(-1_000);
  expect(toldFromMs - fromMs).toBeLessThan(10_000);
  expect(toldToMs - toMs).toBeGreaterThan(-1_000);
  expect(toldToMs - toMs).toBeLessThan(RECOVERY_MS);
}
