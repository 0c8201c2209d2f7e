import { EndpointNumbers } from '@cluster/session';
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHarness, type Harness } from './testing/harness.ts';

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

async function registered(options: Partial<ConstructorParameters<typeof SimulatedDevice>[0]> = {}): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${port}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

describe('registration', () => {
  it('Register, Update and De-register are answered and told', async () => {
    const device = await registered();
    expect(await harness.event((e) => e.type === 'lwm2m.registration.registered')).toMatchObject({ endpoint: 'demo' });
    expect(await device.update({ lifetimeS: 600 })).toBe('2.04');
    expect((await harness.event((e) => e.type === 'lwm2m.registration.updated')).data).toMatchObject({ lifetimeS: 600 });
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'registered', lifetimeS: 600 });
    expect(await device.deregister()).toBe('2.02');
    await harness.event((e) => e.type === 'lwm2m.registration.deregistered');
  });

  it('a new Register takes the former one\'s place: its location is gone', async () => {
    const first = await registered({ automatic: false });
    const old = first.location;
    const second = await registered();
    expect(second.location).not.toBe(old);
    expect(await first.update()).toBe('4.04');
    expect(await second.update()).toBe('2.04');
  });

  it('an endpoint that comes back after its end gets a fresh number, and is found under it', async () => {
    const device = await registered();
    const first = device.location?.split('/').at(-1) ?? '';
    await device.deregister();
    // The sweeper has taken the number from the endpoint, which the worker still holds.
    await vi.waitFor(async () => expect(await harness.sessions.resolve(['demo'])).toEqual([undefined]), { timeout: 10_000 });
    await device.register();
    const second = device.location?.split('/').at(-1) ?? '';
    expect(second.slice(0, 8)).not.toBe(first.slice(0, 8));
    expect(await harness.sessions.resolve(['demo'])).toEqual([second.slice(0, 8)]);
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'registered', registrationId: second });
  }, 20_000);

  it('without security nobody registers an endpoint that has credentials, until it is forgotten', async () => {
    const numbers = new EndpointNumbers({ sessions: harness.sessions, cluster: harness.cluster, rng: { uint32: () => 7 } });
    const number = await numbers.keep('demo');
    await expect(registered()).rejects.toMatchObject({ responseCode: '4.00' });
    expect(await harness.northbound.endpoint('demo')).toMatchObject({ state: 'provisioned' });
    expect(await numbers.keep('demo')).toBe(number);
    await harness.northbound.forget('demo');
    await registered();
  });

  it('who had registered without security stays until it registers anew', async () => {
    const device = await registered();
    await new EndpointNumbers({ sessions: harness.sessions, cluster: harness.cluster, rng: { uint32: () => 7 } }).keep('demo');
    expect(await device.update()).toBe('2.04');
    await expect(device.register()).rejects.toMatchObject({ responseCode: '4.00' });
  });

  it('an operator drops a registration: the next Update gets 4.04, the next Register a new place', async () => {
    const device = await registered();
    expect(await harness.northbound.drop('demo')).toBe(true);
    await harness.event((e) => e.type === 'lwm2m.registration.removed');
    expect(await device.update()).toBe('4.04');
  });
});

describe('device management', () => {
  it('reads, writes, executes, creates, deletes and discovers', async () => {
    await registered();
    const read = await harness.command('demo', { op: 'read', path: '/3/0/0' });
    expect(read).toMatchObject({ state: 'done', response: { code: '2.05', values: [{ path: '/3/0/0', type: 'string' }] } });
    expect((await harness.command('demo', { op: 'write', path: '/3/0/15', value: 'Europe/Paris' })).response?.code).toBe('2.04');
    expect((await harness.command('demo', { op: 'read', path: '/3/0/15' })).response?.values).toMatchObject([{ value: 'Europe/Paris' }]);
    expect((await harness.command('demo', { op: 'execute', path: '/3/0/4' })).response?.code).toBe('2.04');
    expect((await harness.command('demo', { op: 'discover', path: '/3' })).response).toMatchObject({ code: '2.05', links: expect.stringContaining('</3') });
    expect((await harness.command('demo', { op: 'write', path: '/3/0/0', value: 'x' })).response?.code).toBe('4.05');
    const composite = await harness.command('demo', { op: 'read-composite', paths: ['/3/0/0', '/1/0/1'] });
    expect(composite.response?.values).toHaveLength(2);
  });

  it('commands are carried out in the order of their priority, one at a time', async () => {
    const device = await registered();
    device.faults.delayMs = 30;
    const submitted = await Promise.all(
      [1, 5, 9].map((priority) => harness.northbound.submit('demo', { op: 'read', path: '/3/0/0', priority, idempotencyKey: `p${priority}` })),
    );
    expect(submitted.map((s) => s.outcome)).toEqual(['accepted', 'accepted', 'accepted']);
    await Promise.all([1, 5, 9].map((p) => harness.event((e) => e.type === 'lwm2m.command.result' && e.data['id'] === `k.${Buffer.from(`p${p}`).toString('base64url')}`)));
    const again = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0', idempotencyKey: 'p9' });
    expect(again).toMatchObject({ outcome: 'repeated', same: false, status: { state: 'done' } });
    const same = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0', priority: 9, idempotencyKey: 'p9' });
    expect(same).toMatchObject({ outcome: 'repeated', same: true });
  });
});

describe('reporting', () => {
  it('observations are made, told, made again after a new Register, and cancelled', async () => {
    const device = await registered();
    expect((await harness.command('demo', { op: 'observe', path: '/3303/0/5700' })).response?.code).toBe('2.05');
    device.setValue('/3303/0/5700', 21.5);
    const told = await harness.event((e) => e.type === 'lwm2m.notification' && JSON.stringify(e.data['values']).includes('21.5'));
    expect(told.data).toMatchObject({ paths: ['/3303/0/5700'], values: [{ path: '/3303/0/5700', value: 21.5, type: 'float' }] });
    device.kill();
    const again = await registered();
    await harness.event((e) => e.type === 'lwm2m.notification' && e.data['registrationId'] === again.location?.split('/').at(-1));
    expect((await harness.command('demo', { op: 'cancel-observe', path: '/3303/0/5700' })).response?.code).toBe('2.05');
    expect(await harness.northbound.observations('demo')).toEqual([]);
  });

  it('Send is answered once it is told', async () => {
    const device = await registered();
    expect(await device.send(['/3/0/0', '/3303/0/5700'])).toBe('2.04');
    const sent = await harness.event((e) => e.type === 'lwm2m.send');
    expect(sent.data['values']).toHaveLength(2);
  });

  it('Send of a stranger gets 4.04', async () => {
    const device = new SimulatedDevice({ endpoint: 'stranger', server: `coap://127.0.0.1:${port}` });
    devices.push(device);
    await device.open();
    expect(await device.send(['/3/0/0'])).toBe('4.04');
  });
});
