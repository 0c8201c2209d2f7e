/** Kafka comes back without its topics, or an operator deletes one, under load: all services go on by themselves. */
import { topics } from '@cluster/contracts';
import kafkajs from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readRecords } from '../src/kafka-records.ts';
import { Fleet, TEMPERATURE } from './fleet.ts';
import { LoneDevice } from './lone-device.ts';
import { RECOVERY, useFaultStage } from './stage.ts';

const DEVICES = 5;
const LOST_AT_LEAST = 100_000;

describe('topics that are gone', () => {
  const stage = useFaultStage();
  let fleet: Fleet;
  let runs = 0;
  beforeEach(async () => {
    fleet = new Fleet(`topics-${runs++}`, DEVICES, stage.server);
    await fleet.start(stage.registry.rest);
    await underWay();
  });
  afterEach(() => fleet.kill());

  const underWay = () => {
    const since = fleet.acknowledged.size;
    return vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(since + 100), RECOVERY);
  };

  /** What is acknowledged from now on is in Kafka at the end, and the registry has the newest of it. */
  async function expectNewKept(): Promise<void> {
    const before = new Set(fleet.acknowledged);
    await underWay();
    await fleet.stop();
    const fresh = [...fleet.acknowledged].filter((value) => !before.has(value));
    const told = new Set((await readRecords(stage.kafka.brokers, [topics.notifications, topics.sends])).flatMap(({ data }) => (
      ((data['values'] ?? []) as { value: number }[]).map(({ value }) => value)
    )));
    expect(fresh.filter((value) => !told.has(value))).toEqual([]);
    const newest = Math.max(...fresh.filter((value) => value < 2 * LOST_AT_LEAST));
    await vi.waitFor(async () => {
      const values = await stage.registry.rest.values(fleet.names[0]!);
      expect(values.find(({ path }) => path === TEMPERATURE)?.value).toBeGreaterThanOrEqual(Math.floor(newest));
    }, RECOVERY);
  }

  it('with all that Kafka had: devices register, report and are read again', async () => {
    await stage.kafka.wipe();
    await underWay();
    await stage.recovered();
    await expectNewKept();
    const device = await LoneDevice.open('after-the-wipe', stage.edge.coapPort);
    expect(await device.register()).toMatchObject({ code: '2.01' });
    await vi.waitFor(async () => expect((await stage.registry.rest.endpoint('after-the-wipe'))?.state).toBe('registered'), RECOVERY);
    device.close();
  });

  it.each([topics.notifications, topics.registrations])('%s alone, deleted: it is made again, and consumed', async (topic) => {
    const admin = new kafkajs.Kafka({ brokers: [...stage.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    const device = await LoneDevice.open(`after-${topic}`, stage.edge.coapPort);
    await vi.waitFor(async () => expect(await device.register()).toMatchObject({ code: '2.01' }), RECOVERY);
    await vi.waitFor(async () => expect(await admin.listTopics()).toContain(topic), RECOVERY);
    await stage.recovered();
    expect(await device.update()).toMatchObject({ code: '2.04' }); // its first event may have gone with the old topic
    await expectNewKept();
    await vi.waitFor(async () => expect((await stage.registry.rest.endpoint(device.endpoint))?.state).toBe('registered'), RECOVERY);
    device.close();
    await admin.disconnect();
  });
});
