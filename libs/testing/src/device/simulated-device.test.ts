import { once } from 'node:events';
import { decodeContent, encodeContent } from '@cluster/lwm2m';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeServer } from './fake-server.ts';
import type { DeviceOptions } from './device-options.ts';
import { SimulatedDevice } from './simulated-device.ts';

let server: FakeServer;
let device: SimulatedDevice;

function make(options: Partial<DeviceOptions> = {}): SimulatedDevice {
  device = new SimulatedDevice({ endpoint: 'demo', server: server.url, ...options });
  return device;
}

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(() => {
  device.kill();
  server.stop();
});

describe('registration', () => {
  it('registers with its parameters and object list, updates and de-registers', async () => {
    const registered = once(server, 'register');
    await make({ lifetimeS: 60 }).start();
    const [uplink] = await registered;
    expect(uplink.query).toEqual(['ep=demo', 'lt=60', 'lwm2m=1.1', 'b=U']);
    expect(String(uplink.payload)).toBe(
      '</>;rt="oma.lwm2m";ct="110 112 11542",</1/0>,</3/0>,</4/0>,</5/0>,</7/0>,</16/0>,</3303>;ver=1.1,</3303/0>',
    );
    expect(device.location).toBe('/rd/r1');
    expect(await device.update({ lifetimeS: 90 })).toBe('2.04');
    expect(device.registration.parameters.lifetimeS).toBe(90);
    const gone = once(server, 'deregister');
    await device.stop();
    expect((await gone)[0].path).toEqual(['rd', 'r1']);
  });

  it('tells queue mode as each version does', async () => {
    const seen: string[][] = [];
    server.on('register', (uplink) => seen.push([...uplink.query]));
    await make({ queueMode: true }).start();
    await device.stop();
    await make({ queueMode: true, version: '1.0' }).start();
    expect(seen[0]).toContain('Q');
    expect(seen[1]).toContain('b=UQ');
  });

  it('comes back when Max-Age of a 5.03 is over', async () => {
    server.script({ code: '5.03', maxAgeS: 0, times: 1 });
    const waits: number[] = [];
    make().on('backoff', (seconds) => waits.push(seconds));
    await device.start();
    expect(waits).toEqual([0]);
    expect(device.location).toBe('/rd/r1');
  });

  it('refuses to go on when the server refuses it', async () => {
    server.script({ code: '4.03', times: 1 });
    await expect(make().start()).rejects.toMatchObject({ code: 'DEVICE_REGISTRATION_REFUSED', responseCode: '4.03' });
  });

  it('registers again after 4.04 to an Update', async () => {
    await make().start();
    server.forgetRegistrations();
    expect(await device.update()).toBe('4.04');
    expect(device.location).toBe('/rd/r2');
  });

  it('sends a large object list block-wise', async () => {
    const registered = once(server, 'register');
    const many = { id: 3303, name: 'Temperature', multiple: true, instances: [...Array(300).keys()], resources: [] };
    await make({ objects: [many] }).start();
    expect(String((await registered)[0].payload)).toMatch(/^<\/>.*<\/3303\/299>$/);
  });

  it('sends requests from the port that it is reached on', async () => {
    const registered = once(server, 'register');
    await make().start();
    expect((await registered)[0].port).toBe(device.localPort);
  });

  it('goes on from another port', async () => {
    await make().start();
    const before = device.localPort;
    const updated = once(server, 'update');
    await device.rebind();
    expect(await device.update()).toBe('2.04');
    expect((await updated)[0].port).toBe(device.localPort);
    expect(device.localPort).not.toBe(before);
  });
});

it('has its objects under an alternate path', async () => {
  const registered = once(server, 'register');
  await make({ rootPath: '/lwm2m' }).start();
  expect(String((await registered)[0].payload)).toContain('</lwm2m>;rt="oma.lwm2m";ct="110 112 11542",</lwm2m/1/0>');
  expect((await server.request({ path: '/lwm2m/3/0/9', accept: 0 })).code).toBe('2.05');
  expect((await server.request({ path: '/3/0/9', accept: 0 })).code).toBe('4.04'); // OMA Transport 1.1.1 §6.4.1
});

it.each([110, 112, 11_542, 11_543, 11_544])('speaks format %i both ways', async (format) => {
  await make({ version: '1.2' }).start();
  const read = await server.request({ path: '/1/0', accept: format });
  expect(read).toMatchObject({ code: '2.05', contentFormat: format });
  const values = decodeContent(format, read.payload, [1, 0], device.model.lookup);
  expect(values).toMatchObject({ ok: true });
  const lifetime = { path: [1, 0, 1], type: 'integer', value: 77 } as const;
  const payload = encodeContent(format, [lifetime], [1, 0], device.model.lookup);
  expect((await server.request({ method: 'POST', path: '/1/0', payload, contentFormat: format })).code).toBe('2.04');
  expect(device.getValue('/1/0/1')).toBe(77);
  expect(device.getValue('/1/0/7')).toBe('U');
});

describe('device management', () => {
  beforeEach(async () => make().start());

  it.each([
    { path: '/3/0/0', accept: 0, payload: 'Open Mobile Alliance' },
    { path: '/3/0/9', accept: 0, payload: '100' },
    { path: '/3/0/7/1', accept: 0, payload: '5000' },
  ])('reads $path as text', async ({ path, accept, payload }) => {
    const answer = await server.request({ path, accept });
    expect(answer).toMatchObject({ code: '2.05', contentFormat: accept });
    expect(String(answer.payload)).toBe(payload);
  });

  it('reads /3/0/0 as TLV and SenML', async () => {
    const tlv = await server.request({ path: '/3/0/0', accept: 11_542 });
    // OMA LwM2M Core 1.1 §7.4.4, first resource of the /3/0 example
    expect(tlv.payload.toString('hex')).toBe(`c80014${Buffer.from('Open Mobile Alliance').toString('hex')}`);
    const senml = await server.request({ path: '/3/0/0', accept: 110 });
    expect(String(senml.payload)).toContain('Open Mobile Alliance');
  });

  it.each([
    { path: '/3/1/0', code: '4.04' },
    { path: '/9999', code: '4.04' },
    { path: '/3/0/4', code: '4.05' },
    { path: '/0/0/0', code: '4.01' },
    { path: '/3/0', accept: 0, code: '4.06' },
    { path: '/3/0/0', accept: 999, code: '4.06' },
  ])('refuses to read $path with $code', async ({ path, accept, code }) => {
    expect((await server.request({ path, ...(accept === undefined ? {} : { accept }) })).code).toBe(code);
  });

  it('takes writes', async () => {
    const written = once(device, 'written');
    const answer = await server.request({ method: 'PUT', path: '/3/0/15', payload: 'Europe/Berlin', contentFormat: 0 });
    expect(answer.code).toBe('2.04');
    expect((await written)[0].path).toEqual([3, 0, 15]);
    expect(device.getValue('/3/0/15')).toBe('Europe/Berlin');
    const readOnly = await server.request({ method: 'PUT', path: '/3/0/0', payload: 'x', contentFormat: 0 });
    expect(readOnly.code).toBe('4.05');
  });

  it('takes a firmware package block-wise', async () => {
    const written = once(device, 'written');
    const firmware = Buffer.alloc(5_000, 0xa5);
    const answer = await server.request({ method: 'PUT', path: '/5/0/0', payload: firmware, contentFormat: 42 });
    expect(answer.code).toBe('2.04');
    expect((await written)[0].payload).toEqual(firmware);
  });

  it.each([
    { path: '/3/0/12', payload: "0='reset',5", code: '2.04' },
    { path: '/3/0/12', payload: '0=unquoted', code: '4.00' },
    { path: '/3/0/0', payload: '', code: '4.05' },
  ])('answers Execute $path $payload with $code', async ({ path, payload, code }) => {
    const executed: string[] = [];
    device.on('executed', (what) => executed.push(what.arguments));
    expect((await server.request({ method: 'POST', path, payload })).code).toBe(code);
    expect(executed).toEqual(code === '2.04' ? [payload] : []);
  });

  it('creates and deletes instances', async () => {
    const payload = '[{"bn":"/16/7/","n":"0/0","vs":"made"}]';
    const created = await server.request({ method: 'POST', path: '/16', payload, contentFormat: 110 });
    expect(created).toMatchObject({ code: '2.01', location: '/16/7' });
    expect(device.getValue('/16/7/0/0')).toBe('made');
    expect((await server.request({ method: 'POST', path: '/16', payload, contentFormat: 110 })).code).toBe('4.00');
    expect((await server.request({ method: 'DELETE', path: '/16/7' })).code).toBe('2.02');
    expect((await server.request({ method: 'DELETE', path: '/16/7' })).code).toBe('4.04');
    expect((await server.request({ method: 'DELETE', path: '/3/0' })).code).toBe('4.05');
  });

  it.each([
    { bytes: '8300410061', location: '/16/1', why: 'the id is left to the device' },
    { bytes: '05098300410061', location: '/16/9', why: 'the id is in the object instance TLV' },
  ])('creates $location from TLV: $why', async ({ bytes, location }) => {
    const payload = Buffer.from(bytes, 'hex');
    const created = await server.request({ method: 'POST', path: '/16', payload, contentFormat: 11_542 });
    expect(created).toMatchObject({ code: '2.01', location });
    expect(device.getValue(`${location}/0/0`)).toBe('a');
  });

  it('refuses a value of the wrong type', async () => {
    const wrong = await server.request({ method: 'PUT', path: '/1/0/1', payload: 'soon', contentFormat: 0 });
    expect(wrong.code).toBe('4.00');
    expect(device.getValue('/1/0/1')).toBe(300);
  });

  it('discovers with attributes', async () => {
    const set = await server.request({ method: 'PUT', path: '/3303/0/5700', query: ['pmin=5', 'gt=30.5'] });
    expect(set.code).toBe('2.04');
    const answer = await server.request({ path: '/3303/0', accept: 40 });
    expect(String(answer.payload)).toBe(
      '</3303/0>,</3303/0/5601>,</3303/0/5602>,</3303/0/5603>,</3303/0/5604>,</3303/0/5605>,'
      + '</3303/0/5700>;pmin=5;gt=30.5,</3303/0/5701>,</3303/0/5750>',
    );
    expect(String((await server.request({ path: '/3/0/7', accept: 40 })).payload)).toBe('</3/0/7>;dim=2');
  });

  it.each(['epmin', 'edge=1', 'lt=30'])('refuses the attribute %s where it does not fit', async (attribute) => {
    await server.request({ method: 'PUT', path: '/3303/0/5700', query: ['gt=20'] });
    const answer = await server.request({ method: 'PUT', path: '/3303/0/5700', query: [attribute] });
    expect(answer.code).toBe(attribute === 'epmin' ? '2.04' : '4.00');
  });

  it('reads and writes composites', async () => {
    const body = '[{"n":"/3/0/0"},{"n":"/3303/0/5700"},{"n":"/3/0/4"}]';
    const read = await server.request({ method: 'FETCH', payload: body, contentFormat: 110, accept: 110 });
    expect(read.code).toBe('2.05');
    expect(JSON.parse(String(read.payload))).toHaveLength(2);
    const payload = '[{"n":"/3/0/14","vs":"+01:00"},{"n":"/3/0/15","vs":"UTC"}]';
    const write = await server.request({ method: 'iPATCH', payload, contentFormat: 110 });
    expect(write.code).toBe('2.04');
    expect([device.getValue('/3/0/14'), device.getValue('/3/0/15')]).toEqual(['+01:00', 'UTC']);
  });

  it('tells a written lifetime by an Update', async () => {
    const updated = once(server, 'update');
    await server.request({ method: 'PUT', path: '/1/0/1', payload: '120', contentFormat: 0 });
    expect((await updated)[0].query).toEqual(['lt=120']);
  });

  it('updates when triggered and registers again when rebooted', async () => {
    const updated = once(server, 'update');
    await server.request({ method: 'POST', path: '/1/0/8' });
    await updated;
    const registered = once(server, 'register');
    await server.request({ method: 'POST', path: '/3/0/4' });
    await registered;
  });

  it('sends values', async () => {
    const sent = once(server, 'send');
    expect(await device.send(['/3303/0/5700'], 110)).toBe('2.04');
    const [uplink] = await sent;
    expect(uplink.contentFormat).toBe(110);
    expect(JSON.parse(String(uplink.payload))).toEqual([expect.objectContaining({ v: 21.5 })]);
  });
});
