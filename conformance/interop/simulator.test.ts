/** The simulated device against the server: every operation and format, and what only a device with fault knobs can show. */
import { once } from 'node:events';
import { eventTypes } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeServer, reports } from '../src/scene.ts';

const TEMPERATURE = '/3303/0/5700';

describeServer('simulator', (scene) => {
  let endpoint: string;
  let device: SimulatedDevice;

  beforeAll(() => {
    endpoint = `simulator-${scene.server.mode}`;
    const server = `coap://127.0.0.1:${scene.server.coapPort}`;
    device = new SimulatedDevice({ endpoint, server, version: '1.2', lifetimeS: 120 });
  });
  afterAll(() => device?.kill());

  it('registers', async () => {
    await device.start();
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ lwm2mVersion: '1.2', lifetimeS: 120, address: expect.stringContaining(String(device.localPort)) });
  });

  it.each([110, 112, 11_542, 11_543, 11_544])('is read and written in format %i', async (format) => {
    const read = await scene.rest.command(endpoint, { op: 'read', path: '/3/0', accept: format });
    expect(read).toMatchObject({ code: '2.05', contentFormat: format });
    expect(read.values).toContainEqual(expect.objectContaining({ path: '/3/0/0', value: 'Open Mobile Alliance', type: 'string' }));
    const values = [{ path: '/3/0/15', value: `zone ${format}` }];
    const write = await scene.rest.command(endpoint, { op: 'write-partial', path: '/3/0', values, contentFormat: format });
    expect(write.code).toBe('2.04');
    expect(device.getValue('/3/0/15')).toBe(`zone ${format}`);
  });

  it.each([0, 60])('has a single value read and written in format %i', async (format) => {
    const write = await scene.rest.command(endpoint, { op: 'write', path: '/3/0/14', value: '+01:00', contentFormat: format });
    expect(write.code).toBe('2.04');
    const read = await scene.rest.command(endpoint, { op: 'read', path: '/3/0/14', accept: format });
    expect(read.values).toEqual([expect.objectContaining({ path: '/3/0/14', value: '+01:00' })]);
  });

  it('is written a firmware package block-wise', async () => {
    const firmware = Buffer.alloc(20_000, 0x5a);
    const written = once(device, 'written');
    const payloadBase64 = firmware.toString('base64');
    const write = await scene.rest.command(endpoint, { op: 'write', path: '/5/0/0', payloadBase64, contentFormat: 42 });
    expect(write.code).toBe('2.04');
    expect((await written)[0].payload).toEqual(firmware);
  });

  it('is read a large value block-wise', async () => {
    device.setValue('/3/0/1', 'x'.repeat(5_000));
    const read = await scene.rest.command(endpoint, { op: 'read', path: '/3/0/1', accept: 0 });
    expect(read.values).toEqual([expect.objectContaining({ value: 'x'.repeat(5_000) })]);
  });

  it('is executed, with arguments', async () => {
    const executed = once(device, 'executed');
    expect((await scene.rest.command(endpoint, { op: 'execute', path: '/3/0/12', arguments: "0='a',5" })).code).toBe('2.04');
    expect((await executed)[0].arguments).toBe("0='a',5");
  });

  it('creates and deletes instances', async () => {
    const values = [{ path: '/16/3/0/0', value: 'made' }];
    const created = await scene.rest.command(endpoint, { op: 'create', path: '/16', values });
    expect(created).toMatchObject({ code: '2.01', location: '/16/3' });
    expect((await scene.rest.command(endpoint, { op: 'delete', path: '/16/3' })).code).toBe('2.02');
  });

  it('takes attributes and shows them to Discover', async () => {
    const attributes = { pmin: 1, gt: 30 };
    const set = await scene.rest.command(endpoint, { op: 'write-attributes', path: TEMPERATURE, attributes });
    expect(set.code).toBe('2.04');
    const shown = await scene.rest.command(endpoint, { op: 'discover', path: TEMPERATURE });
    expect(shown.links).toBe('</3303/0/5700>;pmin=1;gt=30');
    const unset = { pmin: null, gt: null };
    await scene.rest.command(endpoint, { op: 'write-attributes', path: TEMPERATURE, attributes: unset });
    expect((await scene.rest.command(endpoint, { op: 'discover', path: TEMPERATURE })).links).toBe('</3303/0/5700>');
  });

  it('reads and writes composites', async () => {
    const read = await scene.rest.command(endpoint, { op: 'read-composite', paths: ['/3/0/0', TEMPERATURE] });
    expect(read.values?.map((value) => value.path)).toEqual(['/3/0/0', TEMPERATURE]);
    const values = [{ path: '/3/0/14', value: 'Z' }, { path: '/3/0/15', value: 'UTC' }];
    expect((await scene.rest.command(endpoint, { op: 'write-composite', values })).code).toBe('2.04');
    expect([device.getValue('/3/0/14'), device.getValue('/3/0/15')]).toEqual(['Z', 'UTC']);
  });

  it('is observed, also as a composite', async () => {
    const both = Promise.all([once(device, 'observed'), countOf(device, 2)]);
    await scene.rest.observe(endpoint, [{ path: TEMPERATURE }, { paths: ['/3/0/9', '/3/0/10'] }]);
    await both;
    device.setValue(TEMPERATURE, 25.5);
    await scene.heard(endpoint, eventTypes.notification, reports(TEMPERATURE, 25.5));
    device.setValue('/3/0/9', 42);
    await scene.heard(endpoint, eventTypes.notification, reports('/3/0/10', 15));
    const known = expect.objectContaining({ path: TEMPERATURE, value: 25.5 });
    // last values are made from the events, by another consumer than the stream
    await vi.waitFor(async () => expect(await scene.rest.values(endpoint)).toContainEqual(known), { timeout: 10_000 });
  });

  it('has a large notification fetched block-wise', async () => {
    const observed = once(device, 'observed');
    await scene.rest.observe(endpoint, [{ path: '/3/0/1' }]);
    await observed;
    const long = 'y'.repeat(3_000);
    device.setValue('/3/0/1', long);
    await scene.heard(endpoint, eventTypes.notification, reports('/3/0/1', long));
  });

  it('gets RST for a token that nobody knows', async () => {
    const token = Buffer.from('ffffffffffffffff', 'hex');
    expect(await device.notifyRaw({ token, payload: Buffer.from('1') })).toBe('reset');
  });

  it('sends, with times', async () => {
    const time = Math.floor(Date.now() / 1_000) - 60;
    const value = { path: [3303, 0, 5700], type: 'float', value: 19.75, time } as const;
    expect(await device.sendValues([value], 110)).toBe('2.04');
    const { data } = await scene.heard(endpoint, eventTypes.send, reports(TEMPERATURE, 19.75));
    expect(data).toMatchObject({ values: [{ time }] });
  });

  it('is answered the same when its request comes twice', async () => {
    device.faults.loseAnswers(1);
    expect(await device.update()).toBe('2.04');
    await scene.heard(endpoint, eventTypes.updated);
  });

  it('carries a command out once when its answer got lost', async () => {
    let executions = 0;
    device.on('executed', () => (executions += 1));
    device.faults.dropAcks(1);
    expect((await scene.rest.command(endpoint, { op: 'execute', path: '/3/0/12' })).code).toBe('2.04');
    expect(executions).toBe(1);
  });

  it('may answer late', async () => {
    device.faults.delayMs = 200;
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0' })).code).toBe('2.05');
    device.faults.clear();
  });

  it('goes on from another address', async () => {
    await device.rebind();
    expect(await device.update()).toBe('2.04');
    await scene.heard(endpoint, eventTypes.updated, ({ data }) => {
      return (data as { address: string }).address.endsWith(`:${device.localPort}`);
    });
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0' })).code).toBe('2.05');
  });

  it('is observed again after it registered again', async () => {
    const observed = once(device, 'observed');
    await device.register();
    await scene.heard(endpoint, eventTypes.registered);
    await observed;
  });

  it('is sent again what it missed', async () => {
    const missed = new Promise<void>((resolve) => {
      device.faults.loseIncoming = () => {
        resolve();
        return true;
      };
    });
    const read = scene.rest.command(endpoint, { op: 'read', path: '/3/0/0', accept: 0 });
    await missed;
    device.faults.clear();
    expect((await read).code).toBe('2.05');
  });

  it('de-registers', async () => {
    await device.stop();
    await scene.heard(endpoint, eventTypes.deregistered);
  });
});

/** Resolves at the device's n-th observation from now. */
function countOf(device: SimulatedDevice, n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = n;
    device.on('observed', () => (left -= 1) === 0 && resolve());
  });
}
