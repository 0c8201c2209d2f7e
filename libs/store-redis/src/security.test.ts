/** Servers that speak TLS alone, know their clients by certificate and password, and whoever comes without. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTestPki, startRedis, type RedisHandle } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedisStore, type RedisStore, type RedisStoreOptions } from './index.ts';

const TIMEOUT = 15_000;
const LOGIN = { username: 'edge', password: 'secret/+@:' };
const NUMBERS = Array.from({ length: 12 }, (_, index) => `tls${String(index).padStart(5, '0')}`);

let directory: string;
let access: { ca: Buffer; cert: Buffer; key: Buffer };
let files: { trustFile: string; certificateFile: string; keyFile: string };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'redis-security-'));
  const pki = await makeTestPki(directory);
  files = { trustFile: pki.trustFile, certificateFile: pki.server.certificateFile, keyFile: pki.server.keyFile };
  const [ca, cert, key] = await Promise.all([pki.trustFile, pki.client.certificateFile, pki.client.keyFile].map((file) => readFile(file)));
  access = { ca: ca!, cert: cert!, key: key! };
}, TIMEOUT);
afterAll(() => rm(directory, { recursive: true }));

describe.each(['one server', 'a cluster'] as const)('%s', (kind) => {
  let redis: RedisHandle;
  beforeAll(async () => {
    const config = ['user default off', `user ${LOGIN.username} on >${LOGIN.password} ~* &* +@all`];
    redis = await startRedis({ cluster: kind === 'a cluster', tls: files, login: LOGIN, config });
  }, TIMEOUT);
  afterAll(() => redis?.stop());

  async function open<T>(options: Partial<RedisStoreOptions>, use: (store: RedisStore) => Promise<T>): Promise<T> {
    const store = await connectRedisStore({ urls: redis.urls, ...options });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }

  test('with a certificate and a login all of the store is used, doorbells too', { timeout: TIMEOUT }, () => open({ ...LOGIN, tls: () => access }, async (store) => {
    await expect.poll(() => store.available, { timeout: TIMEOUT }).toBe(true);
    const writes = NUMBERS.map((number) => ({ number, session: { expected: 0, record: Buffer.from(number) } }));
    expect(new Set(await store.commit(writes))).toEqual(new Set(['committed']));
    const heard = Promise.withResolvers<string>();
    await store.onRing('worker', (number) => heard.resolve(number));
    await store.ring([{ worker: 'worker', number: NUMBERS[0]! }]);
    expect(await heard.promise).toBe(NUMBERS[0]);
  }));

  test('the login may stand in the address', { timeout: TIMEOUT }, () => {
    const urls = redis.urls.map((url) => url.replace('//', `//${LOGIN.username}:${encodeURIComponent(LOGIN.password)}@`));
    return open({ urls, tls: () => access }, (store) => expect.poll(() => store.available, { timeout: TIMEOUT }).toBe(true));
  });

  test.each<[string, () => Partial<RedisStoreOptions>]>([
    ['a wrong password', () => ({ ...LOGIN, password: 'wrong', tls: () => access })],
    ['no login', () => ({ tls: () => access })],
    ['no certificate', () => ({ ...LOGIN, tls: () => ({ ca: access.ca }) })],
    ['a server that nobody vouches for', () => ({ ...LOGIN, tls: () => ({ cert: access.cert, key: access.key }) })],
    ['a name that the server has not', () => ({ ...LOGIN, tls: () => ({ ...access, servername: 'other.example.com' }) })],
    ['no TLS', () => ({ ...LOGIN, urls: redis.urls.map((url) => url.replace('rediss:', 'redis:')) })],
  ])('%s: it stays away', { timeout: TIMEOUT }, (_name, options) => open({ commandTimeoutMs: 300, ...options() }, async (store) => {
    expect(store.available).toBe(false);
  }));
});

test('renewed certificates count for the next connection', { timeout: TIMEOUT }, async () => {
  const redis = await startRedis({ tls: files });
  let current: Partial<typeof access> = { ca: access.ca, cert: access.cert, key: access.key };
  const store = await connectRedisStore({ urls: redis.urls, tls: () => current });
  await expect.poll(() => store.available, { timeout: TIMEOUT }).toBe(true);
  current = { cert: access.cert, key: access.key, ca: Buffer.from('') };
  await redis.restart();
  await expect(store.load(['tls00000'])).rejects.toThrow();
  current = access;
  await expect.poll(() => store.available, { timeout: TIMEOUT }).toBe(true);
  await store.close();
  await redis.stop();
});
