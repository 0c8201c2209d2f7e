/** What is desired of a device is brought back, whatever made it get lost: by the device, by a worker, or on the way. */
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Edge } from './edge.ts';
import { openHarness, type Harness } from './testing/harness.ts';

const PATH = '/3303/0/5700';
const SOON = { timeout: 15_000, interval: 50 };

let harness: Harness;
let edge: Edge;
let device: SimulatedDevice;
/** Requests that the device answered, as text. */
let requests: string[];

beforeEach(async () => {
  harness = await openHarness();
  edge = await started();
  device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${edge.coapPort}` });
  requests = [];
  device.on('request', ({ operation, path, code }) => requests.push(`${operation} /${path.join('/')} ${code}`));
});

afterEach(async () => {
  device.kill();
  await harness.close();
});

async function started(env: Record<string, string> = {}): Promise<Edge> {
  const fresh = await harness.start(env);
  await vi.waitFor(() => expect(fresh.readiness()).toBe('ready'), SOON);
  return fresh;
}

async function observed(): Promise<Buffer> {
  await device.start();
  await harness.northbound.setObservations('demo', [{ path: PATH }]);
  return vi.waitFor(live, SOON);
}

/** The token that the device holds and the server knows, by which a notification is told. */
async function live(): Promise<Buffer> {
  expect(await harness.northbound.observations('demo')).toMatchObject([{ path: PATH, state: 'active' }]);
  const tokens = device.observations.list().map(({ token }) => token);
  expect(tokens).toHaveLength(1);
  const [token] = tokens;
  if (token === undefined) throw new Error('nothing is observed');
  return token;
}

async function expectReports(value: number): Promise<void> {
  device.setValue(PATH, value);
  await harness.event((e) => e.type === 'lwm2m.notification' && JSON.stringify(e.data['values']).includes(String(value)));
}

const value = (n: number) => ({ contentFormat: 0, payload: Buffer.from(String(n)) });

describe('an observation that got lost', () => {
  it('by a reboot is made again, with another token', async () => {
    const old = await observed();
    device.kill();
    await device.start();
    await vi.waitFor(async () => expect((await live()).equals(old)).toBe(false), SOON);
    await expectReports(31.25);
  });

  it('lives on when another worker comes in the place of its own: the device reports by the same token, and is asked for nothing', async () => {
    const token = await observed();
    await edge.close();
    edge = await started({ LWM2M_COAP_PORT: String(edge.coapPort) });
    requests.length = 0;
    await expectReports(32.25);
    expect((await live()).equals(token)).toBe(true);
    expect(requests).toEqual([]);
  });

  it('an older registration\'s token is rejected by RST, and the live one is renewed, once', async () => {
    const old = await observed();
    device.kill();
    await device.start();
    const token = await vi.waitFor(live, SOON);
    requests.length = 0;
    expect(await device.notifyRaw({ token: old, ...value(1) })).toBe('reset');
    expect(await device.notifyRaw({ token: old, ...value(2) })).toBe('reset');
    await vi.waitFor(() => expect(requests).toEqual([`observe ${PATH} 2.05`]), SOON);
    expect((await vi.waitFor(live, SOON)).equals(token)).toBe(true);
    await expectReports(34.25);
  });

  it('a cancel that got lost is made up for: the next report is rejected', async () => {
    const token = await observed();
    let lost = 0;
    device.faults.loseIncoming = ({ code }) => code === '0.01' && ++lost > 0;
    await harness.northbound.setObservations('demo', []);
    await vi.waitFor(() => expect(lost).toBeGreaterThan(0), SOON);
    expect(await device.notifyRaw({ token, ...value(3) })).toBe('reset');
  });
});

describe('attributes', () => {
  it('that the device refuses are told, and the path is observed without them', async () => {
    device.faults.refuse('write-attributes', '4.00');
    await device.start();
    await harness.northbound.setObservations('demo', [{ path: PATH, attributes: { pmin: 1 } }]);
    const refused = [{ path: PATH, attributes: { pmin: 1 }, attributesCode: '4.00', state: 'active' }];
    await vi.waitFor(async () => expect(await harness.northbound.observations('demo')).toEqual(refused), SOON);
  });

  it('that are gone are unset at the device', async () => {
    await device.start();
    await harness.northbound.setObservations('demo', [{ path: PATH, attributes: { pmin: 1, pmax: 60 } }]);
    await vi.waitFor(live, SOON);
    await harness.northbound.setObservations('demo', [{ path: PATH, attributes: { pmin: 2 } }]);
    await vi.waitFor(live, SOON);
    const { response } = await harness.command('demo', { op: 'discover', path: PATH });
    expect(response?.links).toMatch(/pmin=2/);
    expect(response?.links).not.toMatch(/pmax/);
  });
});

describe('Mute Send', () => {
  it('is written when it is desired, again after a Register, and a Send is taken all the same', async () => {
    await device.start();
    await harness.northbound.setProfile('demo', { settings: { muteSend: true } });
    const muted = { desired: true, state: 'active' };
    await vi.waitFor(async () => expect((await harness.northbound.endpoint('demo'))?.muteSend).toEqual(muted), SOON);
    expect(device.getValue('/1/0/23')).toBe(true);
    expect(await device.sendValues([{ path: [3303, 0, 5700], type: 'float', value: 7.5 }])).toBe('2.04');
    expect((await harness.event((e) => e.type === 'lwm2m.send')).data['values']).toMatchObject([{ value: 7.5 }]);
    requests.length = 0;
    await device.register();
    await vi.waitFor(() => expect(requests).toEqual(['write /1/0/23 2.04']), SOON);
    await harness.northbound.setProfile('demo', { settings: { muteSend: false } });
    await vi.waitFor(() => expect(device.getValue('/1/0/23')).toBe(false), SOON);
  });

  it('shows the code of a device that refuses', async () => {
    device.faults.refuse('write', '4.01');
    await device.start();
    await harness.northbound.setProfile('demo', { settings: { muteSend: true } });
    const refused = { desired: true, state: 'refused', code: '4.01' };
    await vi.waitFor(async () => expect((await harness.northbound.endpoint('demo'))?.muteSend).toEqual(refused), SOON);
  });
});
