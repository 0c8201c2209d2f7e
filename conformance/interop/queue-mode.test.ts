/** Queue mode with a device that really sleeps (OMA Transport 1.1.1 §6.5). The awake window is short here. */
import { once } from 'node:events';
import { eventTypes, type CommandStatus, type StreamedEvent } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeServer } from '../src/scene.ts';

const READ = { op: 'read', path: '/3/0/0', accept: 0 } as const;

describeServer('queue mode', (scene) => {
  let endpoint: string;
  let device: SimulatedDevice;

  beforeAll(async () => {
    endpoint = `sleepy-${scene.server.mode}`;
    const server = `coap://127.0.0.1:${scene.server.coapPort}`;
    device = new SimulatedDevice({ endpoint, server, queueMode: true, lifetimeS: 300 });
    await device.start();
  });
  afterAll(() => device?.kill());

  /** Resolves when the command waits for the device to speak. */
  function waiting(id: string): Promise<CommandStatus> {
    const look = async (): Promise<CommandStatus> => {
      const status = await scene.rest.commandStatus(endpoint, id);
      expect(status.waitsFor).toBe('device-message');
      return status;
    };
    return vi.waitFor(look, { timeout: 20_000, interval: 100 });
  }

  function result(id: string): Promise<StreamedEvent> {
    return scene.heard(endpoint, eventTypes.commandResult, (event) => (event.data as CommandStatus).id === id);
  }

  it('is told by the registration', async () => {
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ queueMode: true });
  });

  it('holds a command for a device that does not answer, and gives it when the device has updated', async () => {
    device.sleep();
    const { id } = await scene.rest.submit(endpoint, READ);
    expect((await waiting(id)).state).toBe('queued');
    const read = once(device, 'request');
    expect(await device.wake()).toBe('2.04');
    expect((await read)[0]).toMatchObject({ operation: 'read', path: [3, 0, 0] });
    const { data } = await result(id);
    expect(data).toMatchObject({ state: 'done', response: { code: '2.05' } });
  });

  it('sends nothing to a device that is known to sleep', async () => {
    device.sleep();
    await waiting((await scene.rest.submit(endpoint, READ)).id); // it finds out
    const radio = vi.spyOn(device.faults, 'losesIncoming');
    const { id } = await scene.rest.submit(endpoint, READ);
    const { state, waitsFor } = await scene.rest.commandStatus(endpoint, id);
    expect(state).toBe('queued');
    expect(waitsFor).toMatch(/^(device-message|earlier-command)$/);
    expect(radio).not.toHaveBeenCalled();
    radio.mockRestore();
    await device.wake();
    await result(id);
  });

  it('sends one command after the other when the device wakes up', async () => {
    device.sleep();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await scene.rest.submit(endpoint, READ)).id);
    await waiting(ids[0] ?? '');
    const received: string[] = [];
    device.faults.delayMs = 20; // NSTART 1: the next comes only when this one is answered
    device.faults.loseIncoming = ({ code }) => {
      if (code === '0.01') received.push('request');
      return false;
    };
    device.on('request', () => received.push('answer'));
    await device.wake();
    for (const id of ids) await result(id);
    expect(received).toEqual(['request', 'answer', 'request', 'answer', 'request', 'answer']);
  });
}, { LWM2M_MAX_TRANSMIT_WAIT_S: '2' });
