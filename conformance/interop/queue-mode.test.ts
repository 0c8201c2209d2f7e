/** Queue mode with a device that really sleeps (OMA Transport 1.1.1 §6.5). The awake window is short here. */
import { once } from 'node:events';
import { eventTypes, type CommandStatus, type StreamedEvent } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeServer } from '../src/scene.ts';
import { turnsOf } from '../src/turns.ts';

const AWAKE_S = 1;
const READ = { op: 'read', path: '/3/0/0', accept: 0 } as const;

/** Codes of the messages that reach the device from now on; a busy machine may repeat one. RFC 7252 §4.2 */
function messagesTo(device: SimulatedDevice): () => string[] {
  const codes = new Map<string, string>();
  device.faults.loseIncoming = ({ code, messageId }) => {
    codes.set(`${code} ${messageId}`, code);
    return false;
  };
  return () => [...codes.values()];
}

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

  beforeEach(async () => {
    device.sleep();
    await expect.poll(async () => (await scene.rest.endpoint(endpoint))?.presence.state, { timeout: 20_000 }).toBe('asleep');
  });

  function result(id: string): Promise<StreamedEvent> {
    return scene.heard(endpoint, eventTypes.commandResult, (event) => (event.data as CommandStatus).id === id);
  }

  it('is told by the registration', async () => {
    const { data } = await scene.heard(endpoint, eventTypes.registered);
    expect(data).toMatchObject({ queueMode: true });
  });

  it('holds a command while the device sleeps, and gives it when the device has updated', async () => {
    const arrived = messagesTo(device);
    const { id } = await scene.rest.submit(endpoint, READ);
    expect((await scene.rest.commandStatus(endpoint, id)).state).toBe('queued');
    const order: string[] = [];
    device.once('updated', () => order.push('update answered'));
    device.once('request', () => order.push('command'));
    const commanded = once(device, 'request');
    expect(await device.wake()).toBe('2.04');
    await commanded;
    expect(order).toEqual(['update answered', 'command']); // §6.5: a command that overtakes the answer gets lost
    expect((await result(id)).data).toMatchObject({ state: 'done', attempts: 1, response: { code: '2.05' } });
    expect(arrived().map((code) => code.slice(0, 2))).toEqual(['2.', '0.']); // the answer to the Update, and the command
    device.faults.clear();
  });

  it('gives one command after the other', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await scene.rest.submit(endpoint, READ)).id);
    device.faults.delayMs = 20; // NSTART 1: the next comes only when this one is answered
    const seen = turnsOf(device);
    await device.wake();
    for (const id of ids) await result(id);
    expect(seen).toEqual(['request', 'answer', 'request', 'answer', 'request', 'answer']);
    device.faults.clear();
  });

  it('tells what a held command waits for', async () => {
    const { id } = await scene.rest.submit(endpoint, READ);
    expect(await scene.rest.commandStatus(endpoint, id)).toMatchObject({ state: 'queued', waitsFor: 'device-message' });
  });
}, { LWM2M_MAX_TRANSMIT_WAIT_S: String(AWAKE_S) });
