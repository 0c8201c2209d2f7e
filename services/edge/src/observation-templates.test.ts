/** Observation templates as devices and operators see them: on a worker with embedded storage. */
import type { ObservationTemplate } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Edge } from './edge.ts';
import { openHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let edge: Edge;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
});

afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function started(): Promise<void> {
  edge = await harness.start();
  await vi.waitFor(() => expect(edge.readiness()).toBe('ready'), { timeout: 5_000 });
}

async function registered(endpoint = 'demo', options: Partial<ConstructorParameters<typeof SimulatedDevice>[0]> = {}): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${edge.coapPort}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

async function put(name: string, template: ObservationTemplate): Promise<void> {
  expect((await harness.northbound.templates.put(name, template)).outcome).toBe('stored');
}

/** What REST shows of an endpoint's observations, as text. */
async function seen(endpoint = 'demo'): Promise<string[]> {
  const list = (await harness.northbound.observations(endpoint)) ?? [];
  return list.map(({ path, paths, state, from }) => `${from ?? 'own'} ${path ?? paths?.join(' ')} ${state}`);
}

const observedAt = (device: SimulatedDevice) => device.observations.list().map(({ paths }) => paths.map((path) => `/${path.join('/')}`).join(' '));

const becomes = (observations: string[], endpoint = 'demo') =>
  vi.waitFor(async () => expect(await seen(endpoint)).toEqual(observations), { timeout: 15_000, interval: 100 });

describe('templates', () => {
  it('what a template wants is observed at a device that registers, and told', async () => {
    await put('temperature', { match: { object: '/3303' }, observations: [{ path: '/3303/*/5700' }, { path: '/9/*/1' }] });
    await started();
    const device = await registered();
    await becomes(['template:temperature /3303/0/5700 active']);
    device.setValue('/3303/0/5700', 33.5);
    const told = await harness.event((e) => e.type === 'lwm2m.notification' && JSON.stringify(e.data['values']).includes('33.5'));
    expect(told.data).toMatchObject({ paths: ['/3303/0/5700'] });
  });

  it('a template that comes, changes and goes is brought to devices that are registered', async () => {
    await started();
    const device = await registered();
    await put('temperature', { match: {}, observations: [{ path: '/3303/*/5700', attributes: { pmin: 1 } }] });
    await becomes(['template:temperature /3303/0/5700 active']);
    await put('temperature', { match: {}, observations: [{ path: '/3/0/13' }] });
    await becomes(['template:temperature /3/0/13 active']);
    await vi.waitFor(() => expect(observedAt(device)).toEqual(['/3/0/13']), { timeout: 5_000 });
    await harness.northbound.templates.remove('temperature');
    await becomes([]);
    await vi.waitFor(() => expect(observedAt(device)).toEqual([]), { timeout: 5_000 });
  }, 40_000);
});
