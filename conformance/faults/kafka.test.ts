/** Kafka away: devices are refused, politely and without forgetting; nothing that was acknowledged is missing afterwards. */
import { setTimeout as elapse } from 'node:timers/promises';
import { eventTypes, type CommandStatus, type StreamedEvent } from '@cluster/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Fleet, TEMPERATURE } from './fleet.ts';
import { LoneDevice } from './lone-device.ts';
import { expectGapsTold } from './notification-gap.ts';
import { expectExpiryAfter, RECOVERY, useFaultStage } from './stage.ts';

const REFUSED = { code: '5.03', maxAgeS: expect.any(Number) as number };
const AWAY_MS = 20_000;
const LIFETIME_S = 10;
const TIMEOUT_MS = 180_000;

describe('Kafka away', () => {
  const stage = useFaultStage({ LWM2M_EXPIRY_GRACE_S: '1' });
  const ways = {
    frozen: { away: async () => stage.kafka.pause(), back: async () => stage.kafka.resume() },
    killed: { away: () => stage.kafka.stopOne(0, 'SIGKILL'), back: () => stage.kafka.startOne(0) },
  };

  describe.each(['frozen', 'killed'] as const)('%s for 20 s', (way) => {
    let fleet: Fleet;
    let known: LoneDevice;
    let fresh: LoneDevice;
    let shortLived: LoneDevice;
    let silent: LoneDevice;
    let backMs = 0;

    beforeAll(async () => {
      fleet = new Fleet(`kafka-${way}`, 5, stage.server);
      await fleet.start(stage.registry.rest);
      const open = (name: string) => LoneDevice.open(`kafka-${way}-${name}`, stage.edge.coapPort);
      [known, fresh] = [await open('known'), await open('fresh')];
      [shortLived, silent] = [await open('short-lived'), await open('silent')];
      expect(await known.register()).toMatchObject({ code: '2.01' });
      await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(20), RECOVERY);
      for (const device of [shortLived, silent]) expect(await device.register(LIFETIME_S)).toMatchObject({ code: '2.01' });
    });
    afterAll(() => {
      fleet.kill();
      for (const device of [known, fresh, shortLived, silent]) device.close();
    });

    it('refuses while it lasts, says so, and goes on by itself', async () => {
      const back = elapse(AWAY_MS);
      await ways[way].away();
      await vi.waitFor(async () => expect((await stage.edge.health()).body).toMatchObject({ events: 'away' }), RECOVERY);
      expect(await stage.edge.health()).toMatchObject({ status: 200, body: { status: 'degraded', store: 'ok' } });
      expect(await stage.registry.health()).toMatchObject({ status: 200, body: { parts: { broker: { status: 'down' } } } });
      const acknowledged = fleet.acknowledged.size;
      expect(await fresh.register()).toEqual(REFUSED);
      expect(await known.update()).toEqual(REFUSED);
      expect(await known.send()).toEqual(REFUSED);
      expect(await known.send()).toEqual(REFUSED);
      const command = await stage.registry.rest.submit(`kafka-${way}-0`, { op: 'read', path: '/3/0/0' }); // what is stored is taken
      await back;
      expect(fleet.acknowledged.size).toBe(acknowledged); // no notification got its ACK, no Send its 2.04
      backMs = Date.now();
      await ways[way].back();
      await stage.recovered();
      expect(await shortLived.update()).toMatchObject({ code: '2.04' });
      expect(await known.update()).toMatchObject({ code: '2.04' });
      expect(await known.send()).toMatchObject({ code: '2.04' });
      expect(await fresh.register()).toMatchObject({ code: '2.01' });
      await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(acknowledged + 20), RECOVERY);
      const parts = async () => (await stage.registry.health()).body['parts'];
      await vi.waitFor(async () => expect(await parts()).toMatchObject({ broker: { status: 'up' } }), RECOVERY);
      const isResult = ({ data }: StreamedEvent) => (data as CommandStatus).id === command.id;
      const result = await stage.stream.log.next(`kafka-${way}-0`, eventTypes.commandResult, isResult, RECOVERY.timeout);
      expect(result.data).toMatchObject({ state: 'done', response: { code: '2.05' } });
    }, TIMEOUT_MS);

    it('does not count the time that was ours', () => expectExpiryAfter(stage, silent.endpoint, AWAY_MS + LIFETIME_S * 1_000), TIMEOUT_MS);

    it('tells its readers again', async () => {
      const [device, endpoint] = [fleet.devices[0]!, `kafka-${way}-0`];
      const isNew = ({ time }: StreamedEvent) => Date.parse(time) > backMs;
      const next = await stage.stream.log.next(endpoint, eventTypes.notification, isNew, RECOVERY.timeout);
      expect(next.data).toMatchObject({ endpoint });
      const current = async () => {
        const value = device.getValue(TEMPERATURE) as number;
        const known = (await stage.registry.rest.values(endpoint)).find(({ path }) => path === TEMPERATURE)?.value as number;
        expect(Math.abs(known - value)).toBeLessThan(5);
      };
      await vi.waitFor(current, RECOVERY);
    }, TIMEOUT_MS);

    it('lost nothing that it had acknowledged', async () => {
      await fleet.stop();
      expect(await fleet.expectLedger(stage.kafka.brokers)).toBeGreaterThan(40);
      expect([...fleet.refusals].filter((code) => code !== '5.03')).toEqual([]);
    });
  });

  it('for 52 s makes observations again, reads each value once and tells the gap', () => expectGapsTold(stage, 52_000), TIMEOUT_MS);
});
