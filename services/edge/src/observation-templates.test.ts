/** Observation templates as devices and operators see them: on a worker with embedded storage. */
import type { ObservationTemplate } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeSession, type SessionStore } from '@cluster/session';
import type { EdgeDeps } from './assemble.ts';
import type { Edge } from './edge.ts';
import { openHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let edge: Edge;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
});

afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

/** The store, which notes what is asked of it, and what the sessions that it takes demand to be observed. */
function recorded(sessions: SessionStore, calls: string[]): SessionStore {
  const note = (name: string, [first]: unknown[]): string => {
    if (name !== 'commit') return name;
    const demanded = (first as { session?: { record: Uint8Array } }[]).flatMap(({ session }) =>
      session === undefined ? [] : decodeSession(session.record).observations.flatMap(({ paths }) => paths),
    );
    return `commit demanding ${demanded.join() || 'nothing'}`;
  };
  return new Proxy(sessions, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...parameters: unknown[]): unknown => {
        calls.push(note(String(name), parameters));
        return member.apply(target, parameters);
      };
    },
  });
}

async function started(env: Record<string, string> = {}, change?: (deps: EdgeDeps) => EdgeDeps): Promise<void> {
  edge = await harness.start(env, change);
  await vi.waitFor(() => expect(edge.readiness()).toBe('ready'), { timeout: 5_000 });
}

async function registered(endpoint = 'demo', options: Partial<ConstructorParameters<typeof SimulatedDevice>[0]> = {}): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${edge.coapPort}`, ...options });
  devices.push(device);
  await device.start();
  return device;
}

async function put(name: string, template: ObservationTemplate): Promise<void> {
  expect((await harness.northbound.templates.put(name, template)).outcome).toBe('stored');
}

/** What REST shows of an endpoint's observations, as text. */
async function seen(endpoint = 'demo'): Promise<string[]> {
  const list = (await harness.northbound.observations(endpoint)) ?? [];
  return list.map(({ path, paths, state, from }) => `${from ?? 'own'} ${path ?? paths?.join(' ')} ${state}`);
}

const observedAt = (device: SimulatedDevice) => device.observations.list().map(({ paths }) => paths.map((path) => `/${path.join('/')}`).join(' '));

const becomes = (observations: string[], endpoint = 'demo') =>
  vi.waitFor(async () => expect(await seen(endpoint)).toEqual(observations), { timeout: 15_000, interval: 100 });

describe('templates', () => {
  it('what a template wants is observed at a device that registers, and told', async () => {
    await put('temperature', { match: { object: '/3303' }, observations: [{ path: '/3303/*/5700' }, { path: '/9/*/1' }] });
    await started();
    const device = await registered();
    await becomes(['template:temperature /3303/0/5700 active']);
    const [shown] = await harness.northbound.observedFor('temperature', ['demo', 'nobody']);
    expect(shown).toEqual({ endpoint: 'demo', wanted: 0, active: 1, refused: 0 });
    expect(await harness.northbound.observedFor('other', ['demo'])).toEqual([]);
    device.setValue('/3303/0/5700', 33.5);
    const told = await harness.event((e) => e.type === 'lwm2m.notification' && JSON.stringify(e.data['values']).includes('33.5'));
    expect(told.data).toMatchObject({ paths: ['/3303/0/5700'] });
  });

  it('what no worker has brought to a device yet is shown as wanted there', async () => {
    await started();
    await registered();
    await edge.close();
    await put('temperature', { match: { object: '/3303' }, observations: [{ path: '/3303/*/5700' }] });
    expect(await harness.northbound.observedFor('temperature', ['demo'])).toEqual([{ endpoint: 'demo', wanted: 1, active: 0, refused: 0 }]);
  });

  it('a Register costs no call of the store more than without templates, and stores what they want in its one write', async () => {
    const calls: string[] = [];
    const counted = (deps: EdgeDeps): EdgeDeps => ({ ...deps, sessions: recorded(deps.sessions, calls) });
    await started({}, counted);
    // Up to the write, from which on the Register is answered.
    const callsOfRegister = async (endpoint: string): Promise<string[]> => {
      calls.length = 0;
      const device = await registered(endpoint);
      const made = calls.slice(0, calls.findIndex((call) => call.startsWith('commit')) + 1);
      device.kill();
      return made;
    };
    const without = await callsOfRegister('without');
    await put('temperature', { match: { endpointPattern: 'with' }, observations: [{ path: '/3303/*/5700' }] });
    await edge.close();
    await started({}, counted);
    expect(without).toEqual(['claim', 'commit demanding nothing']);
    expect(await callsOfRegister('with')).toEqual(['claim', 'commit demanding /3303/0/5700']);
  });

  it('a template that comes, changes and goes is brought to devices that are registered', async () => {
    await started();
    const device = await registered();
    await put('temperature', { match: {}, observations: [{ path: '/3303/*/5700', attributes: { pmin: 1 } }] });
    await becomes(['template:temperature /3303/0/5700 active']);
    await put('temperature', { match: {}, observations: [{ path: '/3/0/13' }] });
    await becomes(['template:temperature /3/0/13 active']);
    await vi.waitFor(() => expect(observedAt(device)).toEqual(['/3/0/13']), { timeout: 5_000 });
    await harness.northbound.templates.remove('temperature');
    await becomes([]);
    await vi.waitFor(() => expect(observedAt(device)).toEqual([]), { timeout: 5_000 });
  }, 40_000);

  it('an endpoint that gets a label is observed as the template says, and no more when it loses it', async () => {
    await put('north', { match: { labels: { site: 'north' } }, observations: [{ path: '/3303/*/5700' }] });
    await started();
    await registered();
    await harness.northbound.setProfile('demo', { labels: { site: 'north' } });
    await becomes(['template:north /3303/0/5700 active']);
    await harness.northbound.setProfile('demo', { labels: { site: 'south' } });
    await becomes([]);
  });

  it('an own list goes before a template, and what it gives up is the template\'s again, by the same token', async () => {
    await put('all', { match: {}, observations: [{ path: '/3303/*/5700' }] });
    await started();
    const device = await registered();
    await becomes(['template:all /3303/0/5700 active']);
    const [before] = device.observations.list();
    await harness.northbound.setObservations('demo', [{ path: '/3303/0/5700' }, { path: '/3/0/13' }]);
    await becomes(['own /3303/0/5700 active', 'own /3/0/13 active']);
    await harness.northbound.setObservations('demo', []);
    await becomes(['template:all /3303/0/5700 active']);
    await vi.waitFor(() => expect(device.observations.list().map(({ token }) => token)).toEqual([before?.token]), { timeout: 5_000 });
  });

  it('a composite observation of all instances that a client announced is made as one', async () => {
    await put('composite', { match: {}, observations: [{ paths: ['/3303/*/5700', '/3/0/13', '/9/*/1'] }] });
    await started();
    const device = await registered();
    await becomes(['template:composite /3303/0/5700 /3/0/13 active']);
    expect(observedAt(device)).toEqual(['/3303/0/5700 /3/0/13']);
  });

  it('an instance that is created is observed, and one that is deleted is not any more', async () => {
    await put('temperature', { match: {}, observations: [{ path: '/3303/*/5700' }] });
    await started();
    await registered();
    await becomes(['template:temperature /3303/0/5700 active']);
    await harness.command('demo', { op: 'create', path: '/3303/4', values: [{ path: '/3303/4/5700', value: 3 }] });
    await becomes(['template:temperature /3303/0/5700 active', 'template:temperature /3303/4/5700 active']);
    await harness.command('demo', { op: 'delete', path: '/3303/4' });
    await becomes(['template:temperature /3303/0/5700 active']);
  });

  it('an instance that an Update announces is observed, and one that it leaves out is not any more', async () => {
    await put('temperature', { match: {}, observations: [{ path: '/3303/*/5700' }] });
    await started();
    const device = await registered();
    await becomes(['template:temperature /3303/0/5700 active']);
    device.model.create(3303, [{ path: [3303, 4, 5700], type: 'float', value: 3 }], 4);
    expect(await device.update({ objects: true })).toBe('2.04');
    await becomes(['template:temperature /3303/0/5700 active', 'template:temperature /3303/4/5700 active']);
    device.model.delete([3303, 4]);
    expect(await device.update({ objects: true })).toBe('2.04');
    await becomes(['template:temperature /3303/0/5700 active']);
  });

  it('a device that sleeps is brought to it with its next message', async () => {
    await started({ LWM2M_MAX_TRANSMIT_WAIT_S: '1' });
    const device = await registered('demo', { queueMode: true });
    await vi.waitFor(async () => expect((await harness.northbound.endpoint('demo'))?.presence.state).toBe('asleep'), { timeout: 10_000 });
    await put('temperature', { match: {}, observations: [{ path: '/3303/*/5700' }] });
    await becomes(['template:temperature /3303/0/5700 wanted']);
    expect(device.observations.list()).toEqual([]);
    expect(await device.update()).toBe('2.04');
    await becomes(['template:temperature /3303/0/5700 active']);
  }, 30_000);
});
