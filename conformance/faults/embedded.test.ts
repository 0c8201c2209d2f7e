/** The server in one process on embedded storage, killed under traffic: what it had acknowledged is there when it starts again. */
import { once } from 'node:events';
import { eventTypes, type CommandStatus, type StreamedEvent } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openEventStream, type EventStream } from '../src/event-stream.ts';
import { Member } from '../src/member.ts';
import { TEMPERATURE } from './fleet.ts';

const READ = { op: 'read', path: '/3/0/0' } as const;
const PATIENCE = { timeout: 30_000, interval: 100 };
const DEVICES = 4;

describe('kill -9 of the embedded server', () => {
  let server: Member;
  let devices: SimulatedDevice[];
  /** Values that the devices saw acknowledged. */
  const acknowledged: number[] = [];
  const endpointOf = (index: number) => `embedded-${index}`;

  beforeAll(async () => {
    server = await Member.start('standalone');
    devices = Array.from({ length: DEVICES }, (_, index) => {
      return new SimulatedDevice({ endpoint: endpointOf(index), server: `coap://127.0.0.1:${server.coapPort}`, lifetimeS: 300 });
    });
    for (const [index, device] of devices.entries()) {
      await device.start();
      const observed = once(device, 'observed');
      await server.rest.observe(endpointOf(index), [{ path: TEMPERATURE }]);
      await observed;
    }
  });
  afterAll(async () => {
    for (const device of devices) device.kill();
    await server.remove();
  });

  /** Reports until `over`, one value after the other. */
  async function report(device: SimulatedDevice, base: number, over: () => boolean): Promise<void> {
    for (let value = base; !over(); value++) {
      const notified = once(device, 'notified');
      device.setValue(TEMPERATURE, value);
      if ((await notified)[0].delivery === 'acknowledged') acknowledged.push(value);
    }
  }

  it('loses no registration, no observation, no queued command and no event', async () => {
    const stream = await openEventStream(server.httpPort);
    const first = devices[0]!;
    await vi.waitFor(() => expect(stream.lastEventId).not.toBe(''), PATIENCE);
    const fromId = stream.lastEventId;
    const before = await Promise.all(devices.map((_, index) => server.rest.endpoint(endpointOf(index))));
    const tokens = devices.map((device) => device.observations.list()[0]?.token);
    let over = false;
    const traffic = devices.map((device, index) => report(device, (index + 1) * 100_000, () => over));
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(200), PATIENCE);
    first.faults.ignoreRequests();
    const { id } = await server.rest.submit(endpointOf(0), READ);
    stream.close();
    await server.kill();
    await server.restart();
    first.faults.clear();
    over = true;
    await Promise.all(traffic);
    const after = await Promise.all(devices.map((_, index) => server.rest.endpoint(endpointOf(index))));
    for (const [index, view] of after.entries()) {
      const { registrationId, generation, observations } = before[index]!;
      expect(view).toMatchObject({ state: 'registered', registrationId, generation, observations });
    }
    expect(devices.map((device) => device.observations.list()[0]?.token)).toEqual(tokens);
    for (const device of devices) expect(await device.update()).toBe('2.04');
    const again = await openEventStream(server.httpPort, fromId);
    await expectAll(again);
    const isResult = (event: StreamedEvent) => (event.data as CommandStatus).id === id;
    const { data } = await again.log.next(endpointOf(0), eventTypes.commandResult, isResult);
    expect(data).toMatchObject({ state: 'done', response: { code: '2.05' } });
    again.close();
  }, 120_000);

  /** The event log still tells each value that was acknowledged. */
  async function expectAll(stream: EventStream): Promise<void> {
    const missing = () => {
      const reports = stream.log.seen.map(({ data }) => (data as { values?: { value: unknown }[] }).values ?? []);
      const told = new Set(reports.flat().map(({ value }) => value));
      return acknowledged.filter((value) => !told.has(value));
    };
    await vi.waitFor(() => expect(missing()).toEqual([]), PATIENCE);
  }
});
