import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHarness, type Harness } from './testing/harness.ts';

const LABELS = { site: 'hall-7' };

let harness: Harness;
let port: number;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
  port = (await harness.start()).coapPort ?? 0;
});

afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function registered(): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${port}` });
  devices.push(device);
  await device.start();
  return device;
}

const changed = (state: string, labels: Record<string, string>) =>
  harness.event(({ type, data }) => type === 'lwm2m.endpoint.changed' && data['state'] === state && JSON.stringify(data['labels']) === JSON.stringify(labels));

describe('an endpoint that is prepared before its first Register', () => {
  it('is told of, and its first registration goes on with what is kept for it', async () => {
    await harness.northbound.setProfile('demo', { labels: LABELS });
    await harness.northbound.setProfile('demo', { settings: { maxRetransmit: 0 } });
    expect(await harness.northbound.endpoint('demo')).toEqual({
      endpoint: 'demo', tenant: 'default', state: 'provisioned', generation: 0, queuedCommands: 0, observations: [], labels: LABELS, settings: { maxRetransmit: 0 },
      presence: { state: 'unknown' },
    });
    await changed('provisioned', LABELS);
    const device = await registered();
    const registrationId = device.location?.split('/').at(-1);
    expect(await harness.northbound.endpoint('demo')).toMatchObject({
      state: 'registered', generation: 1, registrationId, labels: LABELS, settings: { maxRetransmit: 0 },
    });
    expect(await device.update()).toBe('2.04');
  });

  it('is forgotten when nothing is kept for it any more; its number is retired', async () => {
    await harness.northbound.setProfile('demo', { labels: LABELS });
    const [first] = await harness.sessions.resolve(['demo']);
    expect(await harness.northbound.forget('demo')).toBe(true);
    await changed('removed', {});
    await vi.waitFor(async () => expect(await harness.sessions.resolve(['demo'])).toEqual([undefined]), { timeout: 10_000 });
    await harness.northbound.setProfile('demo', { labels: LABELS });
    expect(await harness.sessions.resolve(['demo'])).not.toEqual([first]);
    expect(await harness.northbound.forget('nobody')).toBe(false);
  }, 20_000);

  it('takes a fresh number where one is still held by an ended registration', async () => {
    const device = await registered();
    const [first] = await harness.sessions.resolve(['demo']);
    await device.deregister();
    await harness.northbound.setProfile('demo', { labels: LABELS });
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'provisioned', labels: LABELS });
    expect(await harness.sessions.resolve(['demo'])).not.toEqual([first]);
    await device.register();
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'registered', labels: LABELS });
  });
});

describe('a registered endpoint', () => {
  it('keeps its labels over registrations, and the worker that holds it tells each change', async () => {
    const device = await registered();
    await harness.northbound.setProfile('demo', { labels: LABELS });
    await changed('registered', LABELS);
    expect(await device.update()).toBe('2.04');
    await device.deregister();
    await device.register();
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ generation: 2, labels: LABELS });
    await harness.northbound.setProfile('demo', { labels: {} });
    await changed('registered', {});
  });

  it('goes on without what the operator takes away', async () => {
    const device = await registered();
    await harness.northbound.setProfile('demo', { labels: LABELS });
    await harness.northbound.setObservations('demo', [{ path: '/3/0/9' }]);
    expect(await harness.northbound.forget('demo')).toBe(true);
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'registered', labels: {}, observations: [] });
    expect(await device.update()).toBe('2.04');
    await changed('registered', {});
  });
});
