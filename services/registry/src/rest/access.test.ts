/** Access through real HTTP: each role at each route, for devices of its own and of another tenant, and what limited grants leave out. */
import { createHash, randomBytes } from 'node:crypto';
import {
  type Access, accessOf, accessOfRole, auditValue, type CommandStatus, eventTypes, type Grant, type Problem, role, type Role, type RestRoute, restRoutes, topics,
} from '@cluster/contracts';
import { ApiKeys } from '@cluster/nest-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';
import { EventSourceReader } from '../testing/event-source.ts';
import { event } from '../testing/events.ts';

const OTHER = 'a/b ü%';
const bench = new Bench();
const keys: { name: string; sha256: string; grants: Grant[]; expiresAt?: string }[] = [];
let url: string;

/** A key with these grants. */
function keyFor(name: string, grants: Grant[], expiresAt?: string): string {
  const key = randomBytes(24).toString('base64url');
  keys.push({ name, sha256: createHash('sha256').update(key).digest('hex'), grants, ...(expiresAt === undefined ? {} : { expiresAt }) });
  return key;
}

const byRole = Object.fromEntries(role.options.map((name) => [name, keyFor(name, [{ role: name, tenant: 'acme' }])])) as Record<Role, string>;
const cluster = Object.fromEntries(role.options.map((name) => [name, keyFor(`cluster-${name}`, [{ role: name, tenant: '*' }])])) as Record<Role, string>;
const everywhere = keyFor('everywhere', [{ role: 'admin', tenant: '*' }]);
const reader = keyFor('reader', [{ role: 'operator', tenant: 'acme', operations: ['read'], paths: ['/3'] }, { role: 'viewer', tenant: 'acme', paths: ['/3303/0/5700'] }]);
const rival = keyFor('rival', [{ role: 'admin', tenant: 'rival' }]);
const expired = keyFor('expired', [{ role: 'admin', tenant: '*' }], '2020-01-01T00:00:00Z');

beforeAll(async () => {
  for (const endpoint of [DEVICE, TRIED]) bench.northbound.tenants.set(endpoint, 'acme');
  url = await bench.replica({}, { access: { keys: new ApiKeys(keys) } });
});
afterAll(() => bench.close());

const as = (key: string) => ({ 'x-api-key': key });

async function codeOf(response: Response): Promise<string> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (isProblem) return ((await response.json()) as Problem).code;
  await response.body?.cancel();
  return '';
}

/** What a route answers, with parameters that lead nowhere but for the endpoint. */
async function ask({ method, path }: RestRoute, endpoint: string, headers: Record<string, string>): Promise<{ status: number; code: string }> {
  const address = path.replace('{endpoint}', encodeURIComponent(endpoint)).replaceAll(/\{\w+\}/g, 'x');
  const abort = new AbortController();
  const response = await fetch(url + address, { method: method.toUpperCase(), headers, signal: abort.signal });
  const answer = { status: response.status, code: response.headers.get('content-type') === 'text/event-stream' ? '' : await codeOf(response) };
  abort.abort();
  return answer;
}

const guarded = restRoutes.filter((route) => accessOf(route) !== 'open').map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);
const served = guarded.filter(([, { path }]) => !/bootstrap|pki|firmware/.test(path));
/** What the routes are tried with: one of them forgets its endpoint. */
const TRIED = 'urn:dev:tried';

describe.each(served)('%s', (_name, route) => {
  test('asks who the caller is', async () => {
    expect(await ask(route, TRIED, {})).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
    expect(await ask(route, TRIED, as('guess'))).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
    expect(await ask(route, TRIED, as(expired))).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
  });

  test.each(role.options)('lets a %s in if the role is for it', async (name) => {
    const { code } = await ask(route, TRIED, as(byRole[name]));
    const allowed = accessOfRole[name].includes(accessOf(route)) && (route.path.includes('{endpoint}') || route.leavesOutTenants === true);
    expect(code === 'ACCESS_DENIED').toBe(!allowed);
    expect(code).not.toBe('UNAUTHENTICATED');
  });

  test.each(role.options)('lets a %s of the cluster in if the role is for it', async (name) => {
    const { code } = await ask(route, 'nobody', as(cluster[name]));
    expect(code === 'ACCESS_DENIED').toBe(!accessOfRole[name].includes(accessOf(route)));
  });
});

test.each(served.filter(([name]) => name.includes('{endpoint}')))("%s does not tell an admin of one tenant that there is another one's device", async (_name, route) => {
  expect(await ask(route, OTHER, as(byRole.admin))).toEqual({ status: 404, code: 'ENDPOINT_UNKNOWN' });
});

test.each<[route: string, access: Access]>([
  ['GET /api/v1/endpoints', 'view'],
  ['POST /api/v1/endpoints/{endpoint}/commands', 'operate'],
  ['PUT /api/v1/endpoints/{endpoint}/credentials', 'provision'],
  ['GET /api/v1/endpoints/{endpoint}/credentials', 'view'],
  ['POST /api/v1/jobs', 'operate'],
])('%s takes a grant to %s', (name, access) => {
  expect(guarded.filter(([route]) => route === name).map(([, route]) => accessOf(route))).toEqual([access]);
});

test('who may do everything everywhere sees the devices of every tenant', async () => {
  for (const endpoint of [DEVICE, OTHER]) expect((await fetch(`${url}/api/v1/endpoints/${encodeURIComponent(endpoint)}`, { headers: as(everywhere) })).status).toBe(200);
});

test('health, metrics and the documents ask nobody', async () => {
  for (const path of ['/health/live', '/health/ready', '/metrics', '/api/openapi.json', '/api/asyncapi.json', '/api/docs']) expect((await fetch(url + path)).status).toBe(200);
});

test('a bearer header takes keys too; the refusal says how to come', async () => {
  const address = `${url}/api/v1/endpoints`;
  expect((await fetch(address, { headers: { authorization: `Bearer ${everywhere}` } })).status).toBe(200);
  const refused = await fetch(address, { headers: { authorization: 'Basic eDp5' } });
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer /);
});

function report(endpoint: string, tenant: string, values: readonly object[]) {
  const data = { endpoint, registrationId: 'r1', paths: ['/3303/0'], receivedAt: '2026-03-01T09:00:00.000Z', values, payloadBase64: 'AA==' };
  return event(topics.notifications, eventTypes.notification, endpoint, data, { tenant });
}

describe('a caller whose grants are limited', () => {
  const device = () => `${url}/api/v1/endpoints/${encodeURIComponent(DEVICE)}`;

  test('gives the commands that are granted, and no others', async () => {
    const give = async (body: object) => send(`${device()}/commands`, 'POST', body, as(reader));
    expect((await give({ op: 'read', path: '/3/0/1' })).status).toBe(202);
    for (const refused of [{ op: 'read', path: '/4' }, { op: 'read', path: '/33' }, { op: 'write', path: '/3/0/14', value: 'x' }, { op: 'read-composite', paths: ['/3', '/4'] }]) {
      const response = await give(refused);
      expect({ status: response.status, code: await codeOf(response) }).toEqual({ status: 403, code: 'ACCESS_DENIED' });
    }
  });

  test('sees no commands beside them, nor cancels them', async () => {
    const other = (await (await send(`${device()}/commands`, 'POST', { op: 'read', path: '/5/0/3' }, as(byRole.operator))).json()) as CommandStatus;
    const listed = (await (await fetch(`${device()}/commands`, { headers: as(reader) })).json()) as CommandStatus[];
    expect(listed.map(({ path }) => path)).not.toContain('/5/0/3');
    expect((await fetch(`${device()}/commands/${other.id}`, { headers: as(reader) })).status).toBe(404);
    expect((await send(`${device()}/commands/${other.id}`, 'DELETE', undefined, as(reader))).status).toBe(404);
    expect((await send(`${device()}/commands/${other.id}`, 'DELETE', undefined, as(byRole.operator))).status).toBe(204);
  });

  test('sees only the values at its paths, in the store and on the stream', async () => {
    const stream = await EventSourceReader.open(`${url}/api/v1/events`, as(reader));
    const whole = await EventSourceReader.open(`${url}/api/v1/events`, as(everywhere));
    const both = [{ path: '/3303/0/5700', value: 21, type: 'float' }, { path: '/3303/0/5701', value: 'Cel', type: 'string' }];
    bench.topics.publish(report(DEVICE, 'acme', both), report(OTHER, 'default', both), report(DEVICE, 'acme', both));
    await bench.topics.settled();
    const values = (await (await fetch(`${device()}/values`, { headers: as(reader) })).json()) as { path: string }[];
    expect(values.map(({ path }) => path)).toEqual(['/3303/0/5700']);
    for (const { data } of await stream.take(2)) {
      expect(data).toMatchObject({ endpoint: DEVICE, data: { values: [both[0]] } });
      expect(JSON.stringify(data)).not.toContain('payloadBase64');
    }
    expect((await whole.take(3)).map(({ data }) => data['endpoint']).sort()).toEqual([OTHER, DEVICE, DEVICE]);
    expect(whole.messages[0]?.data).toMatchObject({ data: { values: both, payloadBase64: 'AA==' } });
    stream.close();
    whole.close();
  });

  test('changes no settings or labels', async () => {
    const response = await send(`${device()}/labels`, 'PUT', { site: 'x' }, as(reader));
    expect({ status: response.status, code: await codeOf(response) }).toEqual({ status: 403, code: 'ACCESS_DENIED' });
  });
});

describe('two tenants', () => {
  const api = (path: string) => `${url}/api/v1/${path}`;
  const own = { acme: byRole.admin, rival };
  const status = async (response: Promise<Response>) => {
    const answer = await response;
    return { status: answer.status, code: await codeOf(answer) };
  };

  test('what one provisions is its own, and not there for the other', async () => {
    const device = api('endpoints/rivals-meter');
    expect((await send(`${device}/labels`, 'PUT', { site: 'x' }, as(own.rival))).status).toBe(200);
    expect(await status(fetch(device, { headers: as(own.acme) }))).toEqual({ status: 404, code: 'ENDPOINT_UNKNOWN' });
    expect(await status(send(`${device}/labels`, 'PUT', { site: 'y' }, as(own.acme)))).toEqual({ status: 404, code: 'ENDPOINT_UNKNOWN' });
    expect(bench.northbound.tenants.get('rivals-meter')).toBe('rival');
  });

  test('an endpoint changes its tenant by who administers both', async () => {
    const device = api('endpoints/moving');
    expect((await send(`${device}/tenant`, 'PUT', { tenant: 'acme' }, as(own.acme))).status).toBe(200);
    expect(await status(send(`${device}/tenant`, 'PUT', { tenant: 'rival' }, as(own.acme)))).toEqual({ status: 403, code: 'ACCESS_DENIED' });
    expect(await status(send(`${device}/tenant`, 'PUT', { tenant: 'rival' }, as(own.rival)))).toEqual({ status: 404, code: 'ENDPOINT_UNKNOWN' });
    expect((await send(`${device}/tenant`, 'PUT', { tenant: 'rival' }, as(everywhere))).status).toBe(200);
    expect(await status(fetch(device, { headers: as(own.acme) }))).toEqual({ status: 404, code: 'ENDPOINT_UNKNOWN' });
  });

  test('each lists its own endpoints', async () => {
    const changed = (endpoint: string, tenant: string) =>
      event(topics.registrations, eventTypes.endpointChanged, endpoint, { endpoint, state: 'provisioned', stateAt: '2026-03-01T09:00:00.000Z', labels: { of: tenant }, settings: {} }, { tenant });
    bench.topics.publish(...['l1', 'l3', 'l5'].map((name) => changed(name, 'acme')), changed('l2', 'rival'), changed('l4', 'default'));
    await bench.topics.settled();
    const listed = async (key: string, query = '') =>
      ((await (await fetch(api(`endpoints?${query}`), { headers: as(key) })).json()) as { endpoints: { endpoint: string; labels?: object }[] }).endpoints;
    expect((await listed(own.rival)).map(({ endpoint }) => endpoint)).toEqual(['l2']);
    expect((await listed(own.acme, 'limit=2')).map(({ endpoint }) => endpoint)).toEqual(['l1', 'l3']);
    expect((await listed(own.acme))[0]).toMatchObject({ labels: { of: 'acme' }, tenant: 'acme' });
    expect((await listed(everywhere)).filter(({ endpoint }) => endpoint.startsWith('l')).map(({ endpoint }) => endpoint)).toEqual(['l1', 'l2', 'l3', 'l4', 'l5']);
  });

  test('groups, templates and jobs of one are not there for the other, nor are their names', async () => {
    const template = { match: {}, observations: [{ path: '/3/0' }] };
    expect((await send(api('groups/g'), 'PUT', { endpointPattern: '*' }, as(own.acme))).status).toBe(200);
    expect((await send(api('observation-templates/t'), 'PUT', template, as(own.acme))).status).toBe(200);
    const started = await send(api('jobs'), 'POST', { target: { group: 'g' }, commands: [{ op: 'read', path: '/3' }], idempotencyKey: 'k' }, as(own.acme));
    const job = (await started.json()) as { id: string; tenant: string };
    expect(job.tenant).toBe('acme');
    for (const path of ['groups/g', 'observation-templates/t', `jobs/${job.id}`, `jobs/${job.id}/devices`]) {
      expect((await status(fetch(api(path), { headers: as(own.rival) }))).status).toBe(404);
      expect((await fetch(api(path), { headers: as(own.acme) })).status).toBe(200);
    }
    expect(await status(send(api('groups/g'), 'PUT', { endpointPattern: 'x' }, as(own.rival)))).toEqual({ status: 409, code: 'NAME_TAKEN' });
    expect(await status(send(api('observation-templates/t'), 'PUT', template, as(own.rival)))).toEqual({ status: 409, code: 'NAME_TAKEN' });
    expect(await status(send(api(`jobs/${job.id}/cancel`), 'POST', undefined, as(own.rival)))).toEqual({ status: 404, code: 'JOB_UNKNOWN' });
    expect(await status(send(api('groups/g'), 'DELETE', undefined, as(own.rival)))).toEqual({ status: 404, code: 'GROUP_UNKNOWN' });
    const same = { target: { endpoints: ['l2'] }, commands: [{ op: 'read', path: '/4' }], idempotencyKey: 'k' };
    expect((await send(api('jobs'), 'POST', same, as(own.rival))).status).toBe(202);
    for (const list of ['groups', 'observation-templates']) expect(await (await fetch(api(list), { headers: as(own.rival) })).json()).toEqual([]);
  });

  test("what is everybody's may be seen, and changed by those who may at every tenant", async () => {
    expect((await send(api('groups/all'), 'PUT', { endpointPattern: '*' }, as(everywhere))).status).toBe(200);
    expect((await fetch(api('groups/all'), { headers: as(own.rival) })).status).toBe(200);
    expect(await status(send(api('groups/all'), 'DELETE', undefined, as(own.rival)))).toEqual({ status: 403, code: 'ACCESS_DENIED' });
    expect(await status(send(api('groups/all'), 'PUT', { endpointPattern: 'x' }, as(own.rival)))).toEqual({ status: 409, code: 'NAME_TAKEN' });
  });
});

describe('the audit log', () => {
  const entries = () => [0, 1, 2].flatMap((partition) => bench.topics.log(topics.audit, partition).records).map(({ key, value }) => ({ key, ...auditValue.parse(JSON.parse(Buffer.from(value).toString())) }));
  const about = async (endpoint: string) => {
    await expect.poll(() => entries().filter(({ key }) => key === endpoint)).not.toEqual([]);
    return entries().filter(({ key }) => key === endpoint);
  };

  test('has who commanded what, without values', async () => {
    bench.northbound.tenants.set('audited', 'acme');
    await bench.northbound.setTenant('audited', 'acme');
    const address = `${url}/api/v1/endpoints/audited`;
    await send(`${address}/commands`, 'POST', { op: 'write', path: '/0/1/5', value: 'c2VjcmV0' }, as(byRole.operator));
    await send(`${address}/labels`, 'PUT', { site: 'x' }, as(byRole.viewer));
    await fetch(`${address}/commands`, { headers: as(byRole.viewer) });
    await expect.poll(async () => (await about('audited')).length).toBe(2);
    expect(await about('audited')).toEqual([
      expect.objectContaining({
        caller: 'key:operator', method: 'POST', route: '/api/v1/endpoints/{endpoint}/commands', parameters: { endpoint: 'audited' }, from: '127.0.0.1',
        status: 202, commands: [{ op: 'write', path: '/0/1/5' }],
      }),
      expect.objectContaining({ caller: 'key:viewer', method: 'PUT', status: 403 }),
    ]);
    expect(JSON.stringify(entries())).not.toContain('c2VjcmV0');
  });

  test('has those who came with nothing that holds', async () => {
    await fetch(`${url}/api/v1/endpoints/burgled`, { headers: as('guess') });
    expect(await about('burgled')).toMatchObject([{ caller: 'unknown', method: 'GET', status: 401 }]);
  });
});
