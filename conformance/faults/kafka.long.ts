/** Kafka away for two minutes: longer than any device repeats what it wants to tell. */
import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Fleet } from './fleet.ts';
import { expectGapsTold } from './notification-gap.ts';
import { RECOVERY, useFaultStage } from './stage.ts';

const AWAY_MS = 120_000;

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
