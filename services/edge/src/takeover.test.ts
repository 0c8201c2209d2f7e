/** Workers in one process and a device with a Connection ID between them. */
import { encodeUtf8 } from '@cluster/bytes';
import { Code, OptionNumber } from '@cluster/coap';
import { StoreUnavailable } from '@cluster/session';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Harness } from './testing/harness.ts';
import { SecureDevice } from './testing/secure-device.ts';
import { openSecureScene, type SecureScene, type SecureWorker } from './testing/secure-scene.ts';

const ENDPOINT = 'secured';
const KEY = '00112233445566778899aabbccddeeff';
const PSK = { identity: encodeUtf8('id'), key: Buffer.from(KEY, 'hex') };
const UPDATE = { code: Code.POST };

let scene: SecureScene;
let harness: Harness;
let device: SecureDevice;
let workers: SecureWorker[];
let ports: number[];
let location: string[];

beforeEach(async () => {
  scene = await openSecureScene();
  ({ harness } = scene);
  await scene.desk.set(ENDPOINT, { psk: { identity: 'id', keyHex: KEY } });
  workers = [await scene.start(), await scene.start()];
  ports = workers.map(({ port }) => port);
  device = await SecureDevice.connect(ports[0]!, { psk: PSK });
  location = await register();
});

async function register(): Promise<string[]> {
  const created = await device.request({ code: Code.POST, path: ['rd'], query: [`ep=${ENDPOINT}`, 'lt=300', 'lwm2m=1.1'], payload: '</3/0>' });
  expect(created.code).toBe(Code.CREATED);
  return created.options.map(({ value }) => new TextDecoder().decode(value));
}

afterEach(async () => {
  device.close();
  await harness.close();
});

/** The endpoint as operators see it. */
async function view() {
  const found = await harness.northbound.endpoint(ENDPOINT);
  if (found === undefined) throw new Error('unknown');
  return found as typeof found & { owner: string; updatedAt: string };
}

const counted = (worker: number, name: string): number => workers[worker]!.counted(name);

describe('a device that reaches another worker', () => {
  it('goes on with its association and its registration, and is asked from there (rows B8, Q16)', async () => {
    const { owner } = await view();
    device.port = ports[1]!;
    expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
    expect((await view()).owner).not.toBe(owner);
    expect(counted(1, 'lwm2m_dtls_takeovers_total')).toBe(1);
    expect(counted(1, 'lwm2m_dtls_handshakes_total')).toBe(0);
    const answered = harness.command(ENDPOINT, { op: 'read', path: '/3/0/0', accept: 0 });
    const read = await device.until(() => device.received.find(({ code }) => code === Code.GET));
    device.answer(read, Code.CONTENT, 'maker');
    expect(await answered).toMatchObject({ state: 'done', response: { code: '2.05' } });
  });

  it('and back again: the first one takes it over from the second', async () => {
    for (const port of [ports[1]!, ports[0]!, ports[1]!]) {
      device.port = port;
      expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
    }
  });

  it('suffers no second effect of records that somebody sends once more (rows B3, Q42)', async () => {
    const update = device.records.length;
    await device.request({ ...UPDATE, path: location });
    for (const lifetime of [400, 500, 600]) await device.request({ ...UPDATE, path: location, query: [`lt=${lifetime}`] });
    device.port = ports[1]!;
    for (const record of device.records.slice(update, update + 2)) await device.replay(record);
    await vi.waitFor(() => expect(counted(1, 'lwm2m_dtls_records_dropped_total{reason="replayed"}')).toBeGreaterThan(0), 5_000);
    expect(counted(1, 'lwm2m_dtls_takeovers_total')).toBe(0);
    for (const record of device.records.slice(update, update + 2)) await device.sendRaw(record);
    await vi.waitFor(() => expect(counted(1, 'lwm2m_dtls_unsure_requests_total')).toBe(2), 5_000);
    expect(await view()).toMatchObject({ state: 'registered', lifetimeS: 600 });
    // The device itself goes on from its own address.
    expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
  });
});

describe('a store that', () => {
  const deviceSlot = async () => {
    const [number] = await harness.sessions.resolve([ENDPOINT]);
    const [slot] = await harness.store.loadSlots([number!]);
    return { number: number!, slot: slot! };
  };
  const closed = (reason: string) => counted(0, `lwm2m_dtls_closed_total{reason="${reason}"}`);

  it('does not answer for a moment takes no association from its worker', async () => {
    const commitSlots = vi.spyOn(harness.store, 'commitSlots').mockRejectedValueOnce(new StoreUnavailable('away'));
    expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
    expect(commitSlots.mock.calls.length).toBeGreaterThan(1);
    expect([counted(0, 'lwm2m_dtls_takeovers_total'), closed('discarded')]).toEqual([0, 0]);
  });

  it('forgot a write of an association ends it: its device shakes hands again', async () => {
    const before = await deviceSlot();
    expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
    const { number, slot } = await deviceSlot();
    await harness.store.commitSlots([{ number, expected: slot.version, ...before.slot, ttlMs: 60_000 }]);
    device.send({ ...UPDATE, path: location });
    await vi.waitFor(() => expect(counted(0, 'lwm2m_dtls_abandoned_total')).toBe(1), 5_000);
    expect(device.received.at(-1)?.code).toBe(Code.CHANGED); // of the first one
    device.close();
    device = await SecureDevice.connect(ports[1]!, { psk: PSK });
    expect((await device.request({ ...UPDATE, path: location })).code).toBe(Code.CHANGED);
  });
});

it('a device that takes small records gets large values in blocks that fit (rows B5, B7)', async () => {
  device.close();
  device = await SecureDevice.connect(ports[0]!, { psk: PSK, maxFragmentLength: 512 });
  await register();
  const written = harness.command(ENDPOINT, { op: 'write', path: '/3/0/15', value: 'x'.repeat(700) });
  const lengths: number[] = [];
  for (let block = 0; block < 3; block++) {
    const put = await device.until(() => device.received.filter(({ code }) => code === Code.PUT)[block]);
    lengths.push(put.payload.length);
    device.answer(put, block < 2 ? Code.CONTINUE : Code.CHANGED, '', put.options.filter(({ number }) => number === OptionNumber.BLOCK1));
  }
  expect(lengths).toEqual([256, 256, 188]);
  expect(await written).toMatchObject({ state: 'done', response: { code: '2.04' } });
});

it('a revoked credential ends its association at every worker, and nothing is taken over', async () => {
  await scene.desk.remove(ENDPOINT, 'all');
  expect(await device.until(() => device.alerts[0])).toBe(49);
  expect((await scene.security.store.loadSlots([(await harness.sessions.resolve([ENDPOINT]))[0]!]))[0]).toBeDefined();
  await device.replay(device.records[0]!, ports[1]!);
  await vi.waitFor(() => expect(counted(1, 'lwm2m_dtls_records_dropped_total{reason="unknown-cid"}')).toBe(1), 5_000);
});

describe('a credential that was replaced', () => {
  const NEXT = { identity: encodeUtf8('next'), key: Buffer.from(`${KEY}00`, 'hex') };
  const identities = async () => (await scene.desk.list(ENDPOINT))!.map(({ identity }) => identity);

  it('ends when the device registered with the new one, not when it shook hands with it', async () => {
    await scene.desk.set(ENDPOINT, { psk: { identity: 'next', keyHex: `${KEY}00` } });
    device.close();
    device = await SecureDevice.connect(ports[0]!, { psk: NEXT });
    // Whatever the device asks for before, it may not be able to register.
    expect((await device.request({ ...UPDATE, path: ['rd', 'unknown'] })).code).toBe(Code.NOT_FOUND);
    expect(await identities()).toEqual(['id', 'next']);
    await register();
    await vi.waitFor(async () => expect(await identities()).toEqual(['next']), 5_000);
  });

  it('ends also when another worker than that of the handshake takes the Register', async () => {
    await scene.desk.set(ENDPOINT, { psk: { identity: 'next', keyHex: `${KEY}00` } });
    device.close();
    device = await SecureDevice.connect(ports[0]!, { psk: NEXT });
    device.port = ports[1]!;
    await register();
    await vi.waitFor(async () => expect(await identities()).toEqual(['next']), 5_000);
  });

  it('of the bootstrap server opens no edge, and bootstrapping ends nothing here (row B19)', async () => {
    await scene.desk.set(ENDPOINT, { psk: { identity: 'next', keyHex: `${KEY}00` }, role: 'bootstrap' });
    const stranger = await SecureDevice.greet(ports[0]!, { psk: NEXT });
    await vi.waitFor(() => expect(counted(0, 'lwm2m_dtls_peers_refused_total{reason="identity-unknown"}')).toBe(1), 5_000);
    expect(stranger.connected).toBe(false);
    stranger.close();
    await register();
    expect(await identities()).toEqual(['id', 'next']);
  });
});
