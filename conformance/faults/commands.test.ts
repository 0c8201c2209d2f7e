/** Commands survive the death of every process, at moments that the device and its results tell. */
import { randomUUID } from 'node:crypto';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CommandWalk, type Kill } from './command-walk.ts';

const KILLS: readonly Kill[] = [
  { at: 'request', n: 1, what: 'edge' },
  { at: 'answer', n: 2, what: 'edge' },
  { at: 'request', n: 9, what: 'edge' },
  { at: 'answer', n: 16, what: 'edge' },
  { at: 'result', n: 5, what: 'edge' },
  { at: 'answer', n: 7, what: 'everything' },
];

describe('commands for a device asleep', () => {
  const walk = new CommandWalk();
  beforeAll(() => walk.open());
  afterAll(() => walk.close());

  it.each(KILLS)('are each carried out once and in their turn, though $what is killed (at $at $n)', (kill) => walk.survive(kill));

  it('from Kafka are queued once, though the registry is killed between storing them and its offset', async () => {
    const endpoint = `twice-${randomUUID()}`;
    const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${walk.edge.coapPort}`, queueMode: true, automatic: false });
    let executed = 0;
    device.on('executed', () => executed++);
    await device.start();
    device.sleep();
    const ids = Array.from({ length: 60 }, (_, i) => `${endpoint}-${i}`);
    await walk.produce(endpoint, ids.map(() => ({ op: 'execute', path: '/3303/0/5605' })), ids);
    // The offset moves after the last one of the batch.
    const queued = async () => (await walk.registry.rest.endpoint(endpoint))?.queuedCommands ?? 0;
    await vi.waitFor(async () => expect(await queued()).toBeGreaterThan(0), { timeout: 30_000, interval: 1 });
    await walk.registry.kill();
    await walk.registry.restart();
    await vi.waitFor(async () => expect(await queued()).toBe(60), { timeout: 45_000, interval: 100 });
    expect(await device.wake()).toBe('2.04');
    await vi.waitFor(() => expect(walk.results(endpoint).size).toBe(60), { timeout: 30_000, interval: 50 });
    expect([...walk.results(endpoint).values()].map(({ correlation }) => correlation).sort()).toEqual([...ids].sort());
    expect(executed).toBe(60);
    device.kill();
  }, 120_000);
});
