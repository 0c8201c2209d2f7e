/** The bootstrap service as a process of its own, beside edge and registry on Redis and Kafka. */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type BootstrapSessionView, type BootstrapTrigger, type CredentialView, eventTypes, issuedCertificatePage, topics } from '@cluster/contracts';
import { fleetCredentials, PionFleet, useKafka, useRedis } from '@cluster/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bootstrappingSimulator } from '../src/bootstrap-players.ts';
import { readRecords } from '../src/kafka-records.ts';
import { brokersOf, Member } from '../src/member.ts';
import { Rest } from '../src/rest.ts';
import { Scene } from '../src/scene.ts';
import { makeServerKeys } from '../src/server-keys.ts';
import { secretFile } from '../src/server.ts';

const ENDPOINT = 'bootstrapped-in-a-cluster';
const SOON = { timeout: 20_000, interval: 100 };
const { env, pki, remove } = await makeServerKeys('bootstrap');
const directory = dirname(pki.trustFile);
const authority = { LWM2M_CA_CERTIFICATE_FILE: pki.trustFile, LWM2M_CA_KEY_FILE: join(directory, 'ca.key.pem') };
const all = { ...env, ...authority, LWM2M_SECRET_KEY_FILE: await secretFile(directory), LWM2M_CA_VALIDITY_DAYS: '20' };
const scene = new Scene();
beforeAll(async () => {
  // The same authority, for longer than it issues certificates for.
  await promisify(execFile)('openssl', ['req', '-x509', '-new', '-key', authority.LWM2M_CA_KEY_FILE, '-subj', '/CN=test CA', '-days', '3650', '-out', pki.trustFile]);
  await scene.open({ mode: 'cluster', bootstrap: true, env: all });
});
afterAll(async () => {
  await scene.close();
  await remove();
});

test('a device gets its account from one process, and registers at the other', async () => {
  const { coapPort, bootstrap } = scene.server;
  const rest = new Rest(bootstrap.httpPort);
  const account = { role: 'management', uri: `coap://127.0.0.1:${coapPort}`, security: { mode: 'nosec' }, shortServerId: 1, lifetimeS: 120 };
  await rest.put(`/endpoints/${ENDPOINT}/bootstrap/configuration`, { document: { accounts: [account] } });
  const player = await bootstrappingSimulator().open(scene, ENDPOINT);
  try {
    await player.bootstrap();
    await player.register();
    expect((await scene.heard(ENDPOINT, eventTypes.registered)).data).toMatchObject({ lifetimeS: 120 });
    const session = await vi.waitFor(async () => {
      const [found] = (await rest.get(`/endpoints/${ENDPOINT}/bootstrap/sessions`)) as BootstrapSessionView[];
      expect(found).toMatchObject({ outcome: 'finished' });
      return found!;
    }, 10_000);
    expect(await rest.get(`/endpoints/${ENDPOINT}/bootstrap/sessions/${session.id}`)).toEqual(session);
  } finally {
    await player.stop();
  }
});

test('a device with nothing but a bootstrap PSK is given a fresh one, from REST a certificate, and another one before that ends', async () => {
  const names = { count: 1, endpoint: `comes-up-${process.pid}`, identity: `factory-${process.pid}`, keySeed: 'nothing but this' };
  const [{ endpoint, identity, keyHex }] = fleetCredentials(names) as [ReturnType<typeof fleetCredentials>[number]];
  const { coapsPort, bootstrap } = scene.server;
  const rest = new Rest(bootstrap.httpPort);
  const give = (security: object) => rest.put(`/endpoints/${endpoint}/bootstrap/configuration`, {
    document: { accounts: [{ role: 'management', uri: `coaps://127.0.0.1:${coapsPort}`, security, shortServerId: 1, lifetimeS: 120 }] },
  });
  const opens = async () => ((await scene.rest.get(`/endpoints/${endpoint}/credentials`)) as CredentialView[]).filter(({ role }) => role !== 'bootstrap').map(({ kind }) => kind);
  await scene.rest.setCredentials(endpoint, { psk: { identity, keyHex }, role: 'bootstrap' });
  await give({ mode: 'psk', from: 'make' });
  const fleet = await PionFleet.open({ ...names, bootstrapPorts: [bootstrap.coapsPort] });
  try {
    await fleet.start();
    await scene.heard(endpoint, eventTypes.registered);
    expect(await opens()).toEqual(['psk']);

    await give({ mode: 'est' });
    expect(await rest.post(`/endpoints/${endpoint}/bootstrap`, undefined, 202)).toMatchObject({ state: 'waiting' });
    await vi.waitFor(async () => expect((await rest.get(`/endpoints/${endpoint}/bootstrap`)) as BootstrapTrigger).toMatchObject({ state: 'done' }), SOON);
    await vi.waitFor(async () => expect(await opens()).toEqual(['x509']), SOON);
    const { certificates } = issuedCertificatePage.parse(await rest.get(`/pki/certificates?endpoint=${endpoint}`));
    expect(certificates).toMatchObject([{ endpoint, state: 'valid' }]);
    expect((await fleet.report()).totals).toMatchObject({ bootstraps: 2, enrolments: 1, registers: 2, lockedOut: 0, handshakesFailed: 0 });
    expect(await fleet.tryFormer()).toMatchObject({ refused: 1, accepted: 0 });

    // For a process that counts on certificates of ten months the one of twenty days is due.
    const brokers = await useKafka();
    const patient = { LWM2M_CA_VALIDITY_DAYS: '300', LWM2M_CA_RENEWAL_DAYS: '90' };
    const renewing = await Member.start('bootstrap', { ...brokersOf(await useRedis(), brokers), ...all, ...patient });
    try {
      await vi.waitFor(async () => expect((await fleet.report()).totals).toMatchObject({ bootstraps: 3, enrolments: 2, registers: 3, lockedOut: 0 }), SOON);
    } finally {
      await renewing.remove();
    }
    const told = (await readRecords(brokers, [topics.bootstrap])).filter(({ key, type }) => key === endpoint && type !== eventTypes.bootstrapEnded);
    expect(told.sort((a, b) => (a.type < b.type ? -1 : 1))).toMatchObject([
      { type: eventTypes.certificateDue, data: { serial: certificates[0]!.serial, renewal: 'asked' } },
      { type: eventTypes.certificateIssued, data: { serial: certificates[0]!.serial } },
      { type: eventTypes.certificateRenewed, data: { replaces: certificates[0]!.serial } },
    ]);
    expect(await fleet.tryFormer()).toMatchObject({ refused: 1, accepted: 0 });

    // Revoked at the one process, it ends at the other; the device has its bootstrap account.
    const { serial } = issuedCertificatePage.parse(await rest.get(`/pki/certificates?endpoint=${endpoint}`)).certificates.at(-1)!;
    expect((await fetch(`http://127.0.0.1:${bootstrap.httpPort}/api/v1/pki/certificates/${serial}?reason=keyCompromise`, { method: 'DELETE' })).status).toBe(204);
    await vi.waitFor(async () => expect((await fleet.report()).totals).toMatchObject({ sessionsEnded: 1, lockedOut: 1, bootstraps: 4, registers: 4 }), SOON);
  } finally {
    await fleet.stop();
  }
});
