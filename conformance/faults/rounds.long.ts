/** Redis and Kafka go away and come back again and again, under traffic: nothing wears off. */
import { setTimeout as elapse } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Fleet } from './fleet.ts';
import { RECOVERY, useFaultStage } from './stage.ts';

const ROUNDS = 8;
const AWAY_MS = 5_000;

describe('brokers that come and go', () => {
  const stage = useFaultStage();
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = new Fleet('rounds', 20, stage.server);
    await fleet.start(stage.registry.rest);
  });
  afterAll(() => fleet.kill());

  it(`are missed and found again ${ROUNDS} times, and nothing acknowledged is lost`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = fleet.acknowledged.size;
      if (round % 2 === 0) await stage.redis.stopOne(0, 'SIGKILL');
      if (round % 4 < 3) stage.kafka.pause();
      await elapse(AWAY_MS);
      await stage.redis.startOne(0);
      stage.kafka.resume();
      await stage.recovered();
      await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(acknowledged + 50), RECOVERY);
    }
    await fleet.stop();
    expect(await fleet.expectLedger(stage.kafka.brokers)).toBeGreaterThan(ROUNDS * 50);
    expect([...fleet.refusals].filter((code) => code !== '5.03')).toEqual([]);
    expect(await stage.edge.metric('lwm2m_edge_failures_total')).toBe(0);
  });
});
