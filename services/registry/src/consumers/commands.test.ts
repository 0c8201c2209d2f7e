/** Commands from lwm2m.commands: queued once and in order, or rejected with a reason that their producer can match. */
import { createHash } from 'node:crypto';
import { type CommandRejection, commandResultValue, topics } from '@cluster/contracts';
import { type EventRecord, readEvent } from '@cluster/events';
import { ApiKeys } from '@cluster/nest-kit';
import { decodeEntry, encodeEntry, finish, Northbound, StoreUnavailable } from '@cluster/session';
import { type EmbeddedStore, openEmbeddedStore } from '@cluster/store-embedded';
import { encode } from 'cbor-x';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE } from '../testing/bench.ts';
import { registerIn } from '../testing/device.ts';
import { asked } from '../testing/events.ts';
import type { DeadLetter } from './dead-letters.ts';

const NUMBER = 'AAAAAAAA';
const READ = { op: 'read', path: '/3/0/9' };

let bench: Bench;
let store: EmbeddedStore;
let northbound: Northbound;
let buried: DeadLetter[];

beforeEach(async () => {
  bench = new Bench();
  store = openEmbeddedStore({ file: ':memory:' });
  let ids = 0;
  const limits = { queueEntries: 3, queueBytes: 100_000, observations: 10 };
  northbound = new Northbound({ sessions: store, cluster: store, limits, newId: () => `c${++ids}`, rng: { uint32: () => ++ids } });
  buried = [];
  await registerIn(store, DEVICE, NUMBER);
});
afterEach(async () => {
  await bench.close();
  await store.close();
});

async function replica(): Promise<void> {
  await bench.replica({}, { northbound, deadLetters: { keep: async (letters) => void buried.push(...letters) } });
}

/** A replica that asks who gives commands: `reader` may read below /3, at the default tenant. */
async function checkedReplica(): Promise<void> {
  const keys = new ApiKeys([{ name: 'reader', sha256: createHash('sha256').update('reader').digest('hex'), grants: [{ role: 'operator', tenant: 'default', operations: ['read'], paths: ['/3'] }] }]);
  await bench.replica({ commandsChecked: true }, { northbound, access: { keys } });
}

async function take(...records: EventRecord[]): Promise<void> {
  bench.topics.publish(...records);
  await bench.topics.settled();
}

/** What was told on lwm2m.command-results. */
function results() {
  return [0, 1, 2].flatMap((partition) => bench.topics.log(topics.commandResults, partition).records).map((record) => {
    const read = readEvent(record);
    if (!read.ok) throw new Error(JSON.stringify(read.fault));
    return { key: record.key, id: read.event.id, ...commandResultValue.parse(read.event.data) };
  });
}

/** Open commands in the order in which they will be sent. */
async function queue() {
  return ((await northbound.commands(DEVICE)) ?? []).reverse();
}

test('a command is queued with the id of its event as correlation', async () => {
  await replica();
  await take(asked(DEVICE, { ...READ, ttlS: 60 }, { id: 'order-1', source: '/erp' }));
  expect(await queue()).toMatchObject([{ ...READ, state: 'queued', correlation: 'order-1', correlationSource: '/erp' }]);
  expect(results()).toEqual([]);
});

test('one that comes again is not queued again, not even after its end', async () => {
  await replica();
  const once = asked(DEVICE, { op: 'execute', path: '/3/0/4' });
  await take(once, once);
  const [stored] = await store.loadEntries(NUMBER);
  const ended = finish(decodeEntry(stored!.record), { state: 'done', atMs: Date.now() });
  await store.commit([{ number: NUMBER, entries: [{ id: stored!.id, expected: stored!.version, record: encodeEntry(ended) }] }]);
  await take(once);
  expect(await queue()).toMatchObject([{ op: 'execute', state: 'done' }]);
  expect(results()).toEqual([]);
});

test('equal ids of two sources are two commands', async () => {
  await replica();
  await take(asked(DEVICE, READ, { id: '1', source: '/a' }), asked(DEVICE, READ, { id: '1', source: '/b' }));
  expect(await queue()).toHaveLength(2);
});

test('those of one device are queued in their order, also within a millisecond', async () => {
  await replica();
  await take(...[1, 2, 3].map((i) => asked(DEVICE, { op: 'read', path: `/3/0/${i}` }, { id: `${9 - i}` })));
  expect((await queue()).map(({ path }) => path)).toEqual(['/3/0/1', '/3/0/2', '/3/0/3']);
});

test('CBOR is read as JSON is', async () => {
  await replica();
  const record = asked(DEVICE, {}, { headers: { 'content-type': 'application/cbor' } });
  await take({ ...record, value: encode({ endpoint: DEVICE, op: 'write', path: '/3/0/13', value: 1n }) });
  expect(await queue()).toMatchObject([{ op: 'write', path: '/3/0/13' }]);
});

test('its time runs from when it was asked for', async () => {
  await replica();
  const time = (secondsAgo: number) => ({ headers: { ce_time: new Date(Date.now() - secondsAgo * 1_000).toISOString() } });
  await take(asked(DEVICE, { ...READ, ttlS: 60 }, time(30)), asked(DEVICE, { ...READ, ttlS: 60 }, time(-1_000)));
  const entries = (await store.loadEntries(NUMBER)).map(({ record }) => decodeEntry(record)).sort((a, b) => a.sequence - b.sequence);
  const left = entries.map(({ deadlineMs, acceptedAtMs }) => Math.round((deadlineMs - acceptedAtMs) / 1_000));
  expect(left).toEqual([30, 60]);
});

describe('is rejected, and its producer told', () => {
  const rows: [why: string, record: EventRecord, told: Partial<CommandRejection>, dead: number][] = [
    ['a value that is no command', asked(DEVICE, { op: 'fly' }), { code: 'COMMAND_MALFORMED', faults: [{ path: 'op', message: expect.any(String) as string }] }, 0],
    ['an unknown member', asked(DEVICE, { ...READ, colour: 1 }), { code: 'COMMAND_MALFORMED', op: 'read' }, 0],
    ['a path that can not exist', asked(DEVICE, { op: 'read', path: '/3/0/99999' }), { code: 'COMMAND_MALFORMED', op: 'read' }, 0],
    ['a key that is another endpoint', asked(DEVICE, READ, { key: 'other' }), { code: 'COMMAND_MALFORMED', endpoint: DEVICE }, 0],
    ['an endpoint that nobody knows', asked('nobody', READ), { code: 'ENDPOINT_UNKNOWN', endpoint: 'nobody', op: 'read' }, 0],
    ['a value that is no JSON', { ...asked(DEVICE, READ), value: Buffer.from('{') }, { code: 'COMMAND_UNREADABLE', endpoint: DEVICE }, 1],
    ['another type of event', asked(DEVICE, READ, { headers: { ce_type: 'x' } }), { code: 'COMMAND_UNREADABLE' }, 1],
    ['a value that is nested too deep', { ...asked(DEVICE, READ, { headers: { 'content-type': 'application/cbor' } }), value: Buffer.from([...Array<number>(40).fill(0x81), 0]) }, { code: 'COMMAND_UNREADABLE' }, 1],
  ];
  test.each(rows)('%s', async (_why, record, told, dead) => {
    await replica();
    await take(record);
    const asking = { correlation: record.headers['ce_id'], correlationSource: '/erp' };
    const [result] = results();
    expect(result).toMatchObject({ state: 'rejected', ...told, ...(told.code === 'COMMAND_UNREADABLE' && record.headers['ce_type'] !== 'x' && record.headers['content-type'] === 'application/json' ? {} : asking) });
    expect(result?.key).toBe(result?.endpoint);
    expect(buried).toHaveLength(dead);
    expect(await queue()).toEqual([]);
  });

  test('a record without CloudEvents headers, of which nobody can be told more', async () => {
    await replica();
    await take({ ...asked(DEVICE, READ), headers: {} }, { ...asked(DEVICE, READ, { key: '' }), headers: {} });
    expect(results()).toMatchObject([{ state: 'rejected', endpoint: DEVICE, code: 'COMMAND_UNREADABLE' }]);
    expect(buried).toHaveLength(2);
  });

  test('one that finds the queue full', async () => {
    await replica();
    await take(...[1, 2, 3, 4].map((i) => asked(DEVICE, READ, { id: `n${i}` })));
    expect(await queue()).toHaveLength(3);
    expect(results()).toMatchObject([{ state: 'rejected', code: 'QUEUE_FULL', correlation: 'n4' }]);
  });

  test('one for which its tenant has no room, until another one has ended', async () => {
    const limits = { queueEntries: 10, queueBytes: 100_000, observations: 10, tenant: { entries: 2, bytes: 100_000 } };
    northbound = new Northbound({ sessions: store, cluster: store, limits, newId: () => 'id', rng: { uint32: () => 1 } });
    await registerIn(store, 'another', 'BBBBBBBB');
    await replica();
    await take(asked(DEVICE, READ), asked('another', READ), asked('another', READ, { id: 'third' }));
    await expect.poll(results).toMatchObject([{ state: 'rejected', code: 'TENANT_QUEUE_FULL', endpoint: 'another' }]);
    // As a worker tells that looked at the queue.
    await store.account([{ tenant: 'default', number: NUMBER, entries: 0, bytes: 0 }]);
    await take(asked('another', READ, { id: 'fourth' }));
    expect(results()).toHaveLength(1);
  });

  test('one whose idempotency key another request has used', async () => {
    await replica();
    const keyed = { ...READ, idempotencyKey: 'once' };
    await take(asked(DEVICE, keyed, { id: 'first' }), asked(DEVICE, keyed, { id: 'second' }), asked(DEVICE, keyed, { id: 'first' }));
    const [only] = await queue();
    expect(results()).toMatchObject([{ state: 'rejected', code: 'COMMAND_REPEATED', id: only?.id, correlation: 'second' }]);
  });

  test('again under the same id, if the offset was not stored', async () => {
    await replica();
    bench.topics.publish(asked(DEVICE, { op: 'fly' }));
    await bench.topics.settled();
    await replica();
    await bench.topics.settled();
    const ids = results().map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });
});

test('those that come too fast wait, in their order', async () => {
  const limits = { queueEntries: 10, queueBytes: 100_000, observations: 10 };
  let calls = 0;
  const admit = () => (++calls % 2 === 1 ? 1 : 0);
  northbound = new Northbound({ sessions: store, cluster: store, limits, newId: () => 'id', rng: { uint32: () => 1 }, admit });
  await replica();
  bench.topics.publish(...['a', 'b', 'c'].map((id) => asked(DEVICE, READ, { id })));
  await expect.poll(async () => (await queue()).map(({ correlation }) => correlation)).toEqual(['a', 'b', 'c']);
  expect(results()).toEqual([]);
});

describe('while the store is away', () => {
  test('commands wait, and are queued in their order, each once', async () => {
    let refused = 0;
    const submit = northbound.submit.bind(northbound);
    northbound.submit = async (endpoint, command, origin) => {
      const submission = await submit(endpoint, command, origin);
      // Stored, but not known to be.
      if (++refused <= 3) throw new StoreUnavailable('away');
      return submission;
    };
    await replica();
    bench.topics.publish(...['a', 'b', 'c'].map((id) => asked(DEVICE, READ, { id })));
    await expect.poll(async () => (await queue()).map(({ correlation }) => correlation)).toEqual(['a', 'b', 'c']);
    expect(results()).toEqual([]);
  });

  test('what fails otherwise holds nobody up', async () => {
    const submit = northbound.submit.bind(northbound);
    northbound.submit = async (endpoint, command, origin) => {
      if (origin?.id === 'poison') throw new Error('a fault of the server');
      return submit(endpoint, command, origin);
    };
    await replica();
    await take(asked(DEVICE, READ, { id: 'poison' }), asked(DEVICE, READ, { id: 'next' }));
    expect(await queue()).toMatchObject([{ correlation: 'next' }]);
    expect(results()).toMatchObject([{ code: 'INTERNAL', correlation: 'poison' }]);
    expect(buried).toHaveLength(1);
  });
});

describe('where records have to show who asks', () => {
  const by = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  test.each<[name: string, command: object, options: object, code: string]>([
    ['nobody', READ, {}, 'UNAUTHENTICATED'],
    ['an unknown key', READ, by('guess'), 'UNAUTHENTICATED'],
    ['a key for another path', { op: 'read', path: '/4' }, by('reader'), 'ACCESS_DENIED'],
    ['a key for another operation', { op: 'execute', path: '/3/0/4' }, by('reader'), 'ACCESS_DENIED'],
  ])('a command of %s is rejected', async (_name, command, options, code) => {
    await checkedReplica();
    await take(asked(DEVICE, command, options));
    expect(results()).toMatchObject([{ state: 'rejected', code }]);
    expect(await queue()).toEqual([]);
  });

  test('what the grants cover is queued, and a device of another tenant is not known', async () => {
    await checkedReplica();
    await take(asked(DEVICE, READ, by('reader')));
    expect(await queue()).toHaveLength(1);
    await northbound.setTenant(DEVICE, 'acme');
    await take(asked(DEVICE, READ, by('reader')));
    expect(results()).toMatchObject([{ state: 'rejected', code: 'ENDPOINT_UNKNOWN' }]);
  });
});

test('a record that names a tenant reaches its devices alone', async () => {
  await replica();
  await take(asked(DEVICE, READ, { headers: { ce_tenant: 'acme' } }), asked(DEVICE, READ, { headers: { ce_tenant: 'default' } }));
  expect(results()).toMatchObject([{ state: 'rejected', code: 'ENDPOINT_UNKNOWN' }]);
  expect(await queue()).toHaveLength(1);
});
