/** Processes that die or are ended: what was acknowledged stays, and what is left of the cluster goes on. */
import { once } from 'node:events';
import { eventTypes, topics, type CommandStatus } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openEventStream, type EventStream } from '../src/event-stream.ts';
import { readRecords } from '../src/kafka-records.ts';
import type { Member } from '../src/member.ts';
import { reports } from '../src/scene.ts';
import { describeCluster } from './stage.ts';

const TEMPERATURE = '/3303/0/5700';
const READ = { op: 'read', path: '/3/0/0', accept: 0 } as const;
const PATIENCE = { timeout: 50_000, interval: 100 };

describeCluster('loss of a process', (stage) => {
  let endpoint: string;
  let device: SimulatedDevice;
  let stream: EventStream;
  const acknowledged: number[] = [];

  beforeAll(async () => {
    endpoint = `device-${stage.name}`;
    stream = await openEventStream(stage.second.httpPort);
    device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${stage.balancer.port}`, lifetimeS: 300 });
    device.on('notified', ({ delivery, observation }) => {
      const value = device.getValue(TEMPERATURE);
      if (delivery === 'acknowledged' && observation.paths.length === 1) acknowledged.push(value as number);
    });
    await device.start();
    const observed = once(device, 'observed');
    await stage.first.rest.observe(endpoint, [{ path: TEMPERATURE }]);
    await observed;
    await stream.log.next(endpoint, eventTypes.notification);
  });
  afterAll(() => {
    stream.close();
    device.kill();
  });

  async function notify(value: number): Promise<string> {
    const notified = once(device, 'notified');
    device.setValue(TEMPERATURE, value);
    return (await notified)[0].delivery;
  }

  /** Resolves when a registry shows the value; last values are made from the events, by whichever registry has their partition. */
  async function lastValue(registry: Member, value: number): Promise<void> {
    const known = expect.objectContaining({ path: TEMPERATURE, value }) as unknown;
    await vi.waitFor(async () => expect(await registry.rest.values(endpoint)).toContainEqual(known), PATIENCE);
  }

  it('goes on with the observations of a killed edge, and with what waited in its queue', async () => {
    const token = device.observations.list()[0]?.token;
    device.faults.ignoreRequests();
    const { id } = await stage.first.rest.submit(endpoint, READ);
    const state = async () => (await stage.first.rest.commandStatus(endpoint, id)).state;
    await vi.waitFor(async () => expect(await state()).toBe('in-flight'), PATIENCE);
    const { id: behind } = await stage.first.rest.submit(endpoint, READ);
    await stage.a.kill();
    stage.balancer.route(stage.b.coapPort);
    device.faults.clear();
    expect(await notify(50)).toBe('acknowledged');
    await stream.log.next(endpoint, eventTypes.notification, reports(TEMPERATURE, 50));
    for (const command of [id, behind]) {
      const { data } = await stream.log.next(endpoint, eventTypes.commandResult, (event) => (event.data as CommandStatus).id === command);
      expect(data).toMatchObject({ state: 'done', attempts: 1, response: { code: '2.05' } });
    }
    expect(device.observations.list().map((observation) => observation.token)).toEqual([token]);
    expect(await stage.second.rest.endpoint(endpoint)).toMatchObject({ state: 'registered', owner: `${stage.name}-b`, generation: 1 });
  });

  it('loses nothing when an edge is ended under traffic', async () => {
    await stage.a.restart();
    const before = acknowledged.length;
    const traffic = (async () => {
      for (let value = 100; value < 160; value++) await notify(value);
    })();
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 10), PATIENCE);
    stage.balancer.route(stage.a.coapPort);
    expect(await stage.b.stop()).toBeLessThan(8_000);
    await traffic;
    expect(acknowledged.slice(before)).toEqual(Array.from({ length: 60 }, (_, i) => 100 + i));
    const told = (await readRecords(stage.kafkaBrokers, [topics.notifications])).filter(({ key }) => key === endpoint);
    const values = new Set(told.flatMap(({ data }) => (data['values'] as { value: unknown }[]).map(({ value }) => value)));
    expect(acknowledged.filter((value) => !values.has(value))).toEqual([]);
    expect(await stage.a.log()).not.toMatch(/unhandled|uncaught/i);
  });

  it('keeps directory and values over a restart of a registry', async () => {
    const known = (registry: Member) => Promise.all([registry.rest.endpoint(endpoint), registry.rest.values(endpoint)]);
    await lastValue(stage.first, 159);
    const before = await known(stage.first);
    expect(await stage.first.stop()).toBeLessThan(8_000);
    expect(await notify(200)).toBe('acknowledged');
    await stage.first.restart();
    const after = await known(stage.first);
    // It was heard meanwhile.
    expect({ ...after[0], presence: undefined }).toEqual({ ...before[0], presence: undefined });
    await lastValue(stage.first, 200);
    expect(await stage.first.rest.command(endpoint, READ)).toMatchObject({ code: '2.05' });
  });

  it('serves a waiting caller though the other registry was killed', async () => {
    await stage.first.kill();
    expect(await stage.second.rest.command(endpoint, READ)).toMatchObject({ code: '2.05' });
    expect(await notify(201)).toBe('acknowledged');
    await lastValue(stage.second, 201); // the dead one's partitions come over when its group session ends
  });
});
