/**
 * What operators do with devices, end to end over CoAP on UDP and REST: the requirements (Q), flows and use cases (F), and
 * rows of the binding (B) that no other test shows. The names begin with the rows.
 */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { eventTypes, type CommandRequest, type CommandResponse, type JsonValue, type ReportValue } from '@cluster/contracts';
import { encodeMessage, MessageType } from '@cluster/coap';
import {
  accessControlObject, apnObject, cellObject, cellularObject, defaultObjects, lightObject, lockAndWipeObject, SimulatedDevice,
  softwareObject, wlanObject, type DeviceOptions, type Message,
} from '@cluster/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { reports, Scene } from '../src/scene.ts';
import { byPath } from '../src/trial.ts';
import { turnsOf } from '../src/turns.ts';

const scene = new Scene();
const devices: SimulatedDevice[] = [];

beforeAll(() => scene.open({ env: { LWM2M_BIND: '127.0.0.1,::1', LWM2M_EXPIRY_GRACE_S: '0' } }));
afterAll(() => scene.close());
afterEach(() => devices.splice(0).forEach((device) => device.kill()));

const OBJECTS = [accessControlObject, lockAndWipeObject, softwareObject, cellularObject, apnObject, wlanObject, lightObject];

async function started(endpoint: string, options: Partial<DeviceOptions> = {}): Promise<SimulatedDevice> {
  const server = `coap://127.0.0.1:${scene.server.coapPort}`;
  const base = defaultObjects(300, 'U').map((object) => (object.id === 4 ? cellObject : object));
  const device = new SimulatedDevice({ endpoint, server, objects: [...base, ...OBJECTS], ...options });
  devices.push(device);
  await device.start();
  return device;
}

const command = (endpoint: string, what: CommandRequest): Promise<CommandResponse> => scene.rest.command(endpoint, what);

async function succeeds(endpoint: string, code: string, what: CommandRequest): Promise<CommandResponse> {
  const response = await command(endpoint, what);
  expect(response.code, `${what.op} ${what.path ?? what.paths?.join(' ') ?? ''}`).toBe(code);
  return response;
}

const write = (endpoint: string, path: string, value: JsonValue) => succeeds(endpoint, '2.04', { op: 'write', path, value });
const execute = (endpoint: string, path: string) => succeeds(endpoint, '2.04', { op: 'execute', path });
const read = async (endpoint: string, path: string) => byPath(await succeeds(endpoint, '2.05', { op: 'read', path }));

/** Observes paths, and waits until the device does. */
async function observed(device: SimulatedDevice, endpoint: string, ...desired: Parameters<typeof scene.rest.observe>[1][number][]): Promise<void> {
  const all = Promise.all(desired.map(() => once(device, 'observed')));
  await scene.rest.observe(endpoint, desired);
  await all;
}

/** Has a job done at this many devices. */
async function carriedOut(job: object, devices: number): Promise<void> {
  const { id } = (await scene.rest.post('/jobs', job, 202)) as { id: string };
  await expect.poll(() => scene.rest.get(`/jobs/${id}`), { timeout: 30_000 }).toMatchObject({
    state: 'done', counts: { targets: devices, done: { '2.04': devices } },
  });
}

const told = (endpoint: string, path: string, value: JsonValue) => scene.heard(endpoint, eventTypes.notification, reports(path, value));

function requestsTo(device: SimulatedDevice): (Message & { options: { name: string; value: Buffer }[] })[] {
  const seen: ReturnType<typeof requestsTo> = [];
  device.faults.loseIncoming = (message) => {
    if (/^0\.0[1-7]$/.test(message.code)) seen.push(message as (typeof seen)[number]);
    return false;
  };
  return seen;
}

describe('the binding', () => {
  it('B61 answers come from the port that was asked', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.connect(scene.server.coapPort, '127.0.0.1', resolve));
    const answered = once(socket, 'message'); // a connected socket takes datagrams of no other address
    socket.send(encodeMessage({ type: MessageType.CON, code: 0, messageId: 7, token: new Uint8Array(), options: [], payload: new Uint8Array() }));
    expect((await answered)[0]).toEqual(Buffer.from([0x70, 0, 0, 7]));
    socket.close();
  });

  it('B112, B114, Q14 devices are served on IPv4 and on IPv6', async () => {
    await started('v4');
    await started('v6', { server: `coap://[::1]:${scene.server.coapPort}` });
    expect((await scene.rest.endpoint('v4'))?.address).toMatch(/127\.0\.0\.1/);
    expect((await scene.rest.endpoint('v6'))?.address).toMatch(/::1/);
    expect(await read('v6', '/3/0/0')).toEqual({ '/3/0/0': 'Open Mobile Alliance' });
  });

  it('B86 every Write and Create tells its content format', async () => {
    const device = await started('formats');
    const seen = requestsTo(device);
    await write('formats', '/3/0/15', 'Europe/Rome');
    await succeeds('formats', '2.04', { op: 'write-partial', path: '/1/0', values: [{ path: '/1/0/5', value: 100 }] });
    await succeeds('formats', '2.01', { op: 'create', path: '/16', values: [{ path: '/16/5/0/0', value: 'x' }] });
    expect(seen.map(({ code }) => code)).toEqual(['0.03', '0.02', '0.02']);
    for (const { options } of seen) expect(options.map(({ name }) => name)).toContain('Content-Format');
  });

  it('B89, B90, F2 an instance that is created has the path that the device tells, and is deleted by it', async () => {
    const device = await started('instances');
    const { location } = await succeeds('instances', '2.01', { op: 'create', path: '/2', values: [
      { path: '/2/3/0', value: 3303 }, { path: '/2/3/1', value: 0 }, { path: '/2/3/3', value: 123 },
    ] });
    expect(location).toBe('/2/3');
    expect((await scene.rest.endpoint('instances'))?.objectLinks).toContainEqual({ path: '/2/3' });
    await succeeds('instances', '2.02', { op: 'delete', path: '/2/3' });
    expect((await scene.rest.endpoint('instances'))?.objectLinks).not.toContainEqual({ path: '/2/3' });
    expect((await command('instances', { op: 'delete', path: '/2/3' })).code).toBe('4.04');
    expect((await command('instances', { op: 'create', path: '/99', values: [{ path: '/99/0/0', value: 1, type: 'integer' }] })).code).toMatch(/^4\.0[45]$/);
    expect(await device.update({ lifetimeS: 600_000 })).toBe('2.04');
    expect((await scene.rest.endpoint('instances'))?.lifetimeS).toBe(600_000);
    expect(await device.deregister()).toBe('2.02');
  });

  it('B92 Discover asks for link format and shows attributes', async () => {
    const device = await started('discover');
    const seen = requestsTo(device);
    await succeeds('discover', '2.04', { op: 'write-attributes', path: '/3/0/9', attributes: { pmin: 10, pmax: 60 } });
    const { links, contentFormat } = await succeeds('discover', '2.05', { op: 'discover', path: '/3/0/9' });
    expect(contentFormat).toBe(40);
    expect(links).toContain('</3/0/9>;pmin=10;pmax=60');
    expect(seen.at(-1)?.options.map(({ name }) => name)).toContain('Accept');
    expect((await command('discover', { op: 'discover', path: '/77' })).code).toBe('4.04');
  });

  it('B93, B94, F23 many resources of many objects in one command', async () => {
    const device = await started('composite');
    const seen = requestsTo(device);
    const { values } = await succeeds('composite', '2.05', { op: 'read-composite', paths: ['/3/0/0', '/1/0/1', '/77/0/0'] });
    expect(values?.map(({ path }) => path).sort()).toEqual(['/1/0/1', '/3/0/0']);
    await succeeds('composite', '2.04', { op: 'write-composite', values: [{ path: '/1/0/5', value: 77 }, { path: '/3/0/15', value: 'Asia/Tokyo' }] });
    expect(await read('composite', '/1/0/5')).toEqual({ '/1/0/5': 77 });
    expect(seen.slice(0, 2).map(({ code, options }) => [code, options.some(({ name }) => name === 'Uri-Path')])).toEqual([['0.05', false], ['0.07', false]]);
  });

  it('B99, B100 an observation is cancelled by the same request, with the same token', async () => {
    const device = await started('cancel');
    const seen = requestsTo(device);
    await succeeds('cancel', '2.05', { op: 'observe-composite', paths: ['/3/0/9', '/1/0/1'] });
    await succeeds('cancel', '2.05', { op: 'cancel-observe-composite', paths: ['/3/0/9', '/1/0/1'] });
    await succeeds('cancel', '2.05', { op: 'observe', path: '/3/0/9' });
    await succeeds('cancel', '2.05', { op: 'cancel-observe', path: '/3/0/9' });
    const [start, stop, one, none] = seen;
    expect(stop?.token).toEqual(start?.token);
    expect(none?.token).toEqual(one?.token);
    expect(device.observations.list()).toEqual([]);
  });

  // From 50 ms on node-coap acknowledges first, and answers in a message of its own. RFC 7252 §5.2.2
  it.each([['with the acknowledgement', 20], ['separately', 200]])('B105 one request is out at a time, however many wait, answered %s', async (how, delayMs) => {
    const endpoint = `one-by-one ${how}`;
    const device = await started(endpoint);
    device.faults.delayMs = delayMs;
    const order = turnsOf(device);
    const ids = await Promise.all([0, 1, 2].map((id) => scene.rest.submit(endpoint, { op: 'read', path: `/3/0/${id}` })));
    for (const { id } of ids) await scene.heard(endpoint, eventTypes.commandResult, ({ data }) => (data as { id: string }).id === id);
    expect(order).toEqual(['request', 'answer', 'request', 'answer', 'request', 'answer']);
  });

  it('B108, Q13, F10 the trigger goes to the account with our short server id, and brings an Update', async () => {
    const device = await started('trigger');
    const account = Object.entries(await read('trigger', '/1')).find(([path]) => path.endsWith('/0'));
    expect(account).toEqual(['/1/0/0', 123]);
    const updated = once(device, 'updated');
    await execute('trigger', `${account?.[0].slice(0, -2)}/8`);
    await updated;
    await scene.heard('trigger', eventTypes.updated);
  });
});

describe('the device', () => {
  it('Q1 an endpoint has one registration, whatever form its name has', async () => {
    for (const name of ['urn:imei:490154203237518', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'urn:dev:ops:32473-R-1', 'name@example.org']) {
      const first = await started(name, { automatic: false });
      const second = await started(name);
      expect(await first.update()).toBe('4.04');
      expect((await scene.rest.endpoint(name))?.registrationId).toBe(second.location?.split('/').at(-1));
    }
  });

  it('Q3, Q6, Q30, F4 its state is read and observed: power, battery, memory, versions', async () => {
    const device = await started('diagnostics');
    expect(await read('diagnostics', '/3/0')).toMatchObject({
      '/3/0/3': '1.0', '/3/0/6/0': 1, '/3/0/6/1': 5, '/3/0/7/0': 3_800, '/3/0/8/1': 900, '/3/0/9': 100, '/3/0/10': 15, '/3/0/16': 'U',
    });
    await observed(device, 'diagnostics', { path: '/3/0/9' }, { path: '/3/0/7' });
    device.setValue('/3/0/9', 20);
    await told('diagnostics', '/3/0/9', 20);
  });

  it('Q7 an error is reported as it occurs, and reset', async () => {
    const device = await started('errors');
    await observed(device, 'errors', { path: '/3/0/11' });
    device.setValue('/3/0/11/0', 2);
    await told('errors', '/3/0/11/0', 2);
    device.once('executed', () => device.setValue('/3/0/11/0', 0));
    await execute('errors', '/3/0/12');
    await told('errors', '/3/0/11/0', 0);
    expect(await device.send(['/3/0/11'])).toBe('2.04');
  });

  it('Q8, F8 it is rebooted, and registers anew', async () => {
    const device = await started('reboot');
    const registered = once(device, 'registered');
    await execute('reboot', '/3/0/4');
    await registered;
    expect((await scene.rest.endpoint('reboot'))?.generation).toBe(2);
  });

  it('Q8 a reboot whose answer got lost is not asked for again once it has registered', async () => {
    const device = await started('rebooted', { automatic: false });
    const seen = requestsTo(device);
    device.faults.dropAcks(1);
    const executed = once(device, 'executed');
    const { id } = await scene.rest.submit('rebooted', { op: 'execute', path: '/3/0/4' });
    await executed;
    await device.register();
    const { data } = await scene.heard('rebooted', eventTypes.commandResult, (event) => (event.data as { id: string }).id === id);
    expect(data).toMatchObject({ state: 'outcome-unknown' });
    const executes = (): number => seen.filter(({ code }) => code === '0.02').length;
    const before = executes();
    expect(await read('rebooted', '/3/0/0')).toEqual({ '/3/0/0': 'Open Mobile Alliance' });
    expect(executes()).toBe(before);
  });

  it('Q9 it is reset, and its next Register is taken', async () => {
    const device = await started('factory');
    const executed = once(device, 'executed');
    await execute('factory', '/3/0/5');
    expect((await executed)[0]).toMatchObject({ path: [3, 0, 5] });
    await device.register();
    expect(await read('factory', '/3/0/0')).toEqual({ '/3/0/0': 'Open Mobile Alliance' });
  });

  it('Q10, F13 it is locked and wiped by object 8', async () => {
    const device = await started('lock');
    const targets: CommandRequest = { op: 'write', path: '/8/0/1', values: [{ path: '/8/0/1/0', value: 'contacts' }, { path: '/8/0/1/1', value: 'photos' }] };
    await succeeds('lock', '2.04', targets);
    await write('lock', '/8/0/0', 1);
    await succeeds('lock', '2.04', { op: 'write', path: '/8/0/4', values: [{ path: '/8/0/4/0', value: 'photos' }] });
    device.once('executed', () => device.setValue('/8/0/5', 4));
    await execute('lock', '/8/0/3');
    expect(await read('lock', '/8/0')).toEqual({ '/8/0/0': 1, '/8/0/2/0': 'contacts', '/8/0/2/1': 'photos', '/8/0/5': 4 });
    expect((await command('lock', { op: 'read', path: '/8/0/1' })).code).toBe('4.05');
  });

  it('Q32, Q34 what a resource does not allow is the device\'s to refuse', async () => {
    await started('access');
    const codes = await Promise.all([
      { op: 'write', path: '/3/0/0', value: 'x' }, { op: 'read', path: '/3/0/4' }, { op: 'execute', path: '/3/0/0' }, { op: 'delete', path: '/3/0' },
    ].map(async (what) => (await command('access', what as CommandRequest)).code));
    expect(codes).toEqual(['4.05', '4.05', '4.05', '4.05']);
  });

  it('Q37 its address is shown, also after it has moved', async () => {
    const device = await started('address');
    expect((await scene.rest.endpoint('address'))?.address).toBe(`udp:127.0.0.1:${device.localPort}`);
    await device.rebind();
    await device.update();
    expect((await scene.rest.endpoint('address'))?.address).toBe(`udp:127.0.0.1:${device.localPort}`);
  });
});

describe('objects of management', () => {
  it('F6 access control: rights are read, given and taken by object 2', async () => {
    await started('acl');
    expect(await read('acl', '/2/0')).toEqual({ '/2/0/0': 3, '/2/0/1': 0, '/2/0/2/123': 15, '/2/0/3': 123 });
    await succeeds('acl', '2.04', { op: 'write', path: '/2/0/2', values: [{ path: '/2/0/2/123', value: 31 }, { path: '/2/0/2/0', value: 1 }] });
    expect(await read('acl', '/2/0/2')).toEqual({ '/2/0/2/123': 31, '/2/0/2/0': 1 });
    expect((await command('acl', { op: 'write', path: '/2/0/0', value: 4 })).code).toBe('4.05');
  });

  it('Q12 software is installed and activated by object 9', async () => {
    const device = await started('software');
    const payload = Buffer.alloc(3_000, 7);
    const written = once(device, 'written');
    await succeeds('software', '2.04', { op: 'write', path: '/9/0/2', payloadBase64: payload.toString('base64'), contentFormat: 42 });
    expect(Buffer.from((await written)[0].payload)).toEqual(payload);
    device.setValue('/9/0/7', 3);
    device.once('executed', () => {
      device.setValue('/9/0/7', 4);
      device.setValue('/9/0/9', 2);
    });
    await execute('software', '/9/0/4');
    device.once('executed', () => device.setValue('/9/0/12', true));
    await execute('software', '/9/0/10');
    expect(await read('software', '/9/0')).toMatchObject({ '/9/0/0': 'app', '/9/0/7': 4, '/9/0/9': 2, '/9/0/12': true });
  });

  it('Q12, Q18, F5 connectivity is configured by objects 10, 11 and 12; keys go in and never come out', async () => {
    await started('connectivity');
    await write('connectivity', '/10/0/4', 86_400);
    await succeeds('connectivity', '2.04', { op: 'write', path: '/10/0/8', value: Buffer.from([0x05]).toString('base64') });
    await succeeds('connectivity', '2.04', { op: 'write-partial', path: '/11/0', values: [{ path: '/11/0/1', value: 'iot' }, { path: '/11/0/3', value: false }] });
    await write('connectivity', '/12/0/18', 'a key phrase');
    await write('connectivity', '/12/0/5', 'works');
    expect(await read('connectivity', '/10/0')).toMatchObject({ '/10/0/4': 86_400, '/10/0/8': 'BQ==', '/10/0/11/0': '11:0' });
    expect(await read('connectivity', '/11/0')).toMatchObject({ '/11/0/1': 'iot', '/11/0/3': false });
    const wlan = await read('connectivity', '/12/0');
    expect(wlan).toMatchObject({ '/12/0/5': 'works' });
    expect(wlan).not.toHaveProperty(['/12/0/18']);
    expect((await command('connectivity', { op: 'read', path: '/12/0/18' })).code).toBe('4.05');
  });

  it('Q26, Q27, Q28 connectivity is read and observed, with the cell', async () => {
    const device = await started('cell');
    expect(await read('cell', '/4/0')).toMatchObject({ '/4/0/0': 6, '/4/0/2': -92, '/4/0/4/0': '192.0.2.7', '/4/0/8': 12_345, '/4/0/9': 1, '/4/0/10': 262 });
    await observed(device, 'cell', { path: '/4/0' });
    device.setValue('/4/0/2', -101);
    await told('cell', '/4/0/2', -101);
  });

  it('Q38, F34 counters of objects 7 and 11 are exported: by events, and as last values with their times', async () => {
    const device = await started('counters');
    await execute('counters', '/7/0/6');
    await observed(device, 'counters', { path: '/7/0' }, { path: '/11/0' });
    device.setValue('/7/0/2', 42);
    await told('counters', '/7/0/2', 42);
    device.setValue('/11/0/13', 9_007_199_254_740_993n);
    const { data } = await told('counters', '/11/0/13', '9007199254740993');
    expect((data as ReportValue).values).toContainEqual(expect.objectContaining({ path: '/11/0/14', value: 2_000 }));
    await execute('counters', '/7/0/7');
    await expect.poll(async () => byPath({ values: await scene.rest.values('counters') })).toMatchObject({
      '/7/0/2': 42, '/11/0/13': '9007199254740993', '/11/0/14': 2_000, '/11/0/9/0': 1_700_000_000,
    });
    for (const { receivedAt } of await scene.rest.values('counters')) expect(Date.parse(receivedAt)).toBeGreaterThan(0);
  });

  it('F22 a configuration is taken before an upgrade and put back after it', async () => {
    const device = await started('upgrade');
    const paths = ['/1/0/5', '/1/0/6', '/10/0/4', '/11/0/1'];
    const { values = [] } = await succeeds('upgrade', '2.05', { op: 'read-composite', paths });
    for (const [path, value] of [['/1/0/5', 1], ['/1/0/6', false], ['/10/0/4', 0], ['/11/0/1', '']] as const) device.setValue(path, value);
    await succeeds('upgrade', '2.04', { op: 'write-composite', values: values.map(({ path, value, type }) => ({ path, value, type })) });
    const restored = await succeeds('upgrade', '2.05', { op: 'read-composite', paths });
    expect(byPath(restored)).toEqual({ '/1/0/5': 86_400, '/1/0/6': true, '/10/0/4': 3_600, '/11/0/1': 'internet' });
  });
});

describe('reporting', () => {
  it('Q19, Q22 by period: pmax brings a value that did not change', async () => {
    const device = await started('period');
    await observed(device, 'period', { path: '/3/0/9', attributes: { pmin: 0, pmax: 1 } });
    for (let i = 0; i < 2; i++) await once(device, 'notified');
    await expect.poll(() => scene.told('period', eventTypes.notification).length).toBeGreaterThan(2);
  });

  it('Q20, Q21, Q24, F37 by thresholds, until they are unset', async () => {
    const device = await started('threshold');
    await observed(device, 'threshold', { path: '/3303/0/5700', attributes: { gt: 30 } });
    device.setValue('/3303/0/5700', 25);
    device.setValue('/3303/0/5700', 31);
    await told('threshold', '/3303/0/5700', 31);
    await succeeds('threshold', '2.04', { op: 'write-attributes', path: '/3303/0/5700', attributes: { gt: null, lt: 10 } });
    device.setValue('/3303/0/5700', 12);
    device.setValue('/3303/0/5700', 9);
    await told('threshold', '/3303/0/5700', 9);
    await succeeds('threshold', '2.04', { op: 'write-attributes', path: '/3303/0/5700', attributes: { lt: null, st: 5 } });
    device.setValue('/3303/0/5700', 13);
    device.setValue('/3303/0/5700', 14);
    await told('threshold', '/3303/0/5700', 14);
    await succeeds('threshold', '2.04', { op: 'write-attributes', path: '/3303/0/5700', attributes: { st: null } });
    device.setValue('/3303/0/5700', 15);
    await told('threshold', '/3303/0/5700', 15);
    const all = scene.told('threshold', eventTypes.notification);
    expect([25, 12, 13].filter((value) => all.some(reports('/3303/0/5700', value)))).toEqual([]);
  });

  it('F12 an observation brings its value, then each change, and ends when nobody wants it', async () => {
    const device = await started('radio');
    const { values } = await succeeds('radio', '2.05', { op: 'observe', path: '/4/0/2' });
    expect(values).toMatchObject([{ path: '/4/0/2', value: -92 }]);
    device.setValue('/4/0/2', -80);
    await told('radio', '/4/0/2', -80);
    const cancelled = once(device, 'cancelled');
    await scene.rest.observe('radio', []);
    await cancelled;
    expect(device.observations.list()).toEqual([]);
  });
});

describe('use cases', () => {
  it('F36, Q11, Q33, Q35 streetlights are switched one by one and together, and their states are read', async () => {
    const names = ['lamp-1', 'lamp-2', 'lamp-3'];
    for (const name of names) await started(name);
    await write('lamp-1', '/3311/0/5850', true);
    expect(await read('lamp-1', '/3311/0/5850')).toEqual({ '/3311/0/5850': true });
    for (const name of names) await scene.rest.setLabels(name, { street: 'elm' });
    await scene.rest.put('/groups/elm', { labels: { street: 'elm' }, object: '/3311' });
    // The directory follows the registrations.
    await expect.poll(() => scene.rest.get('/groups/elm/endpoints?limit=10')).toEqual({ endpoints: names });
    const dim: CommandRequest = { op: 'write-partial', path: '/3311/0', values: [{ path: '/3311/0/5850', value: true }, { path: '/3311/0/5851', value: 40 }] };
    await carriedOut({ target: { group: 'elm' }, commands: [dim] }, names.length);
    for (const name of names) expect(await read(name, '/3311')).toEqual({ '/3311/0/5850': true, '/3311/0/5851': 40, '/3311/0/5852': 0 });
  });

  it('F37 air conditioning of a site is switched together, and reports above a threshold', async () => {
    const names = ['cooler-1', 'cooler-2'];
    const coolers = await Promise.all(names.map((name) => started(name)));
    for (const name of names) await scene.rest.setLabels(name, { kind: 'hvac' });
    await scene.rest.putTemplate('hvac', { match: { labels: { kind: 'hvac' } }, observations: [{ path: '/3303/*/5700', attributes: { gt: 28 } }] });
    await expect.poll(() => scene.rest.get('/observation-templates/hvac/totals'), { timeout: 40_000, interval: 1_000 }).toMatchObject({ endpoints: 2, observed: 2 });
    await carriedOut({ target: { labels: { kind: 'hvac' } }, commands: [{ op: 'write', path: '/3311/0/5850', value: true }] }, names.length);
    for (const [i, cooler] of coolers.entries()) {
      expect(await read(names[i] ?? '', '/3311/0/5850')).toEqual({ '/3311/0/5850': true });
      cooler.setValue('/3303/0/5700', 27);
      cooler.setValue('/3303/0/5700', 29);
      await told(names[i] ?? '', '/3303/0/5700', 29);
      expect(scene.told(names[i] ?? '', eventTypes.notification).some(reports('/3303/0/5700', 27))).toBe(false);
    }
  });

  it('F39, Q39 a set of devices is suspended, and all return by themselves', async () => {
    const names = ['low-1', 'low-2', 'low-3'];
    const suspended = await Promise.all(names.map((name) => started(name)));
    const back = Promise.all(suspended.map((device) => once(device, 'registered')));
    const suspend: CommandRequest[] = [{ op: 'write', path: '/1/0/5', value: 2 }, { op: 'execute', path: '/1/0/4' }];
    await carriedOut({ target: { endpoints: names }, commands: suspend }, names.length);
    for (const name of names) await scene.heard(name, eventTypes.disabled);
    await back;
    for (const name of names) {
      await expect.poll(async () => (await scene.rest.endpoint(name))?.presence.state).toBe('awake');
      expect(scene.told(name, eventTypes.expired).length + scene.told(name, eventTypes.overdue).length).toBe(0);
    }
  });
});
