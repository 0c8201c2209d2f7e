/** The REST face through real HTTP: bodies, codes and problem documents of every route. */
import {
  type CommandStatus, commandStatus, type EndpointPage, type EndpointView, endpointView, eventTypes, observationList, type Problem,
  problem, type Readiness, restRoutes,
} from '@cluster/contracts';
import { StoreUnavailable } from '@cluster/session';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';
import { notification, registration } from '../testing/events.ts';

let bench: Bench;
let url: string;
let device: string;

beforeEach(async () => {
  bench = new Bench();
  url = await bench.replica();
  device = `${url}/api/v1/endpoints/${encodeURIComponent(DEVICE)}`;
});
afterEach(() => bench.close());

async function json<T>(response: Response | Promise<Response>): Promise<T> {
  return (await (await response).json()) as T;
}

async function expectProblem(response: Response, status: number, code: string): Promise<Problem> {
  const body = problem.parse(await response.json());
  expect({ status: response.status, code: body.code }).toEqual({ status, code });
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body.status).toBe(status);
  return body;
}

describe('endpoints', () => {
  test('lists the directory by pages, in order of names', async () => {
    bench.topics.publish(...['c', 'a', 'b'].map((name) => registration(name)), registration('d', eventTypes.deregistered));
    await bench.topics.settled();
    const first = await json<EndpointPage>(fetch(`${url}/api/v1/endpoints?limit=2`));
    expect(first.endpoints.map((entry) => entry.endpoint)).toEqual(['a', 'b']);
    const second = await json<EndpointPage>(fetch(`${url}/api/v1/endpoints?limit=2&cursor=${first.next}`));
    expect(second.endpoints.map((entry) => entry.endpoint)).toEqual(['c', 'd']);
    expect(second.next).toBeUndefined();
    const gone = await json<EndpointPage>(fetch(`${url}/api/v1/endpoints?state=deregistered`));
    expect(gone.endpoints).toEqual([{ endpoint: 'd', state: 'deregistered', presence: 'unknown', changedAt: '2026-03-01T09:00:00.000Z', tenant: 'default' }]);
  });

  test('lists endpoints by the presence of their devices', async () => {
    bench.topics.publish(registration('a'), registration('b'), registration('c', eventTypes.expired), registration('d'));
    bench.topics.publish(registration('b', eventTypes.asleep), registration('d', eventTypes.asleep));
    await bench.topics.settled();
    const names = async (query: string) =>
      (await json<EndpointPage>(fetch(`${url}/api/v1/endpoints?${query}`))).endpoints.map(({ endpoint, state, presence }) => `${endpoint} ${state} ${presence}`);
    expect(await names('presence=asleep')).toEqual(['b registered asleep', 'd registered asleep']);
    expect(await names('state=registered')).toEqual(['a registered awake', 'b registered asleep', 'd registered asleep']);
    expect(await names('state=registered&presence=awake')).toEqual(['a registered awake']);
    expect(await names('state=expired&presence=asleep')).toEqual([]);
    await expectProblem(await fetch(`${url}/api/v1/endpoints?presence=sleepy`), 400, 'REQUEST_MALFORMED');
  });

  test('shows when the device was last heard, also by values that changed nothing else', async () => {
    bench.topics.publish(notification(DEVICE, 21, { receivedAt: '2026-03-01T10:30:00.000Z' }));
    await bench.topics.settled();
    const view = endpointView.parse(await (await fetch(device)).json());
    expect(view.presence.lastHeard).toBe('2026-03-01T10:30:00.000Z');
  });

  test('shows an endpoint', async () => {
    const view = endpointView.parse(await (await fetch(device)).json());
    expect(view.endpoint).toBe(DEVICE);
  });

  test('finds a name with a slash, a space, a percent sign and letters beyond ASCII', async () => {
    const response = await fetch(`${url}/api/v1/endpoints/${encodeURIComponent('a/b ü%')}`);
    expect((await json<EndpointView>(response)).endpoint).toBe('a/b ü%');
  });

  test('drops a registration', async () => {
    expect((await send(`${device}/registration`, 'DELETE')).status).toBe(204);
    await expectProblem(await send(`${device}/registration`, 'DELETE'), 404, 'ENDPOINT_UNKNOWN');
  });

  test('gives last values, and none for an endpoint without', async () => {
    expect(await (await fetch(`${device}/values`)).json()).toEqual([]);
    bench.topics.publish(notification(DEVICE, 21.5));
    await bench.topics.settled();
    expect(await (await fetch(`${device}/values`)).json()).toEqual([
      { path: '/3303/0/5700', value: 21.5, type: 'float', receivedAt: '2026-03-01T09:00:00.000Z', source: 'notification' },
    ]);
  });
});

describe('observations', () => {
  test('PUT replaces the list, DELETE empties it', async () => {
    const list = [{ path: '/3303/0/5700', attributes: { pmin: 1, gt: null } }, { paths: ['/3/0', '/4/0'] }];
    const put = await send(`${device}/observations`, 'PUT', list);
    expect(put.status).toBe(200);
    const shown = observationList.parse(await (await fetch(`${device}/observations`)).json());
    expect(shown).toEqual(list.map((wanted) => ({ ...wanted, state: 'wanted' })));
    expect((await send(`${device}/observations`, 'DELETE')).status).toBe(204);
    expect(await (await fetch(`${device}/observations`)).json()).toEqual([]);
  });

  test('refuses what can not be observed', async () => {
    const refused = await expectProblem(await send(`${device}/observations`, 'PUT', [{ path: '/65535' }]), 400, 'OBSERVATIONS_MALFORMED');
    expect(refused.faults).toEqual([{ path: '0.path', message: 'can not exist' }]);
    await expectProblem(await send(`${device}/observations`, 'PUT', { path: '/3' }), 400, 'REQUEST_MALFORMED');
  });
});

describe('commands', () => {
  test('202 with a location that shows the command', async () => {
    const response = await send(`${device}/commands`, 'POST', { op: 'read', path: '/3/0' });
    expect(response.status).toBe(202);
    const status = commandStatus.parse(await response.json());
    expect(status).toMatchObject({ op: 'read', path: '/3/0', state: 'queued' });
    const shown = await fetch(url + response.headers.get('location'));
    expect(await shown.json()).toEqual(status);
    expect(await (await fetch(`${device}/commands`)).json()).toEqual([status]);
  });

  test('a repeat with the same key is the same command, by body or by header', async () => {
    const body = { op: 'read', path: '/3/0' };
    const ids = [
      await send(`${device}/commands`, 'POST', { ...body, idempotencyKey: 'k 1' }),
      await send(`${device}/commands`, 'POST', body, { 'idempotency-key': 'k 1' }),
      await send(`${device}/commands`, 'POST', body, { 'idempotency-key': '"k 1"' }),
    ].map(async (response) => ((await response.json()) as { id: string }).id);
    expect(new Set(await Promise.all(ids)).size).toBe(1);
    const another = await send(`${device}/commands`, 'POST', { op: 'read', path: '/4', idempotencyKey: 'k 1' });
    await expectProblem(another, 422, 'IDEMPOTENCY_KEY_REUSED');
    const contradiction = await send(`${device}/commands`, 'POST', { ...body, idempotencyKey: 'x' }, { 'idempotency-key': 'y' });
    await expectProblem(contradiction, 400, 'REQUEST_MALFORMED');
  });

  test('429 when the queue is full', async () => {
    for (let i = 0; i < 3; i++) expect((await send(`${device}/commands`, 'POST', { op: 'read', path: '/3' })).status).toBe(202);
    const full = await send(`${device}/commands`, 'POST', { op: 'read', path: '/3' });
    expect(full.headers.get('retry-after')).toBe('60');
    expect((await expectProblem(full, 429, 'QUEUE_FULL')).detail).toContain('one device');
  });

  test('cancels what is queued, and only that', async () => {
    const status = await json<CommandStatus>(send(`${device}/commands`, 'POST', { op: 'read', path: '/3' }));
    const command = `${device}/commands/${status.id}`;
    bench.northbound.put(DEVICE, { ...status, state: 'in-flight' });
    await expectProblem(await send(command, 'DELETE'), 409, 'COMMAND_IN_FLIGHT');
    bench.northbound.put(DEVICE, status);
    expect((await send(command, 'DELETE')).status).toBe(204);
    await expectProblem(await send(command, 'DELETE'), 409, 'COMMAND_FINISHED');
    await expectProblem(await send(`${device}/commands/nope`, 'DELETE'), 404, 'COMMAND_UNKNOWN');
  });

  test.each<[name: string, body: unknown, faults: string[]]>([
    ['no operation', {}, ['op']],
    ['an unknown operation', { op: 'reboot' }, ['op']],
    ['an unknown field', { op: 'read', path: '/3', pth: '/3' }, ['']],
    ['several faults', { op: 'x', ttlS: 0, priority: 10, payloadBase64: '!' }, ['op', 'payloadBase64', 'ttlS', 'priority']],
    ['a value in a list', { op: 'write', values: [{ path: '/3/0/1', value: {} }] }, ['values.0.value']],
    ['an unknown attribute', { op: 'write-attributes', path: '/3', attributes: { pmin: 1, foo: 2 } }, ['attributes']],
    ['a list', [{ op: 'read' }], ['']],
    ['null', 'null', ['']],
  ])('400 names what is wrong: %s', async (_name, body, faults) => {
    const refused = await expectProblem(await send(`${device}/commands`, 'POST', body), 400, 'REQUEST_MALFORMED');
    expect(refused.faults?.map((fault) => fault.path)).toEqual(faults);
  });

  test('400 for a command that no device could be sent', async () => {
    const refused = await expectProblem(await send(`${device}/commands`, 'POST', { op: 'read', path: '/65535' }), 400, 'COMMAND_MALFORMED');
    expect(refused.faults).toEqual([{ path: 'path', message: 'can not exist' }]);
  });

  test.each<[query: string, status: number]>([
    ['wait=0', 400], ['wait=121', 400], ['wait=x', 400], ['wait=1&wait=2', 400], ['wat=1', 400],
  ])('refuses ?%s', async (query, status) => {
    expect((await send(`${device}/commands?${query}`, 'POST', { op: 'read', path: '/3' })).status).toBe(status);
  });
});

describe('broken requests', () => {
  test('JSON that is none', async () => {
    await expectProblem(await send(`${device}/commands`, 'POST', '{"op":'), 400, 'REQUEST_MALFORMED');
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])('%s is not taken', async (type) => {
    await expectProblem(await send(`${device}/commands`, 'POST', 'op=read', { 'content-type': type }), 415, 'MEDIA_TYPE_UNSUPPORTED');
  });

  test('a body beyond the limit', async () => {
    const small = await bench.replica({ bodyLimitBytes: 2_000 });
    const body = { op: 'write', path: '/3/0/1', value: 'x'.repeat(3_000) };
    await expectProblem(await send(`${small}/api/v1/endpoints/x/commands`, 'POST', body), 413, 'BODY_TOO_LARGE');
  });

  test('headers beyond the limit', async () => {
    const response = await fetch(device, { headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(response.status).toBe(431);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  test('an address that is no percent-encoding, or too long, or unknown', async () => {
    await expectProblem(await fetch(`${url}/api/v1/endpoints/%zz`), 400, 'REQUEST_MALFORMED');
    await expectProblem(await fetch(`${url}/api/v1/endpoints/${'x'.repeat(1_100)}`), 414, 'URL_TOO_LONG');
    await expectProblem(await fetch(`${url}/api/v1/nothing`), 404, 'ROUTE_UNKNOWN');
    await expectProblem(await fetch(`${url}/api/v1/endpoints?cursor=%00`), 400, 'REQUEST_MALFORMED');
  });
});

describe('an unknown endpoint is 404', () => {
  const routes = restRoutes.filter((route) => route.problems.includes('ENDPOINT_UNKNOWN'));
  test.each(routes.map((route) => [route.id, route] as const))('%s', async (_id, route) => {
    const body = route.id === 'setObservations' ? [] : { op: 'read', path: '/3' };
    const response = await send(url + route.path.replace('{endpoint}', 'nobody').replace('{version}', '1'), route.method.toUpperCase(), route.body && body);
    await expectProblem(response, 404, 'ENDPOINT_UNKNOWN');
  });
});

describe('a store that is away is 503', () => {
  const routes = restRoutes.filter((route) => route.problems.includes('STORE_UNAVAILABLE'));
  test.each(routes.map((route) => [route.id, route] as const))('%s', async (_id, route) => {
    bench.northbound.failure = bench.model.failure = bench.documents.failure = new StoreUnavailable('secret address');
    const path = route.path.replace('{endpoint}', 'nobody').replace('{id}', 'x').replace('{name}', 'x').replace('{version}', '1');
    const [body] = Object.values(route.body?.examples ?? {});
    const response = await send(url + path, route.method.toUpperCase(), body);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const text = JSON.stringify(await expectProblem(response, 503, 'STORE_UNAVAILABLE'));
    expect(text).not.toContain('secret');
    if (route.id === 'submitCommand') expect(text).toContain('Repeat it with the same idempotencyKey');
  });
});

test('a fault of our own tells nothing of its inside', async () => {
  bench.northbound.failure = new TypeError('secret');
  const body = await expectProblem(await fetch(device), 500, 'INTERNAL');
  expect(JSON.stringify(body)).not.toContain('secret');
});

describe('health', () => {
  test('live and ready', async () => {
    expect(await (await fetch(`${url}/health/live`)).json()).toEqual({ status: 'up' });
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: 'up',
      parts: { store: { status: 'up' }, events: { status: 'up' }, consumers: { status: 'up' }, broker: { status: 'up' } },
    });
  });

  test('tells that the broker is away, and stays ready: commands are taken without it', async () => {
    bench.topics.away = true;
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await json<Readiness>(ready)).toMatchObject({ status: 'up', parts: { broker: { status: 'down' } } });
    bench.topics.away = false;
    expect((await json<Readiness>(fetch(`${url}/health/ready`))).parts).toMatchObject({ broker: { status: 'up' } });
  });

  test('not ready while the store does not answer', async () => {
    bench.storeFailure = new StoreUnavailable('away');
    const ready = await fetch(`${url}/health/ready`);
    expect(ready.status).toBe(503);
    expect((await json<Readiness>(ready)).parts.store).toEqual({ status: 'down', reason: 'away' });
  });

  test('starts without a broker, is not ready, and becomes it by itself', async () => {
    bench.topics.away = true;
    const late = await bench.replica();
    expect((await json<Readiness>(fetch(`${late}/health/ready`))).parts).toMatchObject({ events: { status: 'down' }, consumers: { status: 'down' } });
    await expectProblem(await fetch(`${late}/api/v1/events`), 503, 'EVENTS_UNAVAILABLE');
    expect((await fetch(`${late}/api/v1/endpoints`)).status).toBe(200);
    bench.topics.away = false;
    await expect.poll(async () => (await fetch(`${late}/health/ready`)).status).toBe(200);
  });
});
