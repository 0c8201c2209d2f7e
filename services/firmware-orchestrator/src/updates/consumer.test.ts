/** What an update makes of notifications as the topics bring them: again, late, out of order, from before it, unreadable. */
import { eventTypes, type ReportValue, topics } from '@cluster/contracts';
import { buildEvent, type ConsumedRecord } from '@cluster/events';
import { firmware } from '@cluster/lwm2m';
import { silentLog } from '@cluster/nest-kit';
import { Metrics } from '@cluster/telemetry';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { afterAll, expect, test } from 'vitest';
import { RING } from '../testing/bench.ts';
import { OPTIONS } from '../testing/world.ts';
import { FirmwareConsumer } from './firmware.consumer.ts';
import { UpdateTurn } from './update-turn.ts';

const store = openEmbeddedStore({ file: ':memory:' });
afterAll(() => store.close());
const absent = () => Promise.resolve(undefined);
const northbound = { submit: () => Promise.reject(new Error('no device is known')), command: absent, cancel: () => Promise.resolve('finished' as const) };
const turn = new UpdateTurn({ northbound, sessions: store, updates: store, links: RING, log: silentLog, metrics: new Metrics(), publisher: { publish: () => Promise.resolve() } }, OPTIONS);
const consumer = new FirmwareConsumer(turn, store, silentLog);

const request = { delivery: 'pull', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;
const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };

/** An update that waits for the device to download. */
async function downloading(endpoint: string): Promise<number> {
  const update = await turn.change(endpoint, (_, scene) => {
    const begun = firmware.begin({ id: endpoint, package: PACKAGE, request, objectVersion: '1.1', secure: false }, scene);
    return { ...begun, stage: 'downloading', out: undefined, device: { ...begun.device, state: 1, result: 0 } };
  });
  return update!.startedAtMs;
}

async function stageOf(endpoint: string): Promise<string> {
  return firmware.decodeUpdate((await store.loadUpdates([endpoint]))[0]!.record).stage;
}

function notification(endpoint: string, state: number, atMs: number, more: Partial<ReportValue> = {}): ConsumedRecord {
  const data: ReportValue = {
    endpoint, registrationId: 'r', paths: ['/5/0'], receivedAt: new Date(atMs).toISOString(), values: [{ path: '/5/0/3', value: state, type: 'integer' }], ...more,
  };
  const record = buildEvent({
    topic: topics.notifications, type: eventTypes.notification, id: `${endpoint}${atMs}`, source: '/w', endpoint, data, timeMs: atMs, encoding: 'json', tenant: 'default',
    generation: 0, fence: 0, sessionVersion: 1,
  });
  return { ...record, partition: 0, offset: '0' } as unknown as ConsumedRecord;
}

test('goes on with what is notified, once', async () => {
  const atMs = await downloading('on');
  await consumer.notifications([notification('on', 2, atMs + 5)]);
  expect(await stageOf('on')).toBe('downloaded');
  const [before] = await store.loadUpdates(['on']);
  await consumer.notifications([notification('on', 2, atMs + 5), notification('on', 2, atMs + 5)]);
  const [after] = await store.loadUpdates(['on']);
  expect(firmware.decodeUpdate(after!.record)).toMatchObject({ steps: firmware.decodeUpdate(before!.record).steps, stage: 'downloaded' });
});

test.each<[string, number, Partial<ReportValue>]>([
  ['is from before the update', -1, {}],
  ['came out of order', 5, { outOfOrder: true }],
  ['is of another instance', 5, { values: [{ path: '/5/1/3', value: 2, type: 'integer' }] }],
  ['holds no values', 5, { values: [] }],
])('believes nothing that %s', async (name, laterMs, more) => {
  const atMs = await downloading(name);
  await consumer.notifications([notification(name, 2, atMs + laterMs, more)]);
  expect(await stageOf(name)).toBe('downloading');
});

test('passes over what it can not read, and goes on with the rest', async () => {
  const atMs = await downloading('rest');
  const damaged = { ...notification('rest', 2, atMs + 5), value: Buffer.from('{"/5/0/3":') };
  await consumer.notifications([damaged, notification('nobody', 2, atMs), notification('rest', 2, atMs + 6)]);
  expect(await stageOf('rest')).toBe('downloaded');
});
