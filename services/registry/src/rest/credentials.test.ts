/** Credentials over HTTP on the embedded store: set, listed, rotated, revoked; refusals; and no secret anywhere. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, openSecrets, type Secrets } from '@cluster/config';
import { type BootstrapDocument, bootstrapExamples, credentialList, type CredentialView, problem, restExamples, topics, type Topic } from '@cluster/contracts';
import { openEmbeddedEvents, type EmbeddedEvents } from '@cluster/events-embedded';
import { ConfigurationStore, CredentialLookup } from '@cluster/session';
import { openEmbeddedStore, type EmbeddedStore } from '@cluster/store-embedded';
import { createLogger, Metrics } from '@cluster/telemetry';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningRegistry, startRegistry } from '../start.ts';
import { send } from '../testing/bench.ts';

const KEY = '5ec2e75ec2e75ec2e75ec2e75ec2e7ff';
let directory: string;
let store: EmbeddedStore;
let events: EmbeddedEvents;
let secrets: Secrets;
let metrics: Metrics;
let registries: RunningRegistry[];
let logged: string[] = [];
const log = createLogger({ service: 'test', level: 'trace', destination: { write: (line: string) => void logged.push(line) } });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
  const file = join(directory, 'lwm2m.db');
  store = openEmbeddedStore({ file });
  events = openEmbeddedEvents({ file });
  [registries, logged, metrics] = [[], [], new Metrics()];
  secrets = (await openSecrets({ kind: 'standalone', secretKeyFile: undefined, dataDir: directory }, log, 5))!;
});

afterEach(async () => {
  await Promise.all(registries.map((registry) => registry.close()));
  secrets.close();
  await events.close();
  await store.close();
  await rm(directory, { recursive: true });
});

async function open(env: Record<string, string> = {}, withSecrets = true): Promise<string> {
  const config = loadConfig({ LWM2M_HTTP_PORT: '0', ...env }, { kind: 'standalone' });
  const ports = {
    sessions: store, cluster: store, readModel: store, fleet: store, events: events.consumer(), publisher: events.publisher(),
    ...(withSecrets ? { credentials: { store, secrets } } : {}),
  };
  const registry = await startRegistry(config, ports, metrics, log);
  registries.push(registry);
  return `http://127.0.0.1:${registry.port}/api/v1/endpoints`;
}

async function listed(url: string): Promise<CredentialView[]> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return credentialList.parse(await response.json());
}

async function refused(response: Response): Promise<string> {
  const body = problem.parse(await response.json());
  expect(body.status).toBe(response.status);
  return `${body.status} ${body.code}`;
}

const psk = (identity: string, keyHex = KEY) => ({ psk: { identity, keyHex } });

describe('PUT, GET and DELETE', () => {
  test('prepare an endpoint that never registered, and show all but the secrets', async () => {
    const url = `${await open()}/urn%3Adev%3A1`;
    expect(await refused(await fetch(`${url}/credentials`))).toBe('404 ENDPOINT_UNKNOWN');
    const put = await send(`${url}/credentials`, 'PUT', psk('dev-1'));
    expect(put.status).toBe(200);
    const shown = await listed(`${url}/credentials`);
    expect(shown).toEqual([{ version: 1, kind: 'psk', state: 'current', createdAt: expect.any(String), identity: 'dev-1' }]);
    expect(await put.json()).toEqual(shown);
    expect(await (await fetch(url)).json()).toMatchObject({ endpoint: 'urn:dev:1', state: 'provisioned' });
  });

  test('take every example of the API', async () => {
    const base = await open();
    for (const [name, request] of Object.entries(restExamples.credentialRequests)) {
      expect((await send(`${base}/${name}/credentials`, 'PUT', request)).status, `${name}`).toBe(200);
    }
  });

  test('rotate with overlap and revoke one or all', async () => {
    const url = `${await open()}/d/credentials`;
    await send(url, 'PUT', psk('one'));
    await send(url, 'PUT', { ...psk('two', `${KEY}00`), overlapS: 600 });
    expect(await listed(url)).toMatchObject([{ version: 1, state: 'former', validUntil: expect.any(String) }, { version: 2, state: 'current' }]);
    expect((await send(`${url}/1`, 'DELETE')).status).toBe(204);
    expect(await refused(await send(`${url}/1`, 'DELETE'))).toBe('404 CREDENTIAL_UNKNOWN');
    expect(await refused(await send(`${url}/x`, 'DELETE'))).toBe('400 REQUEST_MALFORMED');
    expect((await send(url, 'DELETE')).status).toBe(204);
    expect(await listed(url)).toEqual([]);
    expect((await send(url, 'DELETE')).status).toBe(204);
  });

  test('forgetting an endpoint takes its credentials along, and leaves nothing of them', async () => {
    const base = await open();
    await send(`${base}/d/credentials`, 'PUT', psk('one'));
    expect((await send(`${base}/d`, 'DELETE')).status).toBe(204);
    const lookup = new CredentialLookup({ store, sessions: store, sealer: secrets.sealer, cacheEntries: 1, use: 'management' });
    expect(await lookup.byPskIdentity(Buffer.from('one'), Date.now())).toEqual([]);
    expect((await send(`${base}/other/credentials`, 'PUT', psk('one'))).status).toBe(200);
  });
});

describe('refusals', () => {
  test.each<[string, unknown, string]>([
    ['a short key', psk('x', 'ff'.repeat(15)), '400 PSK_TOO_SHORT'],
    ['a key that another device has', psk('x'), '409 PSK_SHARED'],
    ['an identity that another device has', psk('taken', 'ff'.repeat(16)), '409 IDENTITY_TAKEN'],
    ['a key that is none', { rpk: { spkiBase64: 'AAAA' } }, '400 CREDENTIALS_MALFORMED'],
    ['a key that is no hex', psk('x', 'secret-secret-secret'), '400 REQUEST_MALFORMED'],
    ['nothing', {}, '400 REQUEST_MALFORMED'],
    ['an identity of a megabyte', psk('x'.repeat(1_000_000)), '400 REQUEST_MALFORMED'],
    ['a list', [psk('x')], '400 REQUEST_MALFORMED'],
  ])('%s', async (_, request, expected) => {
    const base = await open();
    await send(`${base}/first/credentials`, 'PUT', psk('taken'));
    expect(await refused(await send(`${base}/second/credentials`, 'PUT', request))).toBe(expected);
  });

  test('are counted by their reason', async () => {
    const base = await open();
    await send(`${base}/d/credentials`, 'PUT', psk('a', 'ff'));
    await send(`${base}/d/credentials`, 'PUT', psk('a'));
    await send(`${base}/d/credentials`, 'DELETE');
    const text = await (await fetch(new URL('/metrics', base))).text();
    expect(text).toMatch(/lwm2m_credential_refusals_total\{reason="key-short"\} 1/);
    expect(text).toMatch(/lwm2m_credential_changes_total\{change="set"\} 1/);
    expect(text).toMatch(/lwm2m_credential_changes_total\{change="revoked"\} 1/);
  });

  test('are lifted by explicit permissions, which are warned of', async () => {
    const env = { LWM2M_SHORT_PSK: 'on', LWM2M_SHARED_PSK: 'on' };
    const base = await open(env);
    for (const name of ['a', 'b']) expect((await send(`${base}/${name}/credentials`, 'PUT', psk(name, 'ff'))).status).toBe(200);
    expect(loadConfig(env, { kind: 'standalone' }).warnings).toHaveLength(2);
  });

  test('without a secret file, or with another one', async () => {
    const base = await open({}, false);
    expect(await refused(await send(`${base}/d/credentials`, 'PUT', psk('a')))).toBe('503 SECRETS_MISSING');
    const with_ = await open();
    await send(`${with_}/d/credentials`, 'PUT', psk('a'));
    await writeFile(join(directory, 'secret.key'), `5 ${randomBytes(32).toString('hex')}\n`);
    await expect.poll(() => secrets.ring.current('sealing').id).toBe(5);
    expect(await refused(await fetch(`${with_}/d/credentials`))).toBe('503 SECRETS_MISSING');
    expect((await send(`${with_}/d/credentials`, 'DELETE')).status).toBe(204);
    expect((await send(`${with_}/d/credentials`, 'PUT', psk('a'))).status).toBe(200);
  });
});

test('after the master secret was changed, all credentials are sealed anew, and the former secret may go', async () => {
  const base = await open();
  const url = new URL('/metrics', base);
  const names = ['a', 'b', 'c'];
  for (const [i, name] of names.entries()) await send(`${base}/${name}/credentials`, 'PUT', psk(name, `${KEY}0${i}`));
  const configurations = () => new ConfigurationStore({ documents: store, sealer: secrets.sealer, timeMs: async () => 1 });
  await configurations().put('meters', bootstrapExamples.configurations.meters);
  await configurations().putOwn('a', bootstrapExamples.endpoint.own as { document: BootstrapDocument });
  // As the events of the edge's sweeper would.
  await store.putEntries(names.map((endpoint) => ({ endpoint, state: 'provisioned', changedAtMs: 1 })));
  const file = join(directory, 'secret.key');
  const fresh = `7 ${randomBytes(32).toString('hex')}\n`;
  await writeFile(file, fresh + (await readFile(file, 'utf8')));
  await expect.poll(async () => (await fetch(url)).text()).toMatch(/lwm2m_credentials_resealed_total 3/);
  await expect.poll(() => logged.join('')).toContain('all credentials are sealed with the newest master secret');
  await writeFile(file, fresh);
  await expect.poll(() => secrets.ring.all('sealing').map(({ id }) => id)).toEqual([7]);
  for (const name of names) expect(await listed(`${base}/${name}/credentials`)).toMatchObject([{ identity: name }]);
  expect((await configurations().get('meters'))?.configuration).toEqual(bootstrapExamples.configurations.meters);
  expect((await configurations().ofEndpoint('a')).own).toMatchObject(bootstrapExamples.endpoint.own);
});

test('no secret is in any answer, log line, event, metric or file (rows B6, Q46)', async () => {
  const seen: string[] = [];
  const all = Object.values(topics) as Topic[];
  await events.consumer().tail(all, {}, async (records) => void seen.push(...records.map((record) => JSON.stringify(record) + Buffer.from(record.value).toString('latin1'))));
  const base = await open();
  const other = 'feedfacefeedfacefeedfacefeedface';
  const salt = 'cafed00dcafed00d';
  const requests: [method: string, path: string, body?: unknown][] = [
    ['PUT', '/d/credentials', { ...psk('one'), oscore: { masterSecretHex: other, saltHex: salt, senderIdHex: '01', recipientIdHex: '02' } }],
    ['PUT', '/e/credentials', psk('two')],
    ['PUT', '/e/credentials', psk('one', other)],
    ['PUT', '/e/credentials', psk('three', KEY.slice(0, 20))],
    ['PUT', '/e/credentials', { psk: { identity: 'x', keyHex: `${KEY}zz` } }],
    ['PUT', '/e/credentials', { psk: { identity: 'x', key: KEY } }],
    ['PUT', '/e/credentials', { psk: KEY }],
    ['PUT', '/e/credentials', `{"psk": {"keyHex": "${KEY}"`],
    ['PUT', '/d/credentials', psk('four', `${KEY}00`)],
    ['GET', '/d/credentials'], ['GET', '/d'], ['GET', ''],
    ['DELETE', '/d/credentials/1'], ['DELETE', '/d/credentials'], ['GET', '/d/credentials'],
  ];
  for (const [method, path, body] of requests) {
    const response = await send(base + path, method, body);
    seen.push(await response.text(), JSON.stringify([...response.headers]));
  }
  seen.push(await (await fetch(new URL('/metrics', base))).text(), ...logged);
  for (const file of ['lwm2m.db', 'lwm2m.db-wal']) seen.push((await readFile(join(directory, file)).catch(() => Buffer.alloc(0))).toString('latin1'));
  const master = (await readFile(join(directory, 'secret.key'), 'utf8')).trim().split(' ').at(-1)!;
  const everything = seen.join('\n');
  for (const secret of [KEY.slice(0, 20), other, salt, master]) {
    for (const form of [secret, secret.toUpperCase(), Buffer.from(secret, 'hex').toString('latin1'), Buffer.from(secret, 'hex').toString('base64').slice(0, 10)]) {
      expect(everything.includes(form), `${secret} as ${JSON.stringify(form)}`).toBe(false);
    }
  }
  expect(everything).toContain('IDENTITY_TAKEN');
});
