/** Labels and settings over HTTP: kept, shown, listed by, and refused where they can not be. */
import { type EndpointPage, eventTypes, problem, topics } from '@cluster/contracts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';
import { event, registration } from '../testing/events.ts';

let bench: Bench;
let api: string;

beforeEach(async () => {
  bench = new Bench();
  api = `${await bench.replica()}/api/v1/endpoints`;
});
afterEach(() => bench.close());

async function put(endpoint: string, what: 'labels' | 'settings', body: unknown): Promise<Response> {
  return send(`${api}/${encodeURIComponent(endpoint)}/${what}`, 'PUT', body);
}

test('are kept for an endpoint that nobody heard of, and shown with it', async () => {
  expect(await (await put('new', 'labels', { site: 'a' })).json()).toEqual({ site: 'a' });
  expect(await (await put('new', 'settings', { maxRetransmit: 0, muteSend: true })).json()).toEqual({ maxRetransmit: 0, muteSend: true });
  expect(await (await fetch(`${api}/new/labels`)).json()).toEqual({ site: 'a' });
  expect(await (await fetch(`${api}/new/settings`)).json()).toEqual({ maxRetransmit: 0, muteSend: true });
  expect(await (await fetch(`${api}/new`)).json()).toMatchObject({ labels: { site: 'a' }, settings: { muteSend: true } });
  expect((await send(`${api}/new`, 'DELETE')).status).toBe(204);
  expect(await (await fetch(`${api}/new/labels`)).json()).toEqual({});
});

describe('are refused', () => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, '']));
  test.each<['labels' | 'settings', string, unknown]>([
    ['labels', '33 of them', many],
    ['labels', 'a key of 64 characters', { ['k'.repeat(64)]: 'v' }],
    ['labels', 'a value of 64 characters', { k: 'v'.repeat(64) }],
    ['labels', 'a key with "="', { 'a=b': 'c' }],
    ['labels', 'an empty key', { '': 'c' }],
    ['labels', 'a value that ends with a dash', { a: 'b-' }],
    ['labels', 'a value that is no text', { a: 1 }],
    ['settings', 'an unknown one', { retries: 3 }],
    ['settings', 'a negative number', { maxRetransmit: -1 }],
    ['settings', 'a fraction', { ackTimeoutMs: 1_000.5 }],
  ])('%s: %s', async (what, _name, body) => {
    const response = await put(DEVICE, what, body);
    expect(response.status).toBe(400);
    expect(problem.parse(await response.json())).toMatchObject({ code: 'REQUEST_MALFORMED' });
  });

  test('for a name that no device can have', async () => {
    expect((await put('a\u0007b', 'labels', {})).status).toBe(400);
  });
});

describe('the directory lists endpoints by their labels', () => {
  beforeEach(async () => {
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
      const labels = { all: '', half: String(i % 2) };
      const change = { endpoint: name, state: 'registered', stateAt: '2026-03-01T09:00:00.000Z', labels, settings: {} };
      bench.topics.publish(registration(name), event(topics.registrations, eventTypes.endpointChanged, name, change));
    }
    bench.topics.publish(registration('d', eventTypes.expired, '2026-03-01T10:00:00.000Z'));
    await bench.topics.settled();
  });

  test.each([
    ['label=half=1', ['b', 'd']],
    ['label=all=', ['a', 'b', 'c', 'd']],
    ['label=all=&label=half=0', ['a', 'c']],
    ['label=half=1&state=registered', ['b']],
    ['label=half=2', []],
  ])('%s', async (query, names) => {
    const page = (await (await fetch(`${api}?${query}`)).json()) as EndpointPage;
    expect(page.endpoints.map(({ endpoint }) => endpoint)).toEqual(names);
  });

  test('by pages', async () => {
    const first = (await (await fetch(`${api}?label=all=&limit=3`)).json()) as EndpointPage;
    expect(first.endpoints[0]).toMatchObject({ endpoint: 'a', labels: { all: '', half: '0' } });
    const second = (await (await fetch(`${api}?label=all=&limit=3&cursor=${first.next}`)).json()) as EndpointPage;
    expect(second.endpoints.map(({ endpoint }) => endpoint)).toEqual(['d']);
  });

  test.each(['label=half', 'label==x'])('%s is refused', async (query) => {
    expect((await fetch(`${api}?${query}`)).status).toBe(400);
  });
});
