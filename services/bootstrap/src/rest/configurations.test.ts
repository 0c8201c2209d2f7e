/** Bootstrap configurations over HTTP, down to the device that gets them. */
import { bootstrapExamples, problem } from '@cluster/contracts';
import { BootstrapClient } from '@cluster/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunningBootstrap } from '../index.ts';
import { Harness } from '../testing/harness.ts';

const { meters } = bootstrapExamples.configurations;
const harness = new Harness();
let service: RunningBootstrap;
let api: string;

beforeAll(async () => {
  harness.prepare = undefined;
  service = await harness.start();
  api = `http://127.0.0.1:${service.httpPort}/api/v1`;
});
afterAll(() => harness.close());

afterEach(async () => {
  const { body } = (await call('GET', ALL)) as { body: { name: string }[] };
  for (const { name } of body) await call('DELETE', `${ALL}/${name}`);
});

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(api + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: response.status === 204 ? undefined : await response.json() };
}

async function refused(method: string, path: string, body?: unknown): Promise<string> {
  const answer = await call(method, path, body);
  const { code, status } = problem.parse(answer.body);
  expect(answer.status).toBe(status);
  return `${status} ${code}`;
}

const ALL = '/bootstrap/configurations';
const OWN = '/endpoints/urn%3Adev%3A1/bootstrap/configuration';

it('takes every example, shows it without secrets, and forgets it', async () => {
  for (const [name, example] of Object.entries(bootstrapExamples.configurations)) {
    expect(await call('PUT', `${ALL}/${name}`, example)).toMatchObject({ status: 200, body: { name, revision: 1 } });
  }
  expect(await call('GET', ALL)).toMatchObject({ status: 200, body: [{ name: 'certificates', assign: { default: true } }, { name: 'meters' }] });
  expect(await call('GET', `${ALL}/meters`)).toMatchObject({ body: { configuration: meters } });
  expect(JSON.stringify(await call('GET', `${ALL}/certificates`))).not.toContain('00112233445566778899aabbccddeeff');
  expect(await call('PUT', `${ALL}/meters`, meters)).toMatchObject({ body: { revision: 2 } });
  expect(await call('DELETE', `${ALL}/meters`)).toEqual({ status: 204, body: undefined });
  expect(await refused('GET', `${ALL}/meters`)).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
  expect(await refused('DELETE', `${ALL}/meters`)).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
});

it('a device gets what was set, with a key that is its own', async () => {
  await call('PUT', '/endpoints/meter-1/bootstrap/configuration', { document: { accounts: meters.accounts } });
  const client = await BootstrapClient.open({ endpoint: 'meter-1', port: service.coapPort!, preferredFormat: 112 });
  try {
    const finished = client.finished();
    expect((await client.request()).code).toBe('2.04');
    await finished;
    expect([...client.written.keys()]).toEqual(['/0/1', '/1/0']);
    expect(Buffer.from(client.written.get('/0/1')!.payload).toString('latin1')).toContain(meters.accounts[0]!.uri);
    const [stored] = await harness.store.loadCredentials((await harness.store.resolve(['meter-1'])) as string[]);
    expect(stored?.version).toBe(1);
  } finally {
    client.close();
  }
});

it('assigns configurations to endpoints, and previews them', async () => {
  await call('PUT', `${ALL}/meters`, meters);
  expect(await refused('GET', OWN)).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
  expect(await refused('GET', '/endpoints/urn%3Adev%3A1/bootstrap/preview')).toBe('404 BOOTSTRAP_NONE');
  for (const body of Object.values(bootstrapExamples.endpoint)) {
    expect(await call('PUT', OWN, body)).toMatchObject({ status: 200 });
    expect(await call('GET', OWN)).toMatchObject({ body });
    expect(await call('GET', '/endpoints/urn%3Adev%3A1/bootstrap/preview?lwm2m=1.0')).toMatchObject({ status: 200, body: { writes: [{ path: '/0/1' }, { path: '/1/0' }] } });
  }
  expect(await call('DELETE', OWN)).toMatchObject({ status: 204 });
  expect(await refused('DELETE', OWN)).toBe('404 BOOTSTRAP_CONFIGURATION_UNKNOWN');
});

describe('what can not be is refused', () => {
  it.each<[string, string, unknown, string]>([
    ['a configuration without accounts', `${ALL}/a`, { accounts: [] }, '400 REQUEST_MALFORMED'],
    ['a name that is none', `${ALL}/a%20b`, meters, '400 REQUEST_MALFORMED'],
    ['plain CoAP with a key', `${ALL}/a`, { accounts: [{ ...meters.accounts[0], uri: 'coap://a' }] }, '400 BOOTSTRAP_CONFIGURATION_MALFORMED'],
    ['a configuration that is not there', OWN, { configuration: 'gone' }, '404 BOOTSTRAP_CONFIGURATION_UNKNOWN'],
    ['both a name and a document', OWN, { configuration: 'a', document: { accounts: meters.accounts } }, '400 REQUEST_MALFORMED'],
    ['an own document too large', OWN, { document: { accounts: meters.accounts, objects: Array.from({ length: 200 }, (_, i) => ({ path: `/65000/${i}`, resources: [{ id: 0, type: 'string', value: 'x'.repeat(1_000) }] })) } }, '409 BOOTSTRAP_CONFIGURATIONS_FULL'],
  ])('%s', async (_, path, body, expected) => expect(await refused('PUT', path, body)).toBe(expected));
});
