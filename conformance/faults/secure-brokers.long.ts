/** All services on a Redis Cluster and a Kafka that speak TLS alone, ask for certificates, and know their users. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeTestPki, startKafka, startRedis, type KafkaHandle, type RedisHandle } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { brokersOf, Member, type MemberEnvironment } from '../src/member.ts';
import { secretFile } from '../src/server.ts';
import { Fleet, TEMPERATURE } from './fleet.ts';
import { RECOVERY } from './stage.ts';

const run = promisify(execFile);
const MAKE_TOPICS = fileURLToPath(new URL('../../services/registry/dist/make-topics.js', import.meta.url));
const USER = { username: 'edge', password: 'secret-of-the-brokers' };
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required';

let directory: string;
let redis: RedisHandle;
let kafka: KafkaHandle;
let env: MemberEnvironment;
const members: Member[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secure-brokers-'));
  const [pki, passwordFile, keyStore] = [await makeTestPki(directory), join(directory, 'password'), join(directory, 'broker.pem')];
  await writeFile(passwordFile, `${USER.password}\n`);
  await writeFile(keyStore, Buffer.concat(await Promise.all([pki.server.keyFile, pki.server.certificateFile].map((file) => readFile(file)))));
  redis = await startRedis({
    cluster: true, tls: { ...pki.server, trustFile: pki.trustFile }, login: USER,
    config: ['user default off', `user ${USER.username} on >${USER.password} ~lwm2m:* &lwm2m:* +@all`],
  });
  kafka = await startKafka({
    protocol: 'SASL_SSL', scram: [`SCRAM-SHA-512=[name=${USER.username},password=${USER.password}]`],
    config: {
      'ssl.keystore.type': 'PEM', 'ssl.keystore.location': keyStore, 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': pki.trustFile,
      'listener.name.broker.ssl.client.auth': 'required', 'sasl.enabled.mechanisms': 'SCRAM-SHA-512', 'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
      'listener.name.broker.scram-sha-512.sasl.jaas.config': `${SCRAM} username="${USER.username}" password="${USER.password}";`,
    },
  });
  const files = (of: string) => ({ [`LWM2M_${of}_CA_FILE`]: pki.trustFile, [`LWM2M_${of}_CERTIFICATE_FILE`]: pki.client.certificateFile, [`LWM2M_${of}_KEY_FILE`]: pki.client.keyFile });
  const login = (of: string) => ({ [`LWM2M_${of}_USERNAME`]: USER.username, [`LWM2M_${of}_PASSWORD_FILE`]: passwordFile });
  const security = { ...files('REDIS'), ...login('REDIS'), ...files('KAFKA'), ...login('KAFKA'), LWM2M_KAFKA_TLS: 'on', LWM2M_KAFKA_SASL: 'scram-sha-512' };
  env = { ...brokersOf(redis.urls, kafka.brokers), ...security, LWM2M_SECRET_KEY_FILE: await secretFile(directory) };
});
afterAll(async () => {
  await Promise.all(members.map((member) => member.remove()));
  await Promise.all([redis?.stop(), kafka?.stop()]);
  await rm(directory, { recursive: true });
});

it('makes topics, registers devices, and shows their values; nobody writes a password down', async () => {
  await run(process.execPath, [MAKE_TOPICS, '--partitions=3'], { env: { ...process.env, ...env } });
  for (const service of ['edge', 'registry', 'bootstrap', 'firmware-orchestrator'] as const) members.push(await Member.start(service, env));
  const [edge, registry] = members as [Member, Member];
  const fleet = new Fleet('secure', 3, `coap://127.0.0.1:${edge.coapPort}`);
  await fleet.start(registry.rest);
  await vi.waitFor(() => expect(fleet.acknowledged.size).toBeGreaterThan(50), RECOVERY);
  await vi.waitFor(async () => {
    const values = await registry.rest.values(fleet.names[0]!);
    expect(values.find(({ path }) => path === TEMPERATURE)?.value).toBeGreaterThan(100_000);
  }, RECOVERY);
  await fleet.stop();
  fleet.kill();
  for (const member of members) expect(await member.log()).not.toContain(USER.password);
});
