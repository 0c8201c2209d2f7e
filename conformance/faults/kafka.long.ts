/** Kafka away for two minutes: longer than any device repeats what it wants to tell. */
import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Fleet } from './fleet.ts';
import { LoneDevice } from './lone-device.ts';
import { expectGapsTold } from './notification-gap.ts';
import { expectExpiryAfter, RECOVERY, useFaultStage } from './stage.ts';

const AWAY_MS = 120_000;
const LIFETIME_S = 10;
const RESTART_AFTER_MS = 15_000;

describe('an edge that is restarted while Kafka is away', () => {
  const stage = useFaultStage({ LWM2M_EXPIRY_GRACE_S: '1' });

  it('counts no time in which no worker could take an Update', async () => {
    const device = await LoneDevice.open('restarted', stage.edge.coapPort);
    const other = await LoneDevice.open('not-restarted', stage.edge.coapPort);
    for (const one of [device, other]) expect(await one.register(LIFETIME_S)).toMatchObject({ code: '2.01' });
    stage.kafka.pause();
    expect(await other.update()).toMatchObject({ code: '5.03' }); // now the worker knows
    await elapse(RESTART_AFTER_MS);
    await stage.edge.kill();
    await stage.edge.restart();
    await elapse(RESTART_AFTER_MS);
    stage.kafka.resume();
    await stage.recovered();
    await expectExpiryAfter(stage, device.endpoint, LIFETIME_S * 1_000 + RESTART_AFTER_MS);
    for (const one of [device, other]) one.close();
  });
});

describe('Kafka away for 120 s', () => {
  const stage = useFaultStage();
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = new Fleet('long', 20, stage.server);
    await fleet.start(stage.registry.rest);
    await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(50), RECOVERY);
  });
  afterAll(() => fleet.kill());

  it('frozen: makes observations again, reads each value once and tells the gap', () => expectGapsTold(stage, AWAY_MS));

  it('killed: loses nothing that it had acknowledged', async () => {
    const acknowledged = fleet.acknowledged.size;
    await stage.kafka.stopOne(0, 'SIGKILL');
    await elapse(AWAY_MS);
    await stage.kafka.startOne(0);
    await stage.recovered();
    await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(acknowledged + 200), RECOVERY);
    await fleet.stop();
    expect(await fleet.expectLedger(stage.kafka.brokers)).toBeGreaterThan(250);
    expect([...fleet.refusals].filter((code) => code !== '5.03')).toEqual([]);
  });
});
