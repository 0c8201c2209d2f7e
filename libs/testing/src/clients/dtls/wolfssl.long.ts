import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ensureOpenssl } from './openssl.ts';
import { OpensslServer } from './openssl-server.ts';
import { makeTestPki, type TestPki } from './pki.ts';
import { ScandiumServer } from './scandium-server.ts';
import { buildWolfssl, startWolfssl } from './wolfssl.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;
const KEYS = { psk: { 'device-1': PSK.keyHex } };

let directory: string;
let pki: TestPki;
let server: ScandiumServer | OpensslServer;

beforeAll(async () => {
  await ensureOpenssl();
  await buildWolfssl();
  directory = await mkdtemp(join(tmpdir(), 'wolfssl-client-'));
  pki = await makeTestPki(directory);
});
afterEach(() => server.stop());
afterAll(() => rm(directory, { recursive: true, force: true }));

it('agrees on Connection IDs, and keeps its association when its address changes', async () => {
  const scandium = await ScandiumServer.start({ ...KEYS, cidLength: 6, suite: 'TLS_PSK_WITH_AES_128_CCM_8' });
  server = scandium;
  const client = await startWolfssl({ port: server.port, security: PSK, cidHex: 'beef' });
  expect(await client.handshake()).toEqual({ ok: true, suite: 'TLS_PSK_WITH_AES_128_CCM_8', resumed: false });
  expect(client.writeCid).toMatch(/^[0-9a-f]{12}$/);
  client.send(Buffer.from('before'));
  expect(String(await scandium.receive())).toBe('before');
  expect(await scandium.handshake()).toMatchObject({ readCid: client.writeCid, writeCid: 'beef' });
  await client.rebind();
  client.send(Buffer.from('after'));
  expect(String(await scandium.receive())).toBe('after');
  scandium.send(Buffer.from('answer'));
  expect(String(await client.receive())).toBe('answer');
  await client.close();
  expect(await scandium.alert()).toBe(0);
});

it('shakes hands with raw public keys', async () => {
  const scandium = await ScandiumServer.start({ keyFile: pki.server.keyFile, publicKeyFile: pki.server.publicKeyFile });
  server = scandium;
  const security = { mode: 'rpk', ...pki.client, peerKeyFile: pki.server.publicKeyFile } as const;
  const client = await startWolfssl({ port: server.port, security });
  expect(await client.handshake()).toMatchObject({ ok: true, suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8' });
  client.send(Buffer.from('here'));
  expect(String(await scandium.receive())).toBe('here');
  expect(await scandium.handshake()).toMatchObject({ ok: true, principal: expect.stringMatching(/^ni:/) });
  scandium.endSession();
  expect(await client.ended()).toEqual({ alert: 0 });
});

it('shakes hands with certificates', async () => {
  server = await OpensslServer.start({ suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', security: { mode: 'x509', ...pki.server, trustFile: pki.trustFile } });
  const security = { mode: 'x509', ...pki.client, trustFile: pki.trustFile } as const;
  const client = await startWolfssl({ port: server.port, security, suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' });
  expect(await client.handshake()).toMatchObject({ ok: true, suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' });
  await client.close();
});

it('tells the alert of a handshake that fails', async () => {
  server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_GCM_SHA256', security: PSK });
  const client = await startWolfssl({ port: server.port, security: PSK });
  expect(await client.handshake()).toMatchObject({ ok: false, alert: 40 });
});
