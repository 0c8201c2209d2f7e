import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authority, issue, pem, privatePem } from '@cluster/dtls/testing/authority';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConfigError, kafkaSecurity, loadConfig, redisSecurity } from './index.ts';

let directory: string;
let at: (name: string) => string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'security-'));
  at = (name) => join(directory, name);
  const root = authority('CN=Root');
  const client = issue({ subject: 'CN=edge' }, root);
  await writeFile(at('ca.pem'), pem([root.der]));
  await writeFile(at('tls.crt'), pem([client.der]));
  await writeFile(at('tls.key'), privatePem(client));
  await writeFile(at('password'), 'secret \n');
});
afterAll(() => rm(directory, { recursive: true }));

function configOf(env: Record<string, string>) {
  return loadConfig({ REDIS_URL: 'rediss://redis', KAFKA_BROKERS: 'kafka:9093', ...env }, { kind: 'edge' });
}

function faultsOf(env: Record<string, string>): string[] {
  try {
    const config = configOf(env);
    kafkaSecurity(config);
    redisSecurity(config);
    return [];
  } catch (error) {
    return (error as ConfigError).faults.map(({ name, message }) => `${name}: ${message}`);
  }
}

test('nothing set: Kafka in the clear, and what Node.js trusts for rediss://', () => {
  expect(kafkaSecurity(configOf({}))).toEqual({});
  expect(redisSecurity(configOf({})).tls?.()).toEqual({});
  expect(redisSecurity(configOf({ REDIS_URL: 'redis://redis' }))).toEqual({});
});

test('certificates, names and passwords come from files, each time anew', async () => {
  const files = (of: string) => ({ [`LWM2M_${of}_CA_FILE`]: at('ca.pem'), [`LWM2M_${of}_CERTIFICATE_FILE`]: at('tls.crt'), [`LWM2M_${of}_KEY_FILE`]: at('tls.key') });
  const config = configOf({
    ...files('KAFKA'), LWM2M_KAFKA_TLS: 'on', LWM2M_KAFKA_SASL: 'scram-sha-512', LWM2M_KAFKA_USERNAME: 'edge', LWM2M_KAFKA_PASSWORD_FILE: at('password'),
    ...files('REDIS'), LWM2M_REDIS_SERVER_NAME: 'redis.example.com', LWM2M_REDIS_USERNAME: 'edge', LWM2M_REDIS_PASSWORD_FILE: at('password'),
  });
  const kafka = kafkaSecurity(config);
  expect(Object.keys(kafka.tls!())).toEqual(['ca', 'cert', 'key']);
  expect(kafka.sasl).toMatchObject({ mechanism: 'scram-sha-512', username: 'edge' });
  expect(kafka.sasl?.mechanism === 'scram-sha-512' && kafka.sasl.password()).toBe('secret ');
  await writeFile(at('password'), 'renewed');
  expect(kafka.sasl?.mechanism === 'scram-sha-512' && kafka.sasl.password()).toBe('renewed');
  expect(redisSecurity(config)).toMatchObject({ username: 'edge', password: 'renewed' });
  expect(redisSecurity(config).tls?.()).toMatchObject({ servername: 'redis.example.com' });
});

test('a token of OAUTHBEARER is all that it needs', () => {
  const { sasl } = kafkaSecurity(configOf({ LWM2M_KAFKA_TLS: 'on', LWM2M_KAFKA_SASL: 'oauthbearer', LWM2M_KAFKA_TOKEN_FILE: at('ca.pem') }));
  expect(sasl?.mechanism === 'oauthbearer' && sasl.token()).toMatch(/^-----BEGIN/);
});

test.each<[string, () => Record<string, string>, RegExp[]]>([
  ['a login without a user and a password', () => ({ LWM2M_KAFKA_SASL: 'plain' }), [/^LWM2M_KAFKA_USERNAME: must be set/, /^LWM2M_KAFKA_PASSWORD_FILE: must be set/]],
  ['a user without a login', () => ({ LWM2M_KAFKA_USERNAME: 'edge' }), [/^LWM2M_KAFKA_USERNAME: has no use/]],
  ['a CA without TLS', () => ({ LWM2M_KAFKA_CA_FILE: at('ca.pem') }), [/^LWM2M_KAFKA_CA_FILE: has no use/]],
  ['the same for Redis', () => ({ REDIS_URL: 'redis://redis', LWM2M_REDIS_CA_FILE: at('ca.pem') }), [/^LWM2M_REDIS_CA_FILE: has no use/]],
  ['a certificate without its key', () => ({ LWM2M_REDIS_CERTIFICATE_FILE: at('tls.crt') }), [/^LWM2M_REDIS_KEY_FILE: must be set beside/]],
  ['a file that is not there', () => ({ LWM2M_REDIS_PASSWORD_FILE: at('none') }), [/^LWM2M_REDIS_PASSWORD_FILE: .*none can not be used \(ENOENT\)/]],
  ['a file with something else', () => ({ LWM2M_KAFKA_TLS: 'on', LWM2M_KAFKA_CERTIFICATE_FILE: at('password'), LWM2M_KAFKA_KEY_FILE: at('tls.key') }), [/^LWM2M_KAFKA_TLS: one of its files can not be used/]],
])('%s stops the start', (_name, env, faults) => {
  const found = faultsOf(env());
  expect(found).toHaveLength(faults.length);
  faults.forEach((fault, i) => expect(found[i]).toMatch(fault));
});

test('a login in the clear is told', () => {
  const config = configOf({ LWM2M_KAFKA_SASL: 'plain', LWM2M_KAFKA_USERNAME: 'edge', LWM2M_KAFKA_PASSWORD_FILE: at('password') });
  expect(config.warnings.join()).toMatch(/LWM2M_KAFKA_TLS/);
});
