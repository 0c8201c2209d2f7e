/** The walk over all devices after templates changed: paced, resumed by another worker, and done once. */
import { encodeSession, register, TEMPLATE_LIMIT, TEMPLATES, type SessionRecord } from '@cluster/session';
import { createLogger } from '@cluster/telemetry';
import { beforeEach, expect, it } from 'vitest';
import { HeldTemplates } from './held-templates.ts';
import { MemoryStore } from './simulation/memory-store.ts';
import { TemplateWalk } from './template-walk.ts';

const DEVICES = 5_000;
const log = createLogger({ service: 'edge', level: 'silent' });
const registration = {
  endpoint: '', lifetimeS: 300, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
  objectLinks: [{ path: '/3/0' }], contentFormats: [112],
};
const arrival = {
  worker: 'w1', nowMs: 1_000_000, peer: 'udp:127.0.0.1:5001', identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
};

let store: MemoryStore;
let nowMs: number;

beforeEach(async () => {
  store = new MemoryStore();
  nowMs = 0;
  const numbers = Array.from({ length: DEVICES }, (_, i) => `d${String(i).padStart(7, '0')}`);
  await store.commit(numbers.map((number) => ({ number, session: { expected: 0, record: encodeSession(recordOf(number)) } })));
  // Many at the same time, as after a storm.
  await store.schedule(numbers.map((number, i) => ({ number, atMs: 1 + Math.floor(i / 700) })));
});

function recordOf(endpoint: string): SessionRecord {
  return register(undefined, { ...registration, endpoint }, arrival);
}

async function putTemplate(endpointPattern: string): Promise<void> {
  await store.putDocument(TEMPLATES, 't', JSON.stringify({ match: { endpointPattern }, observations: [{ path: '/3/0' }] }), TEMPLATE_LIMIT);
}

/** One worker's walk; `rung` are the devices that it told of. */
async function worker(shards: readonly number[] = [0]) {
  const templates = new HeldTemplates({ documents: store, limit: 10, log });
  await templates.refresh();
  const rung: string[] = [];
  const ring = async (number: string) => void rung.push(number);
  const walk = new TemplateWalk({ sessions: store, cluster: store, templates, clock: { monotonicMs: () => nowMs }, log, shards: () => shards, ring });
  const tick = async () => {
    await templates.refresh();
    await walk.tick();
  };
  return { rung, tick };
}

it('tells of every device that the templates concern, a bounded number a tick, and then no more', async () => {
  await putTemplate('*5');
  const { rung, tick } = await worker();
  await tick();
  expect(rung).toEqual([]);
  nowMs = 3_001;
  await tick();
  const first = rung.length;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(DEVICES / 10);
  for (let i = 0; i < 5; i++) await tick();
  expect(new Set(rung)).toEqual(new Set(Array.from({ length: DEVICES / 10 }, (_, i) => `d${String(10 * i + 5).padStart(7, '0')}`)));
  expect(rung).toHaveLength(DEVICES / 10);
});

it('another worker goes on where the first one died', async () => {
  await putTemplate('*');
  const [first, second] = [await worker(), await worker()];
  await first.tick();
  await second.tick();
  nowMs = 3_001;
  await first.tick();
  expect(first.rung.length).toBeLessThan(DEVICES);
  for (let i = 0; i < 5; i++) await second.tick();
  expect(new Set([...first.rung, ...second.rung]).size).toBe(DEVICES);
  expect(first.rung.length + second.rung.length).toBe(DEVICES);
});

it('a further change begins the walk anew; shards of others are left alone', async () => {
  await putTemplate('*1');
  const [mine, idle] = [await worker(), await worker([])];
  for (const atMs of [0, 3_001, 3_002, 3_003, 3_004]) {
    nowMs = atMs;
    await mine.tick();
    await idle.tick();
  }
  expect(mine.rung).toHaveLength(DEVICES / 10);
  await putTemplate('*2');
  for (const atMs of [4_000, 7_001, 7_002, 7_003, 7_004]) {
    nowMs = atMs;
    await mine.tick();
  }
  expect(mine.rung.slice(DEVICES / 10).every((number) => number.endsWith('2'))).toBe(true);
  expect(mine.rung).toHaveLength(DEVICES / 5);
  expect(idle.rung).toEqual([]);
});

it('a store that is away puts it off', async () => {
  await putTemplate('*');
  const { rung, tick } = await worker();
  await tick();
  nowMs = 3_001;
  const { load } = store;
  store.load = () => Promise.reject(new Error('away'));
  await tick();
  expect(rung).toEqual([]);
  store.load = load;
  for (let i = 0; i < 5; i++) await tick();
  expect(new Set(rung).size).toBe(DEVICES);
});
