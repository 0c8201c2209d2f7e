import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeServer } from './fake-server.ts';
import type { DeviceOptions } from './device-options.ts';
import { SimulatedDevice } from './simulated-device.ts';

const TOKEN = Buffer.from('a1a2a3a4a5a6a7a8', 'hex');
const TEMPERATURE = '/3303/0/5700';

let server: FakeServer;
let device: SimulatedDevice;

async function start(options: Partial<DeviceOptions> = {}): Promise<void> {
  device = new SimulatedDevice({ endpoint: 'demo', server: server.url, ...options });
  await device.start();
}

async function observe(path: string, accept = 0): Promise<void> {
  const answer = await server.request({ path, accept, observe: 0, token: TOKEN });
  expect(answer).toMatchObject({ code: '2.05', observe: 1 });
}

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(() => {
  device.kill();
  server.stop();
});

describe('observations', () => {
  it('notifies changes with rising sequence values and waits for the ACK', async () => {
    await start();
    await observe(TEMPERATURE);
    for (const [observeValue, value] of [[2, 22], [3, 23]] as const) {
      const notification = once(server, 'notification');
      const notified = once(device, 'notified');
      device.setValue(TEMPERATURE, value);
      expect((await notification)[0]).toMatchObject({ observe: observeValue, confirmable: true, token: TOKEN });
      expect((await notified)[0].delivery).toBe('acknowledged');
    }
  });

  it('observes an instance in TLV when a resource of it changes', async () => {
    await start();
    await observe('/3303/0', 11_542);
    const notification = once(server, 'notification');
    device.setValue(TEMPERATURE, 22);
    expect((await notification)[0].contentFormat).toBe(11_542);
  });

  it('ends an observation that is cancelled by request', async () => {
    await start();
    await observe(TEMPERATURE);
    const cancelled = once(device, 'cancelled');
    const answer = await server.request({ path: TEMPERATURE, accept: 0, observe: 1, token: TOKEN });
    expect(answer).toMatchObject({ code: '2.05', observe: undefined });
    expect((await cancelled)[1]).toBe('request');
    expect(device.observations.list()).toEqual([]);
  });

  it.each(['con', 'non'] as const)('ends an observation whose %s notification is reset', async (notifications) => {
    await start({ notifications });
    await observe(TEMPERATURE);
    server.reset(TOKEN);
    const cancelled = once(device, 'cancelled');
    const operations: string[] = [];
    device.on('request', ({ operation }) => operations.push(operation));
    device.setValue(TEMPERATURE, 22);
    expect((await cancelled)[1]).toBe('reset');
    await server.request({ path: TEMPERATURE, accept: 0 });
    expect(operations).toEqual(['read']); // the Reset is no request
  });

  it('notifies as the attribute con of 1.2 says', async () => {
    await start({ version: '1.2' });
    await server.request({ method: 'PUT', path: TEMPERATURE, query: ['con=0'] });
    await observe(TEMPERATURE);
    const notification = once(server, 'notification');
    device.setValue(TEMPERATURE, 22);
    expect((await notification)[0].confirmable).toBe(false);
  });

  it('voids observations when it registers again', async () => {
    await start();
    await observe(TEMPERATURE);
    await device.register();
    expect(device.observations.list()).toEqual([]);
  });

  it('observes composites and sends all values on any change', async () => {
    await start();
    const body = { payload: '[{"n":"/3/0/9"},{"n":"/3303/0/5700"}]', contentFormat: 110, accept: 110 };
    const first = await server.request({ method: 'FETCH', ...body, observe: 0, token: TOKEN });
    expect(JSON.parse(String(first.payload))).toHaveLength(2);
    const notification = once(server, 'notification');
    device.setValue('/3/0/9', 80);
    expect(JSON.parse(String((await notification)[0].payload))).toHaveLength(2);
    await server.request({ method: 'FETCH', ...body, observe: 1, token: TOKEN });
    expect(device.observations.list()).toEqual([]);
  });

  it('does not observe what it refuses to read', async () => {
    await start();
    const answer = await server.request({ path: '/3303/9', observe: 0, token: TOKEN });
    expect(answer).toMatchObject({ code: '4.04', observe: undefined });
    expect(device.observations.list()).toEqual([]);
  });

  it('notifies a large value in blocks', async () => {
    await start();
    const long = 'x'.repeat(3_000);
    await observe('/3/0/1');
    const notification = once(server, 'notification');
    device.setValue('/3/0/1', long);
    const [first] = await notification;
    expect(first.payload).toHaveLength(1_024);
    expect(String((await server.request({ path: '/3/0/1', accept: 0 })).payload)).toBe(long);
  });

  it('sends a notification that a test makes up', async () => {
    await start();
    const notification = once(server, 'notification');
    const token = Buffer.from('ffff', 'hex');
    const payload = Buffer.from('9');
    expect(await device.notifyRaw({ token, observe: 77, messageId: 4_711, payload })).toBe('reset');
    expect((await notification)[0]).toMatchObject({ token, observe: 77, payload });
  });
});

describe('faults', () => {
  it('answers with the code that it was told', async () => {
    await start();
    device.faults.refuse('read', '4.01', 1);
    expect((await server.request({ path: '/3/0/0' })).code).toBe('4.01');
    expect((await server.request({ path: '/3/0/0' })).code).toBe('2.05');
  });

  it('answers late with a separate response', async () => {
    await start();
    device.faults.delayMs = 100;
    expect((await server.request({ path: '/3/0/0', accept: 0 })).code).toBe('2.05');
  });

  it('carries out a repeated request once when its ACK got lost', async () => {
    await start();
    device.faults.dropAcks(1);
    let executions = 0;
    device.on('executed', () => (executions += 1));
    expect((await server.request({ method: 'POST', path: '/3/0/12' })).code).toBe('2.04');
    expect(executions).toBe(1);
  }, 10_000);

  it('repeats what was not answered', async () => {
    await start();
    let updates = 0;
    server.on('update', () => (updates += 1));
    device.faults.loseAnswers(1);
    expect(await device.update()).toBe('2.04');
    expect(updates).toBe(1); // the repeat was a duplicate for the server
  }, 10_000);

  it('does not hear the server while it sleeps, and does when it woke up', async () => {
    await start({ queueMode: true, automatic: false });
    device.sleep();
    let seen = 0;
    device.on('request', () => (seen += 1));
    const arrival = vi.spyOn(device.faults, 'losesIncoming');
    const answered = server.request({ path: '/3/0/0', accept: 0 });
    await vi.waitUntil(() => arrival.mock.results.length === 1);
    expect(seen).toBe(0);
    expect(await device.wake()).toBe('2.04');
    expect((await answered).code).toBe('2.05'); // the retransmission
    expect(seen).toBe(1);
  }, 10_000);

  it('falls asleep by itself in queue mode', async () => {
    device = new SimulatedDevice({ endpoint: 'demo', server: server.url, queueMode: true, awakeMs: 20 });
    const asleep = once(device, 'asleep');
    await device.start();
    await asleep;
    expect(device.faults.radioOn).toBe(false);
  });
});
