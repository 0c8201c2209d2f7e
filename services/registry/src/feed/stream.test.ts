/** The event stream through real HTTP: order, filters, resumption on another replica, gaps and bounds. */
import { eventTypes, topics } from '@cluster/contracts';
import { Encoder } from 'cbor-x';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE } from '../testing/bench.ts';
import { EventSourceReader } from '../testing/event-source.ts';
import { commandResult, event, notification, registration } from '../testing/events.ts';
import { PositionVector, streamTopics } from './positions.ts';

let bench: Bench;
const readers: EventSourceReader[] = [];

beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await bench.close();
});

/** Opens a stream and waits until it stands at its position. */
async function open(url: string, query = '', lastEventId?: string): Promise<EventSourceReader> {
  const reader = await EventSourceReader.open(`${url}/api/v1/events${query}`, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
  readers.push(reader);
  await reader.until(() => reader.lastEventId !== '');
  return reader;
}

function publishValues(from: number, to: number, endpoints = [DEVICE]): void {
  for (let value = from; value < to; value++) for (const endpoint of endpoints) bench.topics.publish(notification(endpoint, value));
}

function valuesOf(reader: EventSourceReader, endpoint = DEVICE): unknown[] {
  return reader.messages
    .filter((message) => message.type === eventTypes.notification && message.data['endpoint'] === endpoint)
    .map((message) => (message.data.data as { values: { value: number }[] }).values[0]?.value);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('a stream', () => {
  test('gives events of all topics with type, id and data', async () => {
    const reader = await open(await bench.replica());
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const sent = registration(DEVICE);
    bench.topics.publish(sent, notification(DEVICE, 1), event(topics.sends, eventTypes.send, DEVICE, { values: [] }));
    const messages = await reader.take(3);
    expect(messages.map((message) => message.type).sort()).toEqual([eventTypes.notification, eventTypes.registered, eventTypes.send]);
    const registered = messages.find((message) => message.type === eventTypes.registered);
    expect(registered?.data).toMatchObject({
      id: sent.headers['ce_id'], type: eventTypes.registered, time: '2026-03-01T09:00:00.000Z', endpoint: DEVICE, data: { lifetimeS: 86_400 },
    });
  });

  test('shows a value in CBOR as JSON', async () => {
    const reader = await open(await bench.replica());
    const value = new Encoder({ useRecords: false }).encode({ big: 2n ** 60n, bytes: Buffer.from('hi'), list: [1.5, null, true] });
    bench.topics.publish(event(topics.sends, eventTypes.send, DEVICE, undefined, { value, contentType: 'application/cbor' }));
    const [message] = await reader.take(1);
    expect(message?.data.data).toEqual({ big: '1152921504606846976', bytes: 'aGk=', list: [1.5, null, true] });
  });

  test('filters by endpoint and type, each repeatable', async () => {
    const url = await bench.replica();
    const one = await open(url, '?endpoint=a&endpoint=b&type=lwm2m.notification');
    bench.topics.publish(notification('c', 1), registration('a'), notification('a', 2), notification('b', 3), notification('c', 4));
    const messages = await one.take(2);
    expect(messages.map((message) => message.data['endpoint']).sort()).toEqual(['a', 'b']);
  });

  test.each([
    ['an unknown type', 'type=nothing'], ['an empty name', 'endpoint='], ['an unknown parameter', 'nope=1'],
    ['an id beyond the limit', `lastEventId=${'x'.repeat(9_000)}`],
  ])('refuses %s', async (_name, query) => {
    expect((await fetch(`${await bench.replica()}/api/v1/events?${query}`)).status).toBe(400);
  });

  test('refuses an id that was not given out here', async () => {
    const response = await fetch(`${await bench.replica()}/api/v1/events`, { headers: { 'last-event-id': 'AgAB' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'LAST_EVENT_ID_MALFORMED' });
  });

  test('passes over records that are no events', async () => {
    const reader = await open(await bench.replica());
    bench.topics.publish(
      { ...notification(DEVICE, 0), headers: {} },
      event(topics.notifications, 'of.another.kind', DEVICE, {}),
      event(topics.notifications, eventTypes.notification, DEVICE, undefined, { value: Buffer.from('{') }),
      notification(DEVICE, 1),
    );
    await reader.take(1);
    expect(valuesOf(reader)).toEqual([1]);
  });

  test('beats its heart, and tells a narrow filter how far it is', async () => {
    const reader = await open(await bench.replica({ heartbeatMs: 10 }), '?endpoint=nobody');
    const before = reader.lastEventId;
    publishValues(0, 3);
    await reader.until(() => reader.lastEventId !== before && reader.comments > 1);
    expect(PositionVector.decode(reader.lastEventId)?.get(topics.notifications, bench.topics.partitionOf(DEVICE))).toBe(3n);
    expect(reader.messages).toEqual([]);
  });

  test('ends when the service stops', async () => {
    const reader = await open(await bench.replica());
    await bench.closeLast();
    await reader.until(() => reader.ended);
  });
});

describe('a reader that comes again', () => {
  const endpoints = ['a', 'b', 'c', DEVICE];

  async function readSome(url: string, until: number, lastEventId?: string): Promise<EventSourceReader> {
    const reader = await open(url, '', lastEventId);
    await reader.until(() => endpoints.every((endpoint) => valuesOf(reader, endpoint).includes(until)));
    return reader;
  }

  test('on another replica gets what it missed from the ring, then live, once and in order', async () => {
    const [one, two] = [await bench.replica(), await bench.replica()];
    const tails = bench.topics.tails;
    const first = await open(one);
    publishValues(0, 5, endpoints);
    await first.until(() => endpoints.every((endpoint) => valuesOf(first, endpoint).length === 5));
    first.close();
    publishValues(5, 10, endpoints);
    const second = await open(two, '', first.lastEventId);
    publishValues(10, 15, endpoints);
    await second.until(() => endpoints.every((endpoint) => valuesOf(second, endpoint).length === 10));
    for (const endpoint of endpoints) {
      expect(valuesOf(first, endpoint)).toEqual(range(0, 5));
      expect(valuesOf(second, endpoint)).toEqual(range(5, 15));
    }
    expect(bench.topics.tails).toBe(tails);
  });

  test('resumes from the middle of what it saw', async () => {
    const [one, two] = [await bench.replica(), await bench.replica()];
    const first = await open(one);
    publishValues(0, 10);
    await first.take(10);
    const second = await readSomeOf(two, first.messages[3]?.id ?? '');
    expect(valuesOf(second)).toEqual(range(4, 10));

    async function readSomeOf(url: string, id: string): Promise<EventSourceReader> {
      const reader = await open(url, `?lastEventId=${id}`);
      await reader.take(6);
      return reader;
    }
  });

  test('on a replica whose ring does not reach back reads the topics again, with no gap and no repeat', async () => {
    const one = await bench.replica();
    const first = await open(one);
    publishValues(0, 3, endpoints);
    await first.until(() => endpoints.every((endpoint) => valuesOf(first, endpoint).length === 3));
    publishValues(3, 40, endpoints);
    await bench.topics.settled();
    const two = await bench.replica({ recentEvents: 20 });
    publishValues(40, 60, endpoints);
    const before = bench.topics.tails;
    const second = await readSome(two, 59, first.messages.at(-1)?.id);
    expect(bench.topics.tails).toBe(before + 1);
    publishValues(60, 80, endpoints);
    await second.until(() => endpoints.every((endpoint) => valuesOf(second, endpoint).includes(79)));
    for (const endpoint of endpoints) expect(valuesOf(second, endpoint)).toEqual(range(3, 80));
    expect(second.messages.some((message) => message.type === 'gap')).toBe(false);
  });

  test('waits for its turn when many have to catch up, and misses nothing', async () => {
    const first = await open(await bench.replica());
    publishValues(0, 30);
    await first.take(30);
    const two = await bench.replica({ catchUps: 1 });
    const ids = [3, 7, 11].map((i) => first.messages[i]?.id ?? '');
    const again = await Promise.all(ids.map((id) => open(two, '', id)));
    publishValues(30, 35);
    for (const [i, reader] of again.entries()) {
      await reader.until(() => valuesOf(reader).includes(34));
      expect(valuesOf(reader)).toEqual(range([4, 8, 12][i] ?? 0, 35));
    }
  });

  test('is told of a gap when retention passed where it stood', async () => {
    const first = await open(await bench.replica());
    publishValues(0, 2);
    await first.take(2);
    publishValues(2, 5);
    await bench.topics.settled();
    const partition = bench.topics.partitionOf(DEVICE);
    bench.topics.forget(topics.notifications, partition);
    const two = await bench.replica();
    publishValues(5, 8);
    const second = await open(two, '', first.lastEventId);
    await second.until(() => valuesOf(second).includes(7));
    expect(valuesOf(second)).toEqual([5, 6, 7]);
    expect(second.messages.filter((message) => message.type === 'gap').map((message) => message.data)).toEqual([
      { topic: topics.notifications, partition },
    ]);
  });

  test('is told of a gap when the topics are others than those it read', async () => {
    const url = await bench.replica();
    publishValues(0, 3);
    const partition = bench.topics.partitionOf(DEVICE);
    const id = PositionVector.from({ ...(await bench.topics.consumer().ends(streamTopics)), [topics.notifications]: { [partition]: '1000' } });
    const reader = await open(url, '', id.encode());
    await reader.until(() => valuesOf(reader).length === 3);
    expect(reader.messages[0]).toMatchObject({ type: 'gap', data: { topic: topics.notifications, partition } });
  });
});

describe('bounds', () => {
  test('so many streams and no more; a place is free again when one closes', async () => {
    const url = await bench.replica({ streams: 2 });
    const first = await open(url);
    await open(url);
    const refused = await fetch(`${url}/api/v1/events`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({ code: 'STREAMS_FULL' });
    first.close();
    await expect.poll(async () => {
      const again = new AbortController();
      const { status } = await fetch(`${url}/api/v1/events`, { signal: again.signal });
      again.abort();
      return status;
    }).toBe(200);
  });

  test('so many openings a second and no more', async () => {
    const url = await bench.replica({ streamOpensPerSecond: 2 });
    await open(url);
    await open(url);
    const refused = await fetch(`${url}/api/v1/events`);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'STREAM_RATE' });
  });

  test('a reader that does not read is cut when the ring overtakes it, and resumes with no gap', async () => {
    const url = await bench.replica({ recentEvents: 50 });
    const slow = await open(url);
    const id = slow.lastEventId;
    // More than the sockets of both sides take, without a turn in which anything is read.
    const filler = 'x'.repeat(100_000);
    for (let i = 0; i < 200; i++) bench.topics.publish(event(topics.sends, eventTypes.send, DEVICE, { i, filler }));
    await slow.until(() => slow.ended);
    expect(slow.messages.length).toBeLessThan(200);
    const seen = slow.messages.map((message) => (message.data.data as { i: number }).i);
    const again = await open(url, '', slow.messages.at(-1)?.id ?? id);
    await again.until(() => again.messages.length + seen.length >= 200);
    expect([...seen, ...again.messages.map((message) => (message.data.data as { i: number }).i)]).toEqual(range(0, 200));
  });
});

test('command results are events like others', async () => {
  const reader = await open(await bench.replica(), '?type=lwm2m.command.result');
  bench.topics.publish(commandResult(DEVICE, { id: 'c1', op: 'read', state: 'done', attempts: 1, acceptedAt: '2026-03-01T09:00:00.000Z' }));
  const [message] = await reader.take(1);
  expect(message?.data.data).toMatchObject({ id: 'c1', state: 'done', endpoint: DEVICE });
});
