/** Handlers of topics: batches by topic, in order; what rejects is not committed. */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer } from '@cluster/events';
import { lastValueFrom, throwError } from 'rxjs';
import { expect, test } from 'vitest';
import { silentLog } from './logger.ts';
import { TopicServer } from './topic-server.ts';

type Handler = (records: readonly ConsumedRecord[]) => Promise<void>;

const record = (topic: string, offset: string) => ({ topic, partition: 0, offset, key: 'a', headers: {}, value: new Uint8Array() }) as ConsumedRecord;

class Broker {
  handler: Handler | undefined;
  topics: readonly Topic[] = [];
  closed = false;
  refusals = 0;

  readonly consumer = {
    subscribe: async (_group: string, topics: readonly Topic[], handler: Handler) => {
      if (this.refusals-- > 0) throw new Error('away');
      this.handler = handler;
      this.topics = topics;
      return { close: async () => void (this.closed = true) };
    },
  } as unknown as EventConsumer;
}

async function started(broker: Broker, handlers: Record<string, (batch: ConsumedRecord[]) => Promise<unknown>>): Promise<TopicServer> {
  const server = new TopicServer(broker.consumer, 'group', { log: silentLog, retryMs: 1 });
  for (const [topic, handler] of Object.entries(handlers)) server.addHandler(topic, handler as never, true);
  await new Promise<void>((resolve) => server.listen(resolve));
  await expect.poll(() => server.running).toBe(true);
  return server;
}

test('subscribes to the topics that have handlers, and gives each its records', async () => {
  const seen: string[] = [];
  const broker = new Broker();
  const take = async (batch: ConsumedRecord[]) => void seen.push(batch.map(({ topic, offset }) => topic + offset).join());
  await started(broker, { 'lwm2m.sends': take, 'lwm2m.notifications': take });
  expect(broker.topics).toEqual(['lwm2m.sends', 'lwm2m.notifications']);
  await broker.handler?.([record('lwm2m.sends', '1'), record('lwm2m.notifications', '1'), record('lwm2m.sends', '2'), record('lwm2m.other', '1')]);
  expect(seen).toEqual(['lwm2m.sends1,lwm2m.sends2', 'lwm2m.notifications1']);
});

test.each<[name: string, fail: () => Promise<unknown>]>([
  ['a handler that rejects', () => Promise.reject(new Error('store away'))],
  ['a handler whose stream fails', async () => throwError(() => new Error('store away'))],
])('%s rejects the batch', async (_name, fail) => {
  const broker = new Broker();
  await started(broker, { 'lwm2m.sends': fail });
  await expect(broker.handler?.([record('lwm2m.sends', '1')])).rejects.toThrow('store away');
});

test('a broker that is away is tried again', async () => {
  const broker = new Broker();
  broker.refusals = 3;
  const server = await started(broker, { 'lwm2m.sends': async () => undefined });
  await server.close();
  expect(broker.closed).toBe(true);
  expect(server.running).toBe(false);
});

test('closes while the broker is away', async () => {
  const broker = new Broker();
  broker.refusals = Number.POSITIVE_INFINITY;
  const server = new TopicServer(broker.consumer, 'group', { log: silentLog, retryMs: 3_600_000 });
  server.listen(() => undefined);
  await server.close();
  expect(server.running).toBe(false);
  expect(await lastValueFrom(server.transformToObservable(Promise.resolve(1)))).toBe(1);
});
