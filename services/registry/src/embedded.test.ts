/** Two replicas on the embedded adapters: a command from REST to the queue, to the worker that ends it, and back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@cluster/config';
import { type CommandStatus, commandStatus, endpointView, eventTypes, restExamples, topics } from '@cluster/contracts';
import { buildEvent } from '@cluster/events';
import { type EmbeddedEvents, openEmbeddedEvents } from '@cluster/events-embedded';
import { checkCommand } from '@cluster/lwm2m';
import { decodeEntry, encodeEntry, entryStatus, finish, isFinished, registrationValue } from '@cluster/session';
import { type EmbeddedStore, openEmbeddedStore } from '@cluster/store-embedded';
import { createLogger, Metrics } from '@cluster/telemetry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningRegistry, startRegistry } from './start.ts';
import { send } from './testing/bench.ts';
import { registerIn } from './testing/device.ts';
import { EventSourceReader } from './testing/event-source.ts';
import { notification } from './testing/events.ts';

const NUMBER = 'AAAAAAAA';
const ENDPOINT = 'urn:dev:a/b';
let directory: string;
let store: EmbeddedStore;
let events: EmbeddedEvents;
let replicas: RunningRegistry[] = [];
let urls: string[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-'));
  const file = join(directory, 'lwm2m.db');
  store = openEmbeddedStore({ file });
  events = openEmbeddedEvents({ file });
  const config = loadConfig({ LWM2M_HTTP_PORT: '0', LWM2M_QUEUE_MAX_ENTRIES: '2' }, { kind: 'standalone' });
  const ports = { sessions: store, cluster: store, readModel: store, fleet: store, events: events.consumer(), publisher: events.publisher() };
  const start = () => startRegistry(config, ports, new Metrics(), createLogger({ service: 'test', level: 'silent' }));
  replicas = [await start(), await start()];
  urls = replicas.map(({ port }) => `http://127.0.0.1:${port}/api/v1`);
  for (const url of urls) await expect.poll(async () => (await fetch(new URL('/health/ready', url))).status).toBe(200);
});

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await events.close();
  await store.close();
  await rm(directory, { recursive: true });
});

/** What the edge does at Register. */
async function registerDevice(): Promise<void> {
  const record = await registerIn(store, ENDPOINT, NUMBER);
  await publish(topics.registrations, eventTypes.registered, registrationValue(record));
}

async function publish(topic: (typeof topics)[keyof typeof topics], type: (typeof eventTypes)[keyof typeof eventTypes], data: unknown): Promise<void> {
  await events.publisher().publish([
    buildEvent({ topic, type, id: `${type}-${Math.random()}`, source: '/w1', endpoint: ENDPOINT, tenant: 'default', timeMs: Date.now(), generation: 1, fence: 1, sessionVersion: 1, data }),
  ]);
}

/** A worker that ends each command when its bell rings: as the edge does after the device's answer. */
async function answering(): Promise<void> {
  await store.onRing('w1', (number) => void answerAll(number));
}

async function answerAll(number: string): Promise<void> {
  for (const stored of await store.loadEntries(number)) {
    const entry = decodeEntry(stored.record);
    if (isFinished(entry)) continue;
    const values = [{ path: '/3/0/9', value: 95, type: 'integer' as const }];
    const ended = finish(entry, { state: 'done', atMs: Date.now(), response: { code: '2.05', values } });
    await store.commit([{ number, entries: [{ id: stored.id, expected: stored.version, record: encodeEntry(ended) }] }]);
    await publish(topics.commandResults, eventTypes.commandResult, { ...entryStatus(ended), endpoint: ENDPOINT });
  }
}

const device = (replica: number) => `${urls[replica]}/endpoints/${encodeURIComponent(ENDPOINT)}`;

test('a command comes back to whoever waits, on either replica, and its values are kept', async () => {
  await registerDevice();
  await answering();
  const command = { op: 'read', path: '/3/0/9' };
  const responses = await Promise.all([0, 1].map((replica) => send(`${device(replica)}/commands?wait=30`, 'POST', command)));
  for (const response of responses) {
    expect(response.status).toBe(200);
    expect(commandStatus.parse(await response.json())).toMatchObject({ state: 'done', response: { code: '2.05' } });
  }
  await expect.poll(async () => (await fetch(`${device(1)}/values`)).json()).toMatchObject([{ path: '/3/0/9', value: 95, source: 'command' }]);
});

test('a command waits in the queue, can be seen and cancelled anywhere, and the queue is bounded', async () => {
  await registerDevice();
  const first = await send(`${device(0)}/commands`, 'POST', { op: 'read', path: '/3', idempotencyKey: 'once' });
  const { id } = (await first.json()) as CommandStatus;
  const again = await send(`${device(1)}/commands`, 'POST', { op: 'read', path: '/3', idempotencyKey: 'once' });
  expect(await again.json()).toMatchObject({ id, state: 'queued' });
  expect(await (await fetch(device(1))).json()).toMatchObject({ state: 'registered', queuedCommands: 1, owner: 'w1' });
  expect((await send(`${device(1)}/commands`, 'POST', { op: 'read', path: '/3' })).status).toBe(202);
  expect((await send(`${device(1)}/commands`, 'POST', { op: 'read', path: '/3' })).status).toBe(429);
  expect((await send(`${device(1)}/commands/${id}`, 'DELETE')).status).toBe(204);
  expect(await (await fetch(`${device(0)}/commands/${id}`)).json()).toMatchObject({ state: 'cancelled' });
  // What has ended takes no room from what waits.
  expect((await send(`${device(1)}/commands`, 'POST', { op: 'read', path: '/3' })).status).toBe(202);
  expect((await send(`${device(1)}/commands`, 'POST', { op: 'read', path: '/3' })).status).toBe(429);
});

test('a tenant that submits too fast is told to wait', async () => {
  await registerDevice();
  const config = loadConfig({ LWM2M_HTTP_PORT: '0', LWM2M_TENANT_COMMANDS_PER_S: '1' }, { kind: 'standalone' });
  const ports = { sessions: store, cluster: store, readModel: store, fleet: store, events: events.consumer(), publisher: events.publisher() };
  const slow = await startRegistry(config, ports, new Metrics(), createLogger({ service: 'test', level: 'silent' }));
  replicas.push(slow);
  const url = `http://127.0.0.1:${slow.port}/api/v1/endpoints/${encodeURIComponent(ENDPOINT)}/commands`;
  const responses = [];
  for (let i = 0; i < 2; i++) responses.push(await send(url, 'POST', { op: 'read', path: '/3' }));
  expect(responses.map(({ status }) => status)).toEqual([202, 429]);
  expect(responses[1]?.headers.get('retry-after')).toBe('1');
  expect(await responses[1]?.json()).toMatchObject({ code: 'COMMAND_RATE' });
});

test('what can not be sent is refused with its faults; what a device may refuse is not', async () => {
  await registerDevice();
  const refused = await send(`${device(0)}/commands`, 'POST', { op: 'read', path: '/3/0/99999' });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ code: 'COMMAND_MALFORMED', faults: [{ path: 'path' }] });
  const observation = await send(`${device(0)}/observations`, 'PUT', [{ path: '/3/0/99999' }]);
  expect(await observation.json()).toMatchObject({ code: 'OBSERVATIONS_MALFORMED', faults: [{ path: '0.path' }] });
  expect((await send(`${device(0)}/commands`, 'POST', { op: 'read', path: '/12345/0/1' })).status).toBe(202);
});

test('the directory, the observations and the end of a registration', async () => {
  await registerDevice();
  await expect.poll(async () => (await fetch(`${urls[1]}/endpoints`)).json()).toMatchObject({ endpoints: [{ endpoint: ENDPOINT, state: 'registered' }] });
  const put = await send(`${device(0)}/observations`, 'PUT', [{ path: '/3/0/9', attributes: { pmin: 5 } }]);
  expect(await put.json()).toEqual([{ path: '/3/0/9', attributes: { pmin: 5 }, state: 'wanted' }]);
  expect(endpointView.parse(await (await fetch(device(1))).json()).observations).toHaveLength(1);
  expect((await send(`${device(1)}/registration`, 'DELETE')).status).toBe(204);
  const waiting = await send(`${device(0)}/commands`, 'POST', { op: 'read', path: '/3' });
  expect(waiting.status).toBe(202);
  const { id } = (await waiting.json()) as CommandStatus;
  expect(await (await fetch(`${device(1)}/commands/${id}`)).json()).toMatchObject({ state: 'queued', waitsFor: 'registration' });
});

test('a stream resumes on the other replica after its own', async () => {
  const first = await EventSourceReader.open(`${urls[0]}/events`);
  await first.until(() => first.lastEventId !== '');
  await events.publisher().publish([notification(ENDPOINT, 1), notification(ENDPOINT, 2)]);
  await first.take(2);
  first.close();
  await events.publisher().publish([notification(ENDPOINT, 3)]);
  const second = await EventSourceReader.open(`${urls[1]}/events`, { 'last-event-id': first.messages[0]?.id ?? '' });
  const messages = await second.take(2);
  expect(messages.map((message) => (message.data.data as { values: { value: number }[] }).values[0]?.value)).toEqual([2, 3]);
  second.close();
});

test('the documented examples are commands that can be sent', () => {
  for (const command of Object.values(restExamples.commands)) expect(checkCommand(command)).toEqual([]);
});
