/** What becomes of a device that may have given its observations up, because nobody took what it reported. */
import { once } from 'node:events';
import { decodeSession, encodeSession } from '@cluster/session';
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Edge } from './edge.ts';
import { openHarness, type Harness } from './testing/harness.ts';

const PATH = '/3303/0/5700';

let harness: Harness;
let edge: Edge;
let device: SimulatedDevice;
beforeEach(async () => {
  harness = await openHarness();
  edge = await harness.start();
  device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${edge.coapPort}`, automatic: false });
  await device.start();
  await harness.command('demo', { op: 'observe', path: PATH });
});
afterEach(async () => {
  device.kill();
  await harness.close();
});

/** The device was heard so long ago; then another worker takes its messages, who knows nothing of the former one's memory. */
async function takenOver(heardBeforeMs: number): Promise<void> {
  const port = String(edge.coapPort);
  await edge.close();
  const [number = ''] = await harness.sessions.resolve(['demo']);
  const [stored] = await harness.sessions.load([number]);
  if (stored === undefined) throw new Error('the device is not registered');
  const record = decodeSession(stored.record);
  const before = encodeSession({ ...record, heardAtMs: record.heardAtMs - heardBeforeMs });
  await harness.sessions.commit([{ number, session: { expected: stored.version, record: before } }]);
  edge = await harness.start({ LWM2M_COAP_PORT: port });
}

/** An outage that ended ten seconds ago. */
async function outage(forMs: number): Promise<void> {
  const toMs = (await harness.sessions.timeMs()) - 10_000;
  await harness.cluster.reportOutage({ fromMs: toMs - forMs, toMs });
}

const gaps = () => harness.events.filter(({ type }) => type === 'lwm2m.notification.gap');

describe('a device that is taken over', () => {
  it('is observed again where the store was away for as long as it repeats a notification, and the gap is told', async () => {
    await outage(60_000);
    await takenOver(3_600_000);
    const observed = once(device, 'observed');
    expect(await device.update()).toBe('2.04');
    await observed;
    expect((await harness.event(({ type }) => type === 'lwm2m.notification.gap')).data).toMatchObject({ endpoint: 'demo' });
    expect(await device.update()).toBe('2.04');
    expect(gaps()).toHaveLength(1);
  });

  it.each([['no outage was that long', 20_000, 3_600_000], ['it was heard since', 60_000, 0]])('is asked for nothing where %s', async (_why, forMs, heardBeforeMs) => {
    await outage(forMs);
    await takenOver(heardBeforeMs);
    let requests = 0;
    device.on('request', () => requests++);
    expect(await device.update()).toBe('2.04');
    const value = await harness.command('demo', { op: 'read', path: '/3/0/0' });
    expect(value.state).toBe('done');
    expect([requests, gaps()]).toEqual([1, []]);
  });
});
