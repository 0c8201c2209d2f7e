/** A broker that speaks TLS alone, asks for a certificate and a login, and whoever comes without one of them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Topic } from '@cluster/contracts';
import { makeTestPki, readAllEvents, startKafka, type KafkaHandle, type TestPki } from '@cluster/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectKafkaConsumer, connectKafkaPublisher, ensureTopics, type KafkaSecurity, type Sasl } from './index.ts';

const TIMEOUT = { timeout: 90_000 };
const USER = { username: 'edge', password: () => 'a, "secret' };
const JAAS = 'org.apache.kafka.common.security';

let directory: string;
let pki: TestPki;
let kafka: KafkaHandle;
let tls: { ca: Buffer; cert: Buffer; key: Buffer };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kafka-security-'));
  pki = await makeTestPki(directory);
  const [ca, cert, key] = await Promise.all([pki.trustFile, pki.client.certificateFile, pki.client.keyFile].map((file) => readFile(file)));
  tls = { ca: ca!, cert: cert!, key: key! };
  const keyStore = join(directory, 'broker.pem');
  await writeFile(keyStore, Buffer.concat(await Promise.all([pki.server.keyFile, pki.server.certificateFile].map((file) => readFile(file)))));
  kafka = await startKafka({
    protocol: 'SASL_SSL',
    scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((name) => `${name}=[name=${USER.username},password=secret-${name}]`),
    config: {
      'ssl.keystore.type': 'PEM', 'ssl.keystore.location': keyStore, 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': pki.trustFile,
      'listener.name.broker.ssl.client.auth': 'required',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'listener.name.broker.plain.sasl.jaas.config': `${JAAS}.plain.PlainLoginModule required user_edge="a, \\\\"secret";`,
      'listener.name.broker.scram-sha-256.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
      'listener.name.broker.scram-sha-512.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
      'listener.name.broker.oauthbearer.sasl.jaas.config': `${JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    },
  });
}, TIMEOUT.timeout);
afterAll(async () => {
  await kafka?.stop();
  await rm(directory, { recursive: true });
});

/** RFC 7519 §6: unsecured, which this broker takes. */
function token(): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const nowS = Math.floor(Date.now() / 1_000);
  return `${part({ alg: 'none' })}.${part({ sub: 'edge', iat: nowS, exp: nowS + 600 })}.`;
}

const logins: Record<Sasl['mechanism'], Sasl> = {
  plain: { mechanism: 'plain', ...USER },
  'scram-sha-256': { mechanism: 'scram-sha-256', username: USER.username, password: () => 'secret-SCRAM-SHA-256' },
  'scram-sha-512': { mechanism: 'scram-sha-512', username: USER.username, password: () => 'secret-SCRAM-SHA-512' },
  oauthbearer: { mechanism: 'oauthbearer', token },
};

test.each(Object.values(logins))('$mechanism: topics are made, events published and read', TIMEOUT, async (sasl) => {
  const topic = `login-${sasl.mechanism}` as Topic;
  const connection = { brokers: kafka.brokers, clientId: 'test', security: { tls: () => tls, sasl } };
  await ensureTopics({ ...connection, topics: [topic], partitions: 1 });
  const publisher = await connectKafkaPublisher({ ...connection, publishTimeoutMs: 20_000 });
  const publish = (text: string) => publisher.publish([{ topic, key: 'k', headers: {}, value: Buffer.from(text) }]);
  await vi.waitFor(() => publish('first'), TIMEOUT);
  await publish('second');
  await publisher.close();
  expect((await readAllEvents(connectKafkaConsumer(connection), topic)).map(({ value }) => String(value))).toEqual(['first', 'second']);
});

test.each<[string, () => KafkaSecurity]>([
  ['a wrong password', () => ({ tls: () => tls, sasl: { ...logins['scram-sha-256'], password: () => 'wrong secret' } as Sasl })],
  ['no login', () => ({ tls: () => tls })],
  ['no certificate', () => ({ tls: () => ({ ca: tls.ca }), sasl: logins.plain })],
  ['a broker that nobody vouches for', () => ({ tls: () => ({ cert: tls.cert, key: tls.key }), sasl: logins.plain })],
  ['a name that the broker has not', () => ({ tls: () => ({ ...tls, servername: 'other.example.com' }), sasl: logins.plain })],
  ['no TLS', () => ({ sasl: logins.plain })],
])('%s: nothing is published, and the log says why without the password', TIMEOUT, async (_name, security) => {
  const lines: string[] = [];
  const logger = { debug: () => {}, warn: (fields: { err?: Error }, message: string) => void lines.push(`${message}: ${fields.err?.message}`) };
  const publisher = await connectKafkaPublisher({ brokers: kafka.brokers, clientId: 'test', publishTimeoutMs: 300, security: security(), logger: logger as never });
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), TIMEOUT);
  expect(publisher.available).toBe(false);
  expect(lines[0]).toMatch(/^Kafka is away/);
  expect(lines.join()).not.toMatch(/secret/);
  await publisher.close();
});
