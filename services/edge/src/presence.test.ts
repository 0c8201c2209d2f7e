/** Queue mode as devices and readers see it: asleep and awake are told once each, and nothing is sent in between. */
import { once } from 'node:events';
import type { CommandStatus } from '@cluster/contracts';
import type { EventPublisher } from '@cluster/events';
import type { SessionStore } from '@cluster/session';
import { SimulatedDevice, type DeviceOptions } from '@cluster/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EdgeDeps } from './assemble.ts';
import { openHarness, type Harness, type SeenEvent } from './testing/harness.ts';

const AWAKE_S = 1;
const ASLEEP = 'lwm2m.presence.asleep';
const AWAKE = 'lwm2m.presence.awake';

let harness: Harness;
const devices: SimulatedDevice[] = [];

beforeEach(async () => {
  harness = await openHarness();
});
afterEach(async () => {
  for (const device of devices.splice(0)) device.kill();
  await harness.close();
});

async function started(options: Partial<DeviceOptions> = {}, change?: (deps: EdgeDeps) => EdgeDeps): Promise<SimulatedDevice> {
  const edge = await harness.start({ LWM2M_MAX_TRANSMIT_WAIT_S: String(AWAKE_S) }, change);
  const device = new SimulatedDevice({ endpoint: 'sleepy', server: `coap://127.0.0.1:${edge.coapPort}`, queueMode: true, ...options });
  devices.push(device);
  await device.start();
  return device;
}

const told = (type: string): SeenEvent[] => harness.events.filter((e) => e.type === type);
const nth = (type: string, count: number): Promise<SeenEvent> => harness.event((e) => e.type === type && told(type).indexOf(e) === count - 1);
const presence = async () => (await harness.northbound.endpoint('sleepy'))?.presence;

describe('presence', () => {
  it.each<[string, Partial<DeviceOptions>]>([
    ['Q of 1.1', { version: '1.1' }],
    ['UQ of 1.0', { version: '1.0', binding: 'UQ', queueMode: false }],
  ])('B103, B104, Q30, Q31 a device with %s is told asleep after its window, and awake when it is heard', async (_what, options) => {
    const device = await started(options);
    const { data } = await nth(ASLEEP, 1);
    const shown = await presence();
    expect(shown).toMatchObject({ state: 'asleep', awakeUntil: data['since'], lastHeard: data['lastHeard'] });
    expect(Date.parse(shown?.awakeUntil ?? '') - Date.parse(shown?.lastHeard ?? '')).toBe(AWAKE_S * 1_000);
    expect(new Set(harness.events.map(({ id }) => id)).size).toBe(harness.events.length);
    await harness.northbound.setProfile('sleepy', { settings: { maxTransmitWaitS: 93 } });
    expect(await device.update()).toBe('2.04');
    expect((await nth(AWAKE, 1)).data).toMatchObject({ endpoint: 'sleepy', state: 'awake' });
    const again = await presence();
    expect(again).toMatchObject({ state: 'awake' });
    expect(Date.parse(again?.awakeUntil ?? '') - Date.parse(again?.lastHeard ?? '')).toBe(93_000);
    expect(new Set(told(ASLEEP).map(({ id }) => id)).size).toBe(1);
  });

  it('a Send and a notification wake it, and none that follow tell it again', async () => {
    const device = await started();
    await harness.command('sleepy', { op: 'observe', path: '/3303/0/5700' });
    await nth(ASLEEP, 1);
    expect(await device.send(['/3303/0/5700'])).toBe('2.04');
    expect(await device.send(['/3303/0/5700'])).toBe('2.04');
    await nth(AWAKE, 1);
    await nth(ASLEEP, 2);
    const told2 = nth(AWAKE, 2);
    device.setValue('/3303/0/5700', 30);
    await told2;
    expect(told(AWAKE)).toHaveLength(2);
  });

  it('a device without queue mode is awake and never told otherwise', async () => {
    const device = await started({ queueMode: false, binding: 'U' });
    expect(await presence()).toMatchObject({ state: 'awake' });
    expect(await presence()).not.toHaveProperty('awakeUntil');
    await device.deregister();
    await harness.event((e) => e.type === 'lwm2m.registration.deregistered');
    expect((await presence())?.state ?? 'unknown').toBe('unknown');
    expect(told(ASLEEP)).toEqual([]);
  });
});

/** Holds back what it is asked to publish next until it is let go; what comes after goes before. */
function slow(publisher: EventPublisher): EventPublisher & { hold(): () => void } {
  let held: Promise<void> | undefined;
  return {
    get available() {
      return publisher.available;
    },
    onAvailability: (listener) => publisher.onAvailability(listener),
    close: () => publisher.close(),
    async publish(records) {
      const before = held;
      held = undefined;
      await before;
      await publisher.publish(records);
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
  };
}

/** The store of a worker, and each look at a queue. */
function watched(sessions: SessionStore, looked: () => void): SessionStore {
  return {
    ...sessions,
    loadEntries(number) {
      looked();
      return sessions.loadEntries(number);
    },
  };
}

describe('B102, B103 what waits for a sleeping device', () => {
  it('goes only after its Update was answered, whoever rings meanwhile', async () => {
    let events: ReturnType<typeof slow> | undefined;
    let looks = 0;
    const device = await started({}, (deps) => ({
      ...deps, publisher: (events = slow(deps.publisher)), sessions: watched(deps.sessions, () => looks++),
    }));
    device.sleep();
    await nth(ASLEEP, 1);
    const first = await harness.northbound.submit('sleepy', { op: 'read', path: '/3/0/0' });
    expect(first).toMatchObject({ outcome: 'accepted', status: { state: 'queued' } });
    expect((await harness.northbound.commands('sleepy'))?.[0]).toMatchObject({ waitsFor: 'device-message' });
    const order: string[] = [];
    device.on('updated', () => order.push('answer'));
    device.on('request', () => order.push('request'));
    const letGo = events?.hold();
    const updated = device.wake();
    // The Update stands in the store, its event is not out: no answer yet. Another command rings the doorbell.
    await expect.poll(async () => (await presence())?.state).toBe('awake');
    const before = looks;
    await harness.northbound.submit('sleepy', { op: 'read', path: '/3/0/1' });
    await expect.poll(() => looks).toBeGreaterThan(before);
    // What the doorbell could cause has been caused.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(order).toEqual([]);
    letGo?.();
    await updated;
    for (let i = 0; i < 2; i++) await once(device, 'request');
    expect(order).toEqual(['answer', 'request', 'request']);
  });

  it('and was not answered is asked again when the device wakes, whatever its back-off is', async () => {
    const device = await started();
    device.faults.loseIncoming = ({ code }) => /^0\.0[1-7]$/.test(code);
    const submitted = await harness.northbound.submit('sleepy', { op: 'read', path: '/3/0/0' });
    const { id } = (submitted as { status: CommandStatus }).status;
    await expect.poll(() => harness.northbound.commands('sleepy'), { timeout: 5_000 }).toMatchObject([{ id, state: 'queued', attempts: 1 }]);
    device.faults.loseIncoming = () => false;
    await nth(ASLEEP, 1);
    await device.update();
    const { data } = await harness.event((e) => e.type === 'lwm2m.command.result' && e.data['id'] === id);
    expect(data).toMatchObject({ state: 'done', attempts: 2 });
  }, 10_000);
});
