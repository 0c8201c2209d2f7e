/** Bootstrap configurations and sessions of several tenants, over HTTP with keys, down to the devices that get them. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootstrapConfigurationView, BootstrapSessionPage, BootstrapSessionView, Problem } from '@cluster/contracts';
import { BootstrapClient } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { RunningBootstrap } from '../index.ts';
import { Harness } from '../testing/harness.ts';

const CALLERS = {
  acme: { role: 'provisioner', tenant: 'acme' }, viewer: { role: 'viewer', tenant: 'acme' },
  rival: { role: 'provisioner', tenant: 'rival' }, reader: { role: 'viewer', tenant: 'acme', paths: ['/1/0/1'] }, all: { role: 'admin', tenant: '*' },
} as const;
type Who = keyof typeof CALLERS;

const directory = mkdtempSync(join(tmpdir(), 'tenants-'));
const harness = new Harness();
let service: RunningBootstrap;

beforeAll(async () => {
  const file = join(directory, 'keys.json');
  const keys = Object.entries(CALLERS).map(([name, grant]) => ({ name, sha256: createHash('sha256').update(name).digest('hex'), grants: [grant] }));
  writeFileSync(file, JSON.stringify({ keys }), { mode: 0o600 });
  harness.prepare = undefined;
  service = await harness.start({ LWM2M_API_KEYS_FILE: file });
});
afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

async function call<T>(who: Who, method: string, path: string, body?: unknown): Promise<T> {
  const headers = { 'x-api-key': who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(`http://127.0.0.1:${service.httpPort}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (response.status === 204) return undefined as T;
  const answer = (await response.json()) as T;
  return response.ok ? answer : (`${response.status} ${(answer as Problem).code}` as T);
}

const one = (name: string) => `/bootstrap/configurations/${name}`;
const account = (lifetimeS: number) => ({ role: 'management', uri: 'coap://127.0.0.1', shortServerId: 1, security: { mode: 'nosec' }, lifetimeS });
const byDefault = (lifetimeS: number, assign: object = {}) => ({ accounts: [account(lifetimeS)], assign: { default: true, ...assign } });

/** The lifetime that a device is written, which tells its configuration. */
async function lifetimeOf(endpoint: string): Promise<unknown> {
  const client = await BootstrapClient.open({ endpoint, port: service.coapPort! });
  try {
    const finished = client.finished();
    expect((await client.request()).code).toBe('2.04');
    await finished;
    return client.values('/1/0/1')[0]?.value;
  } finally {
    client.close();
  }
}

it('a tenant’s provisioner manages the configurations of the tenant, and nobody else’s', async () => {
  expect(await call<BootstrapConfigurationView>('acme', 'PUT', one('mine'), byDefault(60))).toMatchObject({ name: 'mine', tenant: 'acme', revision: 1 });
  expect(await call<BootstrapConfigurationView>('viewer', 'GET', one('mine'))).toMatchObject({ tenant: 'acme' });
  expect(await call('viewer', 'PUT', one('mine'), byDefault(61))).toBe('403 ACCESS_DENIED');
  expect(await call('viewer', 'DELETE', one('mine'))).toBe('403 ACCESS_DENIED');
  expect(await call('rival', 'GET', one('mine'))).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
  expect(await call('rival', 'PUT', one('mine'), byDefault(62))).toBe('409 NAME_TAKEN');
  expect(await call('rival', 'DELETE', one('mine'))).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
  expect(await call('rival', 'PUT', '/endpoints/of-rival/bootstrap/configuration', { configuration: 'mine' })).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
  // Whoever may at every tenant changes it, and it stays the tenant's.
  expect(await call('all', 'PUT', one('mine'), byDefault(60))).toMatchObject({ tenant: 'acme', revision: 2 });
  await call('all', 'PUT', one('shared'), byDefault(90, { priority: 9 }));
  expect(await call('acme', 'DELETE', one('shared'))).toBe('403 ACCESS_DENIED');
  const names = async (who: Who) => (await call<BootstrapConfigurationView[]>(who, 'GET', '/bootstrap/configurations')).map(({ name, tenant = '' }) => `${name} ${tenant}`);
  expect([await names('acme'), await names('rival'), await names('all')]).toEqual([['mine acme', 'shared '], ['shared '], ['mine acme', 'shared ']]);
  expect(await call('acme', 'PUT', one('strangers'), byDefault(60, { unknownEndpoints: true }))).toBe('400 BOOTSTRAP_CONFIGURATION_MALFORMED');
});

it('a device gets what is its tenant’s before what is for all, and never another tenant’s', async () => {
  await call('all', 'PUT', one('shared'), byDefault(90, { priority: 9 }));
  await call('acme', 'PUT', one('mine'), byDefault(60));
  // A group of a tenant selects that tenant's devices alone, whoever names it.
  await harness.store.putGroup('all-of-acme', JSON.stringify({ tenant: 'acme', selector: { endpointPattern: 'of-*' } }));
  await call('all', 'PUT', one('grouped'), { accounts: [account(30)], assign: { groups: ['all-of-acme'] } });
  // A device belongs to the tenant of whoever writes something for it first.
  for (const [who, endpoint] of [['acme', 'of-acme'], ['acme', 'beside-it'], ['rival', 'of-rival']] as const) {
    await call(who, 'PUT', `/endpoints/${endpoint}/bootstrap/configuration`, { configuration: 'shared' });
    await call(who, 'DELETE', `/endpoints/${endpoint}/bootstrap/configuration`);
  }
  expect([await lifetimeOf('of-acme'), await lifetimeOf('beside-it'), await lifetimeOf('of-rival')]).toEqual([30, 60, 90]);
});

it('a tenant sees which of its devices are under way', async () => {
  const hung = await BootstrapClient.open({ endpoint: 'of-acme', port: service.coapPort!, answers: () => 'silence' });
  expect((await hung.request()).code).toBe('2.04');
  const running = async (who: Who) => (await call<BootstrapSessionPage>(who, 'GET', '/bootstrap/sessions?outcome=running')).sessions.map(({ endpoint }) => endpoint);
  await vi.waitFor(async () => expect([await running('acme'), await running('rival')]).toEqual([['of-acme'], []]), 5_000);
  hung.close();
});

it('a tenant sees the sessions of its devices, and who may see all those of nobody known, too', async () => {
  const client = await BootstrapClient.open({ endpoint: 'nobody', port: service.coapPort! });
  expect((await client.request()).code).toBe('4.00');
  client.close();
  const seen = async (who: Who) => (await call<BootstrapSessionPage>(who, 'GET', '/bootstrap/sessions')).sessions.map(({ endpoint, tenant = '' }) => `${endpoint} ${tenant}`).sort();
  await vi.waitFor(async () => expect(await seen('all')).toEqual(['beside-it acme', 'nobody ', 'of-acme acme', 'of-rival rival']), 5_000);
  expect([await seen('acme'), await seen('viewer'), await seen('rival')]).toEqual([['beside-it acme', 'of-acme acme'], ['beside-it acme', 'of-acme acme'], ['of-rival rival']]);
  expect(await call('rival', 'GET', '/endpoints/of-acme/bootstrap/sessions')).toBe('404 ENDPOINT_UNKNOWN');
  const [session] = await call<BootstrapSessionView[]>('reader', 'GET', '/endpoints/of-acme/bootstrap/sessions');
  expect(session!.steps.flatMap(({ values = [] }) => values)).toEqual([{ path: '/1/0/1', value: 30 }]);
  expect(harness.told.map(({ tenant }) => tenant).sort()).toEqual(['acme', 'acme', 'rival']);
});
