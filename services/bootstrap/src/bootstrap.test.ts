/** The bootstrap service in one process with a device on node-coap: sessions, what is refused, and what the flight recorder shows. */
import { BootstrapClient, type BootstrapClientOptions } from '@cluster/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunningBootstrap } from './index.ts';
import { Harness, PROVISION } from './testing/harness.ts';

const SENML_CBOR = 112;
const TLV = 11_542;

const harness = new Harness();
let first: RunningBootstrap;
let service: RunningBootstrap;
let clients: BootstrapClient[];
/** Of the device of this test. */
let endpoint: string;
let tests = 0;

beforeAll(async () => void (first = await harness.start()));
afterAll(() => harness.close());

beforeEach(() => {
  service = first;
  endpoint = `meter-${++tests}`;
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await harness.reset();
});

async function device(options: Partial<BootstrapClientOptions> = {}): Promise<BootstrapClient> {
  const client = await BootstrapClient.open({ endpoint, port: service.coapPort!, ...options });
  clients.push(client);
  return client;
}

/** The newest session of the endpoint, once there are so many. */
async function session(count = 1) {
  return vi.waitFor(async () => {
    const sessions = await harness.sessionsOf(endpoint);
    expect(sessions).toHaveLength(count);
    return sessions[0]!;
  }, 5_000);
}

/** The sessions of this test's device that are listed with an outcome. */
async function listed(outcome: string) {
  return (await harness.sessions(`?outcome=${outcome}`)).filter((each) => each.endpoint === endpoint);
}

async function bootstrapped(options: Partial<BootstrapClientOptions> = {}) {
  const client = await device(options);
  const finished = client.finished();
  expect((await client.request()).code).toBe('2.04');
  await finished;
  return client;
}

describe('a device that asks', () => {
  it('is answered first, then written what it is to have, and finished; all of it is recorded and told (rows B67, F1)', async () => {
    const client = await bootstrapped({ instances: ['/0/0', '/0/3', '/1/3', '/3/0'], preferredFormat: SENML_CBOR });
    expect(client.commands.map(({ operation, path }) => `${operation} ${path}`)).toEqual(['discover /', 'delete /', 'write /0/1', 'write /1/0', 'finish /bs']);
    expect([...client.instances]).toEqual(['/0/0', '/0/1', '/1/0']);
    expect(client.written.get('/1/0')!.contentFormat).toBe(SENML_CBOR);
    const view = await session();
    expect(view).toMatchObject({ outcome: 'finished', configuration: 'meters', revision: 4, lwm2mVersion: '1.1', address: expect.stringMatching(/^udp:127\.0\.0\.1:/) });
    expect(view.steps.map(({ operation, code }) => `${operation} ${code}`)).toEqual(['request 2.04', 'discover 2.05', 'delete 2.02', 'write 2.04', 'write 2.04', 'finish 2.04']);
    expect(await harness.get(`/api/v1/endpoints/${endpoint}/bootstrap/sessions/${view.id}`)).toEqual(view);
    await vi.waitFor(() => expect(harness.told).toMatchObject([{ type: 'lwm2m.bootstrap.ended', tenant: 'default', data: { id: view.id, outcome: 'finished' } }]), 5_000);
    expect(harness.finished).toMatchObject([{ endpoint, number: 'NUMBER01', outcome: 'finished' }]);
    expect(harness.asked).toMatchObject([{ endpoint, preferredFormat: SENML_CBOR, version: '1.1' }]);
  });

  it('of 1.0, which names no format, is written in TLV', async () => {
    const client = await bootstrapped({ version: '1.0' });
    expect([...client.written.values()].map(({ contentFormat }) => contentFormat)).toEqual([TLV, TLV]);
  });

  it('gets large values in blocks', async () => {
    const certificate = { path: '/0/1', resources: [{ id: 3, type: 'opaque', value: new Uint8Array(3_000).fill(7) }] } as const;
    harness.prepare = ({ endpoint = '' }) => ({ kind: 'provision', endpoint, number: 'NUMBER01', provision: { ...PROVISION, writes: [certificate] } });
    const client = await bootstrapped();
    expect(client.written.get('/0/1')!.payload.length).toBeGreaterThan(3_000);
    expect((await session()).steps.find(({ operation }) => operation === 'write')).toMatchObject({ code: '2.04', values: [{ path: '/0/1/3', value: '…' }] });
  });

  it('for a pack gets all at once, in the format that it accepts', async () => {
    const client = await device();
    const answer = await client.send({ method: 'GET', path: ['bspack'], query: [`ep=${endpoint}`] });
    expect(answer.code).toBe('2.05');
    expect(answer.payload.length).toBeGreaterThan(50);
    expect(await session()).toMatchObject({ outcome: 'finished', lwm2mVersion: '1.2', steps: [{ operation: 'pack', code: '2.05', contentFormat: SENML_CBOR }] });
    expect(client.commands).toEqual([]);
  });
});

describe('what is refused', () => {
  const refused = async (request: Parameters<BootstrapClient['send']>[0]) => (await (await device()).send(request)).code;

  it.each([
    ['unknown-endpoint', '4.00'], ['wrong-identity', '4.00'], ['no-configuration', '4.00'],
  ] as const)('%s (rows B19, B67)', async (kind, code) => {
    harness.prepare = () => ({ kind, detail: 'because' });
    expect(await refused({ method: 'POST', path: ['bs'], query: [`ep=${endpoint}`] })).toBe(code);
    await vi.waitFor(async () => expect(await listed('failed')).toMatchObject([{ reason: kind, detail: 'because' }]), 5_000);
    expect(await harness.sessionsOf(endpoint)).toEqual([]);
    expect(harness.finished).toEqual([]);
  });

  it('a device in quarantine is told when to come', async () => {
    harness.prepare = () => ({ kind: 'quarantined', detail: 'too often', retryAfterS: 600 });
    expect(await (await device()).request()).toMatchObject({ code: '5.03', maxAgeS: 600 });
  });

  it('a fault of ours is none of the device: it comes again', async () => {
    harness.prepare = () => Promise.reject(new Error('the store is away'));
    const answer = await (await device()).request();
    expect(answer.code).toBe('5.03');
    expect(answer.maxAgeS).toBeGreaterThan(0);
  });

  it.each([
    ['POST', 'bs', ['ep=a', 'ep=b'], '4.00'], ['POST', 'bs', ['ep=a', 'pct=60'], '4.15'], ['GET', 'bs', ['ep=a'], '4.05'],
    ['POST', 'bspack', ['ep=a'], '4.05'], ['POST', 'rd', ['ep=a'], '4.04'],
  ] as const)('%s /%s?%s', async (method, path, query, code) => {
    expect(await refused({ method, path: [path], query })).toBe(code);
    expect(harness.asked).toEqual([]);
  });

  it('EST where no certificates are issued, or without security', async () => {
    expect(await refused({ method: 'GET', path: ['.well-known', 'est', 'crts'] })).toBe('4.04');
  });
});

describe('a device that answers', () => {
  it.each([
    ['delete', '4.00', 'delete-refused'], ['write', '4.01', 'write-refused'], ['finish', '4.06', 'inconsistent'], ['finish', '4.00', 'finish-refused'],
  ])('%s with %s ends its session with the reason', async (operation, code, reason) => {
    await bootstrapped({ answers: (command) => (command.operation === operation ? code : undefined) });
    expect(await session()).toMatchObject({ outcome: 'failed', reason });
    expect(harness.finished).toMatchObject([{ outcome: 'failed', reason }]);
  });

  it('nothing any more is given up, and may come again', async () => {
    service = await harness.start({ LWM2M_MAX_TRANSMIT_WAIT_S: '1' });
    const client = await device({ answers: ({ operation }) => (operation === 'write' ? 'silence' : undefined) });
    expect((await client.request()).code).toBe('2.04');
    expect(await session()).toMatchObject({ outcome: 'failed', reason: 'no-answer' });
    await bootstrapped();
    expect(await session(2)).toMatchObject({ outcome: 'finished' });
  });
});

describe('a device that asks twice', () => {
  it('has one session: the newer one', async () => {
    const hung = await device({ answers: ({ operation }) => (operation === 'discover' ? 'silence' : undefined) });
    expect((await hung.request()).code).toBe('2.04');
    await bootstrapped();
    const sessions = await vi.waitFor(async () => {
      const found = await harness.sessionsOf(endpoint);
      expect(found).toHaveLength(2);
      return found;
    }, 5_000);
    expect(sessions.map(({ outcome }) => outcome).sort()).toEqual(['finished', 'replaced']);
  });

  it('also where it reaches another process', async () => {
    const hung = await device({ answers: ({ operation }) => (operation === 'discover' ? 'silence' : undefined) });
    expect((await hung.request()).code).toBe('2.04');
    service = await harness.start();
    await bootstrapped();
    await vi.waitFor(async () => expect((await harness.sessionsOf(endpoint)).map(({ outcome }) => outcome).sort()).toEqual(['finished', 'replaced']), 5_000);
  });
});

describe('a session whose process ends', () => {
  it('in order is kept as far as it came', async () => {
    service = await harness.start();
    const hung = await device({ answers: ({ operation }) => (operation === 'write' ? 'silence' : undefined) });
    expect((await hung.request()).code).toBe('2.04');
    await vi.waitFor(() => expect(hung.commands.map(({ operation }) => operation)).toContain('write'), 5_000);
    expect(await listed('running')).toMatchObject([{ outcome: 'running', configuration: 'meters' }]);
    await service.close();
    const view = (await harness.sessionsOf(endpoint))[0]!;
    expect(view).toMatchObject({ outcome: 'cut', steps: [{ operation: 'request' }, { operation: 'discover' }, { operation: 'delete' }, { operation: 'write' }] });
    await vi.waitFor(() => expect(harness.told).toMatchObject([{ data: { id: view.id, outcome: 'cut' } }]), 5_000);
  });

  it('without a word is found by others when no client waits any more', async () => {
    const startedMs = Date.now();
    const killed = (agoMs: number) => {
      const atMs = startedMs - agoMs;
      const view = { id: `${atMs.toString(16).padStart(12, '0')}-00000001`, endpoint, outcome: 'running', startedAt: new Date(atMs).toISOString(), address: 'udp:127.0.0.1:5', steps: [] };
      return { id: view.id, record: JSON.stringify({ view, number: 'NUMBER01' }) };
    };
    for (const agoMs of [200_000, 248_000]) await harness.store.openBootstrapSession(killed(agoMs), 10);
    await harness.start();
    expect(await session()).toMatchObject({ outcome: 'cut', detail: 'its process ended before it', id: killed(248_000).id });
    expect([await listed('running'), await listed('cut')]).toMatchObject([[{ id: killed(200_000).id }], [{ id: killed(248_000).id }]]);
  });
});

it('serves no more sessions at a time than it may', async () => {
  service = await harness.start({ LWM2M_BOOTSTRAP_MAX_SESSIONS: '1' });
  const hung = await device({ answers: () => 'silence' });
  expect((await hung.request()).code).toBe('2.04');
  expect((await (await device({ endpoint: `${endpoint}-other` })).request()).code).toBe('5.03');
});
