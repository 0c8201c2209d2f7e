/**
 * Device management and reporting on CoAP over UDP, as a device sees the requests and as the operator sees the answers
 * (OMA Transport 1.1.1 §6.4, §6.4.1, §6.4.4 to §6.7). The names begin with the rows of the conformance checklist.
 */
import { once } from 'node:events';
import { eventTypes, type CommandRequest, type CommandStatus } from '@cluster/contracts';
import { defaultObjects, SimulatedDevice, type DeviceOptions, type Message } from '@cluster/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RestRefused } from '../src/rest.ts';
import { Scene } from '../src/scene.ts';

const scene = new Scene();
const devices: SimulatedDevice[] = [];

beforeAll(() => scene.open({}));
afterAll(() => scene.close());
afterEach(() => devices.splice(0).forEach((device) => device.kill()));

async function started(endpoint: string, options: Partial<DeviceOptions> = {}, to: Scene = scene): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${to.server.coapPort}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

/** Requests that reach the device from now on, with their options by name. */
function requestsTo(device: SimulatedDevice): (Message & { options: { name: string; value: Buffer }[] })[] {
  const seen: ReturnType<typeof requestsTo> = [];
  device.faults.loseIncoming = (message) => {
    if (/^0\.0[1-7]$/.test(message.code)) seen.push(message as (typeof seen)[number]);
    return false;
  };
  return seen;
}

const uriPath = ({ options }: { options: { name: string; value: Buffer }[] }): string[] =>
  options.filter(({ name }) => name === 'Uri-Path').map(({ value }) => value.toString());

describe('requests', () => {
  it('B62, B63 are confirmable, with each segment and each query in an option of its own', async () => {
    const device = await started('options');
    const seen = requestsTo(device);
    await scene.rest.command('options', { op: 'read', path: '/3/0/0' });
    await scene.rest.command('options', { op: 'execute', path: '/3/0/12' });
    await scene.rest.command('options', { op: 'write-attributes', path: '/3/0', attributes: { pmin: 1, pmax: 9 } });
    expect(seen.map(({ code, confirmable }) => [code, confirmable])).toEqual([['0.01', true], ['0.02', true], ['0.03', true]]);
    expect(seen.map(uriPath)).toEqual([['3', '0', '0'], ['3', '0', '12'], ['3', '0']]);
    const queries = seen[2]?.options.filter(({ name }) => name === 'Uri-Query').map(({ value }) => value.toString());
    expect(queries).toEqual(['pmin=1', 'pmax=9']);
  });

  it('B64 go to the alternate path, also after an Update has changed it', async () => {
    const device = await started('alternate', { rootPath: '/lwm2m' });
    const seen = requestsTo(device);
    expect((await scene.rest.command('alternate', { op: 'read', path: '/3/0/0' })).values).toMatchObject([{ path: '/3/0/0' }]);
    expect(uriPath(seen[0]!)).toEqual(['lwm2m', '3', '0', '0']);
    const observed = once(device, 'observed');
    await scene.rest.observe('alternate', [{ path: '/3303/0/5700' }]);
    await observed;
    device.setValue('/3303/0/5700', 30.5);
    const { data } = await scene.heard('alternate', eventTypes.notification, (event) => JSON.stringify(event.data).includes('30.5'));
    expect(data).toMatchObject({ paths: ['/3303/0/5700'], values: [{ path: '/3303/0/5700', value: 30.5 }] });
    const payload = Buffer.from('</new>;rt="oma.lwm2m",</new/3/0>');
    const path = device.location?.slice(1).split('/') ?? [];
    expect((await device.request({ method: 'POST', path, payload, contentFormat: 40 })).code).toBe('2.04');
    await scene.rest.command('alternate', { op: 'read', path: '/3/0/0' });
    expect(uriPath(seen.at(-1)!)).toEqual(['new', '3', '0', '0']);
  });

  it('X3 the trigger of a registration update carries its argument as payload', async () => {
    const device = await started('trigger');
    const executed = once(device, 'executed');
    expect((await scene.rest.command('trigger', { op: 'execute', path: '/1/0/8', arguments: "0='U'" })).code).toBe('2.04');
    expect((await executed)[0]).toMatchObject({ path: [1, 0, 8], arguments: "0='U'" });
  });

  it.each<[string, CommandRequest]>([
    ['B83 a path that can not be', { op: 'read', path: '/3//0' }],
    ['B83 a resource instance without its resource', { op: 'write', path: '/3/0', values: [{ path: '/3/0//1', value: 1 }] }],
    ['Q2 an id that is none', { op: 'read', path: '/3/0/65535' }],
    ['Q2 an object above them', { op: 'read', path: '/65536' }],
    ['B87 text on an instance', { op: 'write', path: '/1/0', values: [{ path: '/1/0/1', value: 60 }], contentFormat: 0 }],
    ['B88 an argument that is none', { op: 'execute', path: '/3/0/4', arguments: 'reset' }],
    ['B91 lt above gt', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: 5, gt: 1 } }],
    ['B91 a step that leaves nothing between lt and gt', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: 1, gt: 5, st: 2 } }],
  ])('%s never leaves', async (_why, command) => {
    const device = await started('never');
    const seen = requestsTo(device);
    await expect(scene.rest.command('never', command)).rejects.toBeInstanceOf(RestRefused);
    expect(seen).toEqual([]);
  });
});

describe('answers', () => {
  // Table 6.7-3, and codes that are not in it
  it.each(['4.00', '4.01', '4.04', '4.05', '4.06', '4.08', '4.09', '4.13', '4.15', '4.29', '5.00', '5.01', '5.03'])(
    'B94, B95, B110, X2 %s is told as it is', async (code) => {
      const device = await started('codes', { contentFormats: [0] });
      device.faults.refuse('any', code);
      expect(await scene.rest.command('codes', { op: 'read', path: '/3/0/0', accept: 0 })).toMatchObject({ code });
      expect(await scene.rest.command('codes', { op: 'write', path: '/3/0/15', value: 'x', contentFormat: 0 })).toMatchObject({ code });
    },
  );

  it('B84 a format that the device does not take is followed by another', async () => {
    const device = await started('formats');
    const seen = requestsTo(device);
    device.faults.refuse('read', '4.06', 1);
    expect(await scene.rest.command('formats', { op: 'read', path: '/3/0' })).toMatchObject({ code: '2.05', contentFormat: 110 });
    expect(seen).toHaveLength(2);
  });

  it('B86 a format that the device does not take in a Write is followed by another', async () => {
    const device = await started('written');
    const seen = requestsTo(device);
    device.faults.refuse('write', '4.15', 1);
    expect(await scene.rest.command('written', { op: 'write', path: '/3/0/15', value: 'Europe/Rome' })).toMatchObject({ code: '2.04' });
    const formats = seen.map(({ options }) => options.find(({ name }) => name === 'Content-Format')?.value.toString('hex'));
    expect(new Set(formats).size).toBe(2);
    expect((await scene.rest.command('written', { op: 'read', path: '/3/0/15' })).values).toMatchObject([{ value: 'Europe/Rome' }]);
  });

  it('B55, B60 a device that asks for freshness gets its Echo, once', async () => {
    const device = await started('fresh');
    const seen = requestsTo(device);
    device.faults.echo = Buffer.from('c0ffee', 'hex');
    expect(await scene.rest.command('fresh', { op: 'execute', path: '/3/0/12' })).toMatchObject({ code: '2.04' });
    const echoes = seen.map(({ options }) => options.find(({ name }) => String(name) === '252')?.value.toString('hex'));
    expect(echoes).toEqual([undefined, 'c0ffee']);
    device.faults.clear();
    const again = requestsTo(device);
    device.faults.refuse('any', '4.01');
    expect(await scene.rest.command('fresh', { op: 'execute', path: '/3/0/12' })).toMatchObject({ code: '4.01' });
    expect(again).toHaveLength(1);
  });

  it('B85 an object without instances is read as an empty list', async () => {
    const objects = defaultObjects(300, 'U').map((object) => (object.id === 16 ? { ...object, instances: [] } : object));
    await started('empty', { objects });
    expect(await scene.rest.command('empty', { op: 'read', path: '/16' })).toMatchObject({ code: '2.05', values: [] });
  });

  it.each(['4.00', '4.01', '4.04', '4.05', '2.05'])('B97 %s without Observe: the path is not observed, and that is told', async (code) => {
    const endpoint = `unobserved-${code}`;
    const device = await started(endpoint);
    device.faults.refuse('observe', code);
    await scene.rest.observe(endpoint, [{ path: '/3303/0/5700' }]);
    await once(device, 'request');
    await expect.poll(async () => (await scene.rest.endpoint(endpoint))?.observations).toMatchObject([{ state: 'refused', code }]);
  });
});

describe('B58, B98 notifications', () => {
  it.each(['con', 'non'] as const)('%s ones are told, and rejected by RST where nobody observes', async (notifications) => {
    const endpoint = `notify-${notifications}`;
    const device = await started(endpoint, { notifications });
    const observed = once(device, 'observed');
    await scene.rest.observe(endpoint, [{ path: '/3303/0/5700' }]);
    await observed;
    device.setValue('/3303/0/5700', 19.5);
    await scene.heard(endpoint, eventTypes.notification, ({ data }) => JSON.stringify(data).includes('19.5'));
    let resets = 0;
    device.faults.loseIncoming = ({ reset }) => {
      if (reset) resets += 1;
      return false;
    };
    const unknown = { token: Buffer.from('ffffffffffffffff', 'hex'), payload: Buffer.from('1'), confirmable: notifications === 'con' };
    await device.notifyRaw(unknown);
    await expect.poll(() => resets).toBe(1);
  });
});

describe('B106 a device that does not answer', () => {
  const hasty = new Scene();
  beforeAll(() => hasty.open({ env: { LWM2M_MAX_TRANSMIT_WAIT_S: '1' } }));
  afterAll(() => hasty.close());

  it('is told of: what it may have carried out is not sent again', async () => {
    const device = await started('silent', {}, hasty);
    device.faults.ignoreRequests();
    const { id } = await hasty.rest.submit('silent', { op: 'execute', path: '/3/0/4' });
    const { data } = await hasty.heard('silent', eventTypes.commandResult, (event) => (event.data as CommandStatus).id === id);
    expect(data).toMatchObject({ state: 'outcome-unknown', reason: 'the device did not answer', attempts: 1 });
  });
});
