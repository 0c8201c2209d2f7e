/** Disable: a device that was sent away is waited for until its Disable Timeout ends, and told if it does not come back. */
import { once } from 'node:events';
import { SimulatedDevice, type DeviceOptions } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let port: number | undefined;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
  port = (await harness.start({ LWM2M_EXPIRY_GRACE_S: '0' })).coapPort;
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function started(options: Partial<DeviceOptions> = {}): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint: 'away', server: `coap://127.0.0.1:${port}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

const told = (type: string) => harness.event((e) => e.type === type);
const types = () => harness.events.map(({ type }) => type);
const presence = async () => (await harness.northbound.endpoint('away'))?.presence;
const write = (value: number) => harness.command('away', { op: 'write', path: '/1/0/5', value });
const disable = () => harness.command('away', { op: 'execute', path: '/1/0/4' });

describe('Q10, Q39, Q40, F9 a device that is disabled', () => {
  it('is shown as disabled until its timeout, comes back by Register, and gets what was queued meanwhile', async () => {
    const device = await started();
    await write(2);
    await disable();
    const { data } = await told('lwm2m.endpoint.disabled');
    expect(Date.parse(String(data['until'])) - Date.parse(String(data['since']))).toBe(2_000);
    expect((await told('lwm2m.registration.deregistered')).data).toMatchObject({ disabledUntil: data['until'] });
    expect(await presence()).toMatchObject({ state: 'disabled', disabledUntil: data['until'] });
    const registered = once(device, 'registered');
    const submitted = await harness.northbound.submit('away', { op: 'read', path: '/3/0/0' });
    expect(submitted).toMatchObject({ outcome: 'accepted' });
    expect((await harness.northbound.commands('away'))?.[0]).toMatchObject({ state: 'queued', waitsFor: 'registration' });
    await registered;
    const id = submitted.outcome === 'accepted' ? submitted.status.id : '';
    await harness.event((e) => e.type === 'lwm2m.command.result' && e.data['id'] === id);
    expect((await harness.northbound.command('away', id))?.state).toBe('done');
    expect((await presence())?.state).toBe('awake');
    expect(types().filter((type) => /overdue|expired/.test(type))).toEqual([]);
    expect(types().filter((type) => type === 'lwm2m.endpoint.disabled')).toHaveLength(1);
  }, 15_000);

  it('is told to be overdue when it stays away, and its commands wait on', async () => {
    const device = await started({ automatic: false });
    await write(1);
    await disable();
    await device.deregister();
    await harness.northbound.submit('away', { op: 'read', path: '/3/0/0' });
    const { data } = await told('lwm2m.endpoint.overdue');
    expect(data).toMatchObject({ endpoint: 'away', state: 'overdue' });
    expect(await presence()).toMatchObject({ state: 'unknown', disabledUntil: data['until'] });
    expect((await harness.northbound.commands('away'))?.[0]).toMatchObject({ state: 'queued' });
    const requested = once(device, 'request');
    await device.register();
    await requested;
    expect(types()).not.toContain('lwm2m.registration.expired');
  }, 20_000);

  it('is known by its De-register where its answer got lost; 24 h is the timeout that nobody told otherwise', async () => {
    const device = await started({ automatic: false });
    const asked = new Promise<void>((resolve) => {
      device.faults.loseIncoming = ({ code }) => {
        if (code === '0.02') resolve();
        return code === '0.02';
      };
    });
    await harness.northbound.submit('away', { op: 'execute', path: '/1/0/4' });
    await asked;
    await device.deregister();
    const { data } = await told('lwm2m.endpoint.disabled');
    expect(Date.parse(String(data['until'])) - Date.parse(String(data['since']))).toBe(86_400_000);
    expect((await told('lwm2m.registration.deregistered')).data).toHaveProperty('disabledUntil');
  });

  it('is not disabled where it refused, nor after an Update', async () => {
    const device = await started({ automatic: false });
    device.faults.refuse('execute', '4.05', 1);
    expect((await disable()).response?.code).toBe('4.05');
    expect((await presence())?.state).toBe('awake');
    expect((await disable()).response?.code).toBe('2.04');
    expect((await presence())?.state).toBe('disabled');
    expect(await device.update()).toBe('2.04');
    expect((await presence())?.state).toBe('awake');
    await device.deregister();
    expect((await told('lwm2m.registration.deregistered')).data).not.toHaveProperty('disabledUntil');
  });

  it('the timeout is also known from a Read', async () => {
    const device = await started({ automatic: false });
    device.setValue('/1/0/5', 30);
    await harness.command('away', { op: 'read', path: '/1/0' });
    await disable();
    const { data } = await told('lwm2m.endpoint.disabled');
    expect(Date.parse(String(data['until'])) - Date.parse(String(data['since']))).toBe(30_000);
  });
});
