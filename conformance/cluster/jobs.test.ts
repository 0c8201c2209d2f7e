/** A job over a group of devices: whichever registry dies meanwhile, each device gets each command once. */
import { once } from 'node:events';
import { eventTypes, jobView, topics, type JobView } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readRecords } from '../src/kafka-records.ts';
import type { Member } from '../src/member.ts';
import { describeCluster } from './stage.ts';

const DEVICES = 40;
const PATIENCE = { timeout: 50_000, interval: 100 };
const TIMEZONE = '/3/0/15';
const OFFSET = '/3/0/14';

describeCluster('jobs', (stage) => {
  const devices: SimulatedDevice[] = [];
  /** Writes that each device carried out, in their order. */
  const written = new Map<string, string[]>();
  let site: string;

  beforeAll(async () => {
    site = stage.name.slice(-63).replaceAll(/^[^A-Za-z0-9]+/g, '');
    for (let i = 0; i < DEVICES; i++) {
      const endpoint = `device-${stage.name}-${i}`;
      // Before its first Register: the labels are there when the device is.
      await stage.first.rest.setLabels(endpoint, { site });
      const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${stage.balancer.port}`, lifetimeS: 300 });
      devices.push(device);
      written.set(endpoint, []);
      device.on('written', ({ path }) => written.get(endpoint)?.push(`/${path.join('/')}`));
      await device.start();
    }
  });
  afterAll(() => devices.forEach((device) => device.kill()));

  const state = async (registry: Member, id: string): Promise<JobView> => jobView.parse(await registry.rest.get(`/jobs/${id}`));

  it('finds the devices by the label that they got before they registered', async () => {
    await stage.first.rest.put('/groups/site', { labels: { site }, object: '/3' });
    await vi.waitFor(async () => {
      expect(await stage.second.rest.get('/groups/site/endpoints?limit=1000')).toEqual({ endpoints: [...written.keys()].sort() });
      const listed = (await stage.second.rest.get(`/endpoints?label=${encodeURIComponent(`site=${site}`)}&state=registered&limit=1000`)) as { endpoints: unknown[] };
      expect(listed.endpoints).toHaveLength(DEVICES);
    }, PATIENCE);
  });

  it('is carried on when its registry is killed, and counts each device once', async () => {
    const commands = [{ op: 'write', path: TIMEZONE, value: 'Europe/Paris' }, { op: 'write', path: OFFSET, value: '+01:00' }];
    const job = { target: { group: 'site' }, commands, ratePerSecond: 20, maxInFlight: 10, ttlS: 120, idempotencyKey: `job-${stage.name}` };
    const { id } = jobView.parse(await stage.first.rest.post('/jobs', job, 202));
    await vi.waitFor(async () => expect(Object.values((await state(stage.first, id)).counts.done).length).toBeGreaterThan(0), PATIENCE);
    // Whichever of them carries it on: both die, one after the other.
    await stage.first.kill();
    await stage.first.restart();
    await stage.second.kill();
    expect(jobView.parse(await stage.first.rest.post('/jobs', job, 202)).id).toBe(id);
    await vi.waitFor(async () => {
      expect(await state(stage.first, id)).toMatchObject({ state: 'done', counts: { targets: DEVICES, waiting: 0, open: 0, done: { '2.04': DEVICES } } });
    }, PATIENCE);
    for (const [endpoint, paths] of written) expect([endpoint, paths]).toEqual([endpoint, [TIMEZONE, OFFSET]]);
    await stage.second.restart();
    const told = (await readRecords(stage.kafkaBrokers, [topics.jobs])).filter(({ key }) => key === id);
    expect(told.every(({ type }) => type === eventTypes.jobChanged)).toBe(true);
    expect([...new Set(told.map(({ data }) => data['state']))]).toEqual(['running', 'done']);
  }, 120_000);

  // OMA LwM2M Core 1.1, object 1: Disable (/1/x/4) for the time in Disable Timeout (/1/x/5).
  it('suspends the connection of devices for a time', async () => {
    const suspended = [...written.keys()].slice(10, 15);
    const back = devices.slice(10, 15).map((device) => once(device, 'registered'));
    const commands = [{ op: 'write', path: '/1/0/5', value: 2 }, { op: 'execute', path: '/1/0/4' }];
    const request = { target: { endpointPattern: `device-${stage.name}-1?`, labels: { site }, endpoints: suspended }, commands };
    const { id } = jobView.parse(await stage.first.rest.post('/jobs', request, 202));
    await vi.waitFor(async () => {
      expect(await state(stage.second, id)).toMatchObject({ state: 'done', counts: { targets: 5, done: { '2.04': 5 } } });
    }, PATIENCE);
    await Promise.all(back);
    for (const endpoint of suspended) expect(await stage.second.rest.endpoint(endpoint)).toMatchObject({ state: 'registered', generation: 2 });
  });

  it('is cancelled with what waits for devices that do not answer', async () => {
    const [silent] = devices;
    silent?.faults.ignoreRequests();
    const request = { target: { labels: { site } }, commands: [{ op: 'read', path: '/3/0/0' }], ratePerSecond: 1, maxInFlight: 2 };
    const { id } = jobView.parse(await stage.second.rest.post('/jobs', request, 202));
    await vi.waitFor(async () => expect((await state(stage.second, id)).counts).toMatchObject({ open: 1, targets: DEVICES }), PATIENCE);
    await stage.second.rest.post(`/jobs/${id}/pause`, undefined, 200);
    await stage.first.rest.post(`/jobs/${id}/cancel`, undefined, 200);
    silent?.faults.clear();
    await vi.waitFor(async () => expect((await state(stage.second, id)).state).toBe('cancelled'), PATIENCE);
    const { counts } = await state(stage.first, id);
    expect(counts).toMatchObject({ waiting: 0, open: 0, targets: DEVICES });
    expect(counts.cancelled).toBeGreaterThan(DEVICES / 2);
  });
});
