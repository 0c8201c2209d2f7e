/** Settings of one device as its datagrams show them: transmission parameters and the daily byte quota. */
import { once } from 'node:events';
import { SimulatedDevice, type DeviceOptions } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let port: number | undefined;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
  port = (await harness.start()).coapPort;
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function started(endpoint: string, options: Partial<DeviceOptions> = {}): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${port}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

/** Counts requests that reach the device, and loses each of them. */
function loseRequests(device: SimulatedDevice): () => number {
  let arrived = 0;
  device.faults.loseIncoming = ({ code }) => {
    if (!/^0\.0[1-7]$/.test(code)) return false;
    arrived += 1;
    return true;
  };
  return () => arrived;
}

describe('B104, B124, X5, F31 transmission parameters of one device', () => {
  it.each([
    ['no retransmission', { maxRetransmit: 0, maxTransmitWaitS: 1 }, 1],
    ['two in a second', { ackTimeoutMs: 100, maxRetransmit: 2, maxTransmitWaitS: 1 }, 3],
  ])('%s: each request leaves as often as its settings say, and is given up in their time', async (_what, settings, times) => {
    await harness.northbound.setProfile('own', { settings });
    const device = await started('own');
    const arrived = loseRequests(device);
    expect(await harness.command('own', { op: 'execute', path: '/3/0/4' })).toMatchObject({ state: 'outcome-unknown', attempts: 1 });
    expect(arrived()).toBe(times);
  });

  it('the time that it listens is its own', async () => {
    await harness.northbound.setProfile('short', { settings: { maxTransmitWaitS: 1 } });
    await started('short', { queueMode: true });
    await started('long', { queueMode: true });
    await harness.event((e) => e.type === 'lwm2m.presence.asleep' && e.endpoint === 'short');
    expect((await harness.northbound.endpoint('short'))?.presence.state).toBe('asleep');
    expect((await harness.northbound.endpoint('long'))?.presence.state).toBe('awake');
  });
});

describe('F32 the daily byte quota of one device', () => {
  it('lets requests wait once it is spent, and takes all that the device sends; more of it lets them go', async () => {
    await harness.northbound.setProfile('metered', { settings: { maxBytesPerDay: 40 } });
    const device = await started('metered');
    // Its datagrams are counted from its first answer on.
    expect(await device.update()).toBe('2.04');
    expect(await device.update()).toBe('2.04');
    const first = await harness.northbound.submit('metered', { op: 'read', path: '/3/0/0' });
    expect(first).toMatchObject({ outcome: 'accepted' });
    const shown = async () => (await harness.northbound.commands('metered'))?.[0];
    await expect.poll(async () => (await shown())?.waitsFor).toBe('byte-quota');
    expect(await device.update()).toBe('2.04');
    expect(await device.send(['/3303/0/5700'])).toBe('2.04');
    expect(await shown()).toMatchObject({ state: 'queued', attempts: 0, waitsFor: 'byte-quota' });
    const requested = once(device, 'request');
    await harness.northbound.setProfile('metered', { settings: { maxBytesPerDay: 1_000_000 } });
    await requested;
    await harness.event((e) => e.type === 'lwm2m.command.result');
    expect(await shown()).toMatchObject({ state: 'done', attempts: 1 });
  });
});
