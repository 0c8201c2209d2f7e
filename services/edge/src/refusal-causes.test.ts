/** Which cause is counted when a device gets 5.03. */
import { EventsUnavailable } from '@cluster/events';
import { StoreUnavailable, type SessionStore } from '@cluster/session';
import { SimulatedDevice } from '@cluster/testing';
import { Metrics } from '@cluster/telemetry';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EdgeDeps } from './assemble.ts';
import { openHarness, type Harness } from './testing/harness.ts';

let harness: Harness;
let device: SimulatedDevice;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(async () => {
  device.kill();
  await harness.close();
});

/** A device whose Updates fail; returns the causes that are counted then. */
async function causesOf(spoil: (deps: EdgeDeps, spoiled: () => boolean) => Partial<EdgeDeps>): Promise<string[]> {
  let spoiled = false;
  const metrics = new Metrics();
  const { coapPort } = await harness.start({}, (deps) => ({ ...deps, metrics, ...spoil(deps, () => spoiled) }));
  device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${coapPort}`, automatic: false });
  await device.start();
  spoiled = true;
  const path = device.location?.slice(1).split('/') ?? [];
  expect((await device.request({ method: 'POST', path, query: ['lt=600'] })).code).toBe('5.03');
  return metrics.renderPrometheus().split('\n').filter((line) => line.startsWith('lwm2m_refused_steps_total{'));
}

/** The store, whose commits go as `commit` says while it is spoiled. */
function withCommit({ sessions }: EdgeDeps, spoiled: () => boolean, commit: SessionStore['commit']): Partial<EdgeDeps> {
  const get = (target: SessionStore, name: keyof SessionStore): unknown => {
    if (name === 'commit' && spoiled()) return commit;
    const value = target[name];
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return { sessions: new Proxy(sessions, { get: (target, name) => get(target, name as keyof SessionStore) }) };
}

it.each(['away', 'overdue', 'replicas', 'refused'] as const)('a store that fails: %s', async (reason) => {
  const fails = () => Promise.reject(new StoreUnavailable('spoiled', { reason }));
  expect(await causesOf((deps, spoiled) => withCommit(deps, spoiled, fails))).toEqual([`lwm2m_refused_steps_total{cause="store-${reason}"} 1`]);
});

it.each(['away', 'overdue', 'full', 'refused'] as const)('brokers that fail: %s', async (reason) => {
  const causes = await causesOf(({ publisher }, spoiled) => ({
    publisher: {
      available: true,
      onAvailability: (listener) => publisher.onAvailability(listener),
      close: () => publisher.close(),
      publish: (records) => (spoiled() ? Promise.reject(new EventsUnavailable('spoiled', { reason })) : publisher.publish(records)),
    },
  }));
  expect(causes).toEqual([`lwm2m_refused_steps_total{cause="events-${reason}"} 1`]);
});

it('a session that others change under every attempt', async () => {
  const conflicts: SessionStore['commit'] = async (writes) => writes.map(() => 'conflict');
  expect(await causesOf((deps, spoiled) => withCommit(deps, spoiled, conflicts))).toEqual(['lwm2m_refused_steps_total{cause="contended"} 1']);
});
