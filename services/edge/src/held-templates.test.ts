import { changeObservation, register, TEMPLATE_LIMIT, TEMPLATES, type SessionRecord } from '@cluster/session';
import { createLogger } from '@cluster/telemetry';
import { beforeEach, expect, it } from 'vitest';
import { HeldTemplates } from './held-templates.ts';
import { MemoryStore } from './simulation/memory-store.ts';

const log = createLogger({ service: 'edge', level: 'silent' });
const registration = {
  endpoint: 'e', lifetimeS: 300, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
  objectLinks: [{ path: '/3/0' }], contentFormats: [112],
};
const device = register(undefined, registration, {
  worker: 'w1', nowMs: 1_000_000, peer: 'udp:127.0.0.1:5001', identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
});

let store: MemoryStore;

beforeEach(async () => {
  store = new MemoryStore();
  await put('t', JSON.stringify({ match: {}, observations: [{ path: '/3/0' }] }));
});

const put = (name: string, document: string | undefined) => store.putDocument(TEMPLATES, name, document, TEMPLATE_LIMIT);
const held = () => new HeldTemplates({ documents: store, limit: 10, log });

async function observed(): Promise<SessionRecord> {
  const templates = held();
  await templates.refresh();
  return changeObservation(templates.apply(device), 's /3/0', { state: 'active', counter: 1 });
}

it('before the templates were read nothing is taken from a device', async () => {
  const record = await observed();
  const templates = held();
  expect(templates.apply(record)).toBe(record);
  expect(templates.changes({ ...record, templates: 99 })).toBe(false);
});

it('a store that is away leaves what is held; the next question brings what changed', async () => {
  const record = await observed();
  const templates = held();
  await templates.refresh();
  const { documents } = store;
  store.documents = () => Promise.reject(new Error('away'));
  await put('t', undefined);
  await expect(templates.refresh()).rejects.toThrow('away');
  expect(templates.changes(record)).toBe(false);
  store.documents = documents;
  await templates.refresh();
  expect(templates.changes(record)).toBe(true);
  expect(templates.apply(record)).toMatchObject({ observations: [], cancellations: [{ counter: 1 }] });
});

it('a template that cannot be read is left out, the others hold', async () => {
  await put('broken', '{');
  const templates = held();
  await templates.refresh();
  expect(templates.size).toBe(1);
  expect(templates.apply(device).observations).toMatchObject([{ from: 'template:t' }]);
});

it('an ended registration is not looked at', async () => {
  const templates = held();
  await templates.refresh();
  expect(templates.changes(device)).toBe(true);
  expect(templates.changes({ ...device, state: 'expired' })).toBe(false);
});
