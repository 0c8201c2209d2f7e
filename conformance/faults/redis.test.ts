/** Redis away: a fault of ours, never of a device. No 4.04, no registration that runs out meanwhile, no restart needed. */
import { setTimeout as elapse } from 'node:timers/promises';
import { eventTypes } from '@cluster/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Fleet } from './fleet.ts';
import { LoneDevice } from './lone-device.ts';
import { expectExpiryAfter, RECOVERY, useFaultStage, type FaultStage } from './stage.ts';

const REFUSED = { code: '5.03', maxAgeS: expect.any(Number) as number };
const AWAY_MS = 15_000;
const LIFETIME_S = 10;
const TIMEOUT_MS = 180_000;
const READ = { op: 'read', path: '/3/0/0' } as const;

interface Way {
  away(stage: FaultStage): Promise<void>;
  back(stage: FaultStage): Promise<void>;
  /** What the edge says of its parts meanwhile. */
  readonly parts: Readonly<Record<string, string>>;
}

const ways: Readonly<Record<string, Way>> = {
  'Redis frozen': {
    away: async ({ redis }) => redis.pause(),
    back: async ({ redis }) => redis.resume(),
    parts: { store: 'away', events: 'ok' },
  },
  'Redis killed': {
    away: ({ redis }) => redis.stopOne(0, 'SIGKILL'),
    back: ({ redis }) => redis.startOne(0),
    parts: { store: 'away', events: 'ok' },
  },
  'Redis killed and Kafka frozen': {
    away: async ({ redis, kafka }) => {
      kafka.pause();
      await redis.stopOne(0, 'SIGKILL');
    },
    back: async ({ redis, kafka }) => {
      await redis.startOne(0);
      kafka.resume();
    },
    parts: { store: 'away' },
  },
};

describe('store away', () => {
  const stage = useFaultStage({ LWM2M_EXPIRY_GRACE_S: '1' });

  describe.each(Object.entries(ways))('%s for 15 s', (name, way) => {
    const prefix = name.replaceAll(' ', '-');
    let fleet: Fleet;
    let lone: Record<'known' | 'fresh' | 'shortLived' | 'silent', LoneDevice>;

    beforeAll(async () => {
      fleet = new Fleet(prefix, 4, stage.server);
      await fleet.start(stage.registry.rest);
      const open = (endpoint: string) => LoneDevice.open(`${prefix}-${endpoint}`, stage.edge.coapPort);
      lone = { known: await open('known'), fresh: await open('fresh'), shortLived: await open('short'), silent: await open('silent') };
      expect(await lone.known.register()).toMatchObject({ code: '2.01' });
      await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(20), RECOVERY);
      for (const device of [lone.shortLived, lone.silent]) expect(await device.register(LIFETIME_S)).toMatchObject({ code: '2.01' });
    });
    afterAll(() => {
      fleet.kill();
      for (const device of Object.values(lone)) device.close();
    });

    it('refuses while it lasts, says so, and goes on by itself', async () => {
      const back = elapse(AWAY_MS);
      await way.away(stage);
      expect(await lone.fresh.register()).toEqual(REFUSED);
      expect(await lone.known.update()).toEqual(REFUSED);
      expect(await lone.shortLived.update()).toEqual(REFUSED);
      expect(await refusedSubmission(stage, lone.known.endpoint)).toBe(503);
      const degraded = { status: 200, body: { status: 'degraded', ...way.parts } };
      await vi.waitFor(async () => expect(await stage.edge.health()).toMatchObject(degraded), RECOVERY);
      expect(await stage.registry.health()).toMatchObject({ status: 503, body: { parts: { store: { status: 'down' } } } });
      await back;
      await way.back(stage);
      await stage.recovered();
      expect(await lone.shortLived.update()).toMatchObject({ code: '2.04' });
      expect(await lone.known.update()).toMatchObject({ code: '2.04' });
      expect(await lone.known.send()).toMatchObject({ code: '2.04' });
      expect(await lone.fresh.register()).toMatchObject({ code: '2.01' });
      const acknowledged = fleet.acknowledged.size;
      await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(acknowledged + 20), RECOVERY);
      await vi.waitFor(async () => expect((await stage.registry.health()).status).toBe(200), RECOVERY);
      expect(await stage.registry.rest.command(`${prefix}-0`, READ)).toMatchObject({ code: '2.05' });
    }, TIMEOUT_MS);

    it('expires only who stays silent, and not for the time that was ours', async () => {
      await expectExpiryAfter(stage, lone.silent.endpoint, AWAY_MS + LIFETIME_S * 1_000);
      const others = stage.stream.log.seen.filter(({ endpoint, type }) => endpoint.startsWith(`${prefix}-`) && type === eventTypes.expired);
      const names = new Set(others.map(({ endpoint }) => endpoint));
      names.delete(lone.shortLived.endpoint); // has been silent since, too
      expect([...names]).toEqual([lone.silent.endpoint]);
    }, TIMEOUT_MS);

    it('lost nothing that it had acknowledged, and refused with nothing but 5.03', async () => {
      await fleet.stop();
      expect(await fleet.expectLedger(stage.kafka.brokers)).toBeGreaterThan(40);
      expect([...fleet.refusals].filter((code) => code !== '5.03')).toEqual([]);
    });
  });
});

/** Status with which a command is refused. */
async function refusedSubmission(stage: FaultStage, endpoint: string): Promise<unknown> {
  return stage.registry.rest.submit(endpoint, READ).then(() => 202, (error: unknown) => (error as { status?: number }).status);
}
