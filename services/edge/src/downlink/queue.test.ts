/** What the durable queue promises while its device, the store or the brokers are away. */
import type { CommandStatus } from '@cluster/contracts';
import { EventsUnavailable } from '@cluster/events';
import { decodeEntry, StoreUnavailable, type DeviceWrite } from '@cluster/session';
import { SimulatedDevice } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EdgeDeps } from '../assemble.ts';
import { openHarness, type Harness } from '../testing/harness.ts';

let harness: Harness;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function registered(change?: (deps: EdgeDeps) => EdgeDeps, env: Record<string, string> = {}): Promise<SimulatedDevice> {
  const { coapPort } = await harness.start(env, change);
  const device = new SimulatedDevice({ endpoint: 'demo', server: `coap://127.0.0.1:${coapPort}` });
  devices.push(device);
  await device.start();
  return device;
}

const ended = (id: string) => harness.event((e) => e.type === 'lwm2m.command.result' && e.data['id'] === id);

/** Lets the next commit that ends a command fail, before it has happened. */
function losingOneEnd(deps: EdgeDeps): EdgeDeps {
  let lost = false;
  const ends = ({ entries = [] }: DeviceWrite) => entries.some(({ record }) => record !== undefined && decodeEntry(record).state === 'done');
  const commit = async (writes: readonly DeviceWrite[]) => {
    if (!lost && writes.some(ends)) {
      lost = true;
      throw new StoreUnavailable('away');
    }
    return deps.sessions.commit(writes);
  };
  return { ...deps, sessions: new Proxy(deps.sessions, { get: (store, name) => (name === 'commit' ? commit : Reflect.get(store, name)) }) };
}

describe('a device that de-registered', () => {
  it('gets on its return what was queued meanwhile', async () => {
    const device = await registered();
    await device.deregister();
    const submitted = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0' });
    expect(submitted).toMatchObject({ outcome: 'accepted', status: { state: 'queued' } });
    expect(await harness.northbound.commands('demo')).toMatchObject([{ state: 'queued', waitsFor: 'registration' }]);
    await device.register();
    const { id } = (submitted as { status: CommandStatus }).status;
    expect((await ended(id)).data).toMatchObject({ state: 'done', response: { code: '2.05' } });
  });

  it('is asked again on its return for what it did not answer, whatever the back-off is', async () => {
    const device = await registered(undefined, { LWM2M_MAX_TRANSMIT_WAIT_S: '4' });
    device.faults.loseIncoming = ({ code }) => /^0\.0[1-7]$/.test(code);
    const submitted = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0' });
    const { id } = (submitted as { status: CommandStatus }).status;
    const shown = () => harness.northbound.commands('demo');
    await expect.poll(shown).toMatchObject([{ state: 'in-flight' }]);
    await device.deregister();
    await expect.poll(shown, { timeout: 15_000 }).toMatchObject([{ state: 'queued', attempts: 1 }]);
    device.faults.loseIncoming = () => false;
    await device.register();
    expect((await ended(id)).data).toMatchObject({ state: 'done', attempts: 2 });
  }, 25_000);

  it('stays away: its commands end at their deadlines, and then its number', async () => {
    const device = await registered();
    await device.deregister();
    const submitted = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0', ttlS: 1 });
    const { id } = (submitted as { status: CommandStatus }).status;
    expect((await ended(id)).data).toMatchObject({ state: 'expired', reason: expect.stringContaining('came back') as string });
    await expect.poll(() => harness.sessions.resolve(['demo']), { timeout: 15_000 }).toEqual([undefined]);
    expect(await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0' })).toEqual({ outcome: 'unknown-endpoint' });
  }, 30_000);
});

describe('a device that registers anew', () => {
  it('is asked again at once for what it did not answer before', async () => {
    const device = await registered();
    device.faults.loseIncoming = ({ code }) => /^0\.0[1-7]$/.test(code);
    const submitted = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0' });
    const { id } = (submitted as { status: CommandStatus }).status;
    await expect.poll(() => harness.northbound.commands('demo')).toMatchObject([{ state: 'in-flight' }]);
    device.faults.loseIncoming = () => false;
    await device.register();
    expect((await ended(id)).data).toMatchObject({ state: 'done', attempts: 2 });
  });
});

describe('an answer', () => {
  it('that the store did not take is stored later: nothing is executed twice', async () => {
    const device = await registered(losingOneEnd);
    let executed = 0;
    device.on('executed', () => executed++);
    const status = await harness.command('demo', { op: 'execute', path: '/3/0/4' });
    expect(status).toMatchObject({ state: 'done', attempts: 1, response: { code: '2.04' } });
    expect(executed).toBe(1);
  }, 20_000);

  it('that the brokers did not take is told when the device is heard again', async () => {
    let refused = 0;
    const device = await registered((deps) => {
      const publish: EdgeDeps['publisher']['publish'] = async (records) => {
        const isResult = records.some(({ headers }) => headers['ce_type'] === 'lwm2m.command.result');
        if (isResult && ++refused === 1) throw new EventsUnavailable('away');
        return deps.publisher.publish(records);
      };
      const { publisher } = deps;
      return { ...deps, publisher: { available: true, onAvailability: (listener) => publisher.onAvailability(listener), close: () => publisher.close(), publish } };
    });
    const submitted = await harness.northbound.submit('demo', { op: 'read', path: '/3/0/0' });
    const { id } = (submitted as { status: CommandStatus }).status;
    await expect.poll(() => refused).toBe(1);
    expect(await harness.northbound.command('demo', id)).toMatchObject({ state: 'done' });
    await device.update();
    expect((await ended(id)).data).toMatchObject({ state: 'done', response: { code: '2.05' } });
  });
});

describe('fairness', () => {
  it('a device with a long queue lets others go in between', async () => {
    const { coapPort } = await harness.start({ LWM2M_MAX_EXCHANGES: '1' });
    const order: string[] = [];
    for (const endpoint of ['long', 'short']) {
      const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${coapPort}` });
      devices.push(device);
      device.on('executed', () => order.push(endpoint));
      await device.start();
    }
    const submit = async (endpoint: string, key: string) => {
      await harness.northbound.submit(endpoint, { op: 'execute', path: '/3303/0/5605', idempotencyKey: key });
      return `k.${Buffer.from(key).toString('base64url')}`;
    };
    const [long] = devices;
    if (long !== undefined) long.faults.delayMs = 40;
    const ids = [];
    for (let i = 0; i < 10; i++) ids.push(await submit('long', `l${i}`));
    ids.push(await submit('short', 's0'));
    await Promise.all(ids.map(ended));
    expect(order).toHaveLength(11);
    expect(order.indexOf('short')).toBeLessThan(5);
  });
});
