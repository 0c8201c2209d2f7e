import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureGnutls, startGnutls } from './gnutls.ts';
import { ensureOpenssl, startOpenssl } from './openssl.ts';
import { makeTestPki, type TestPki } from './pki.ts';
import { ScandiumServer } from './scandium-server.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;
const KEYS = { psk: { 'device-1': PSK.keyHex } };

let directory: string;
let pki: TestPki;
let server: ScandiumServer;

beforeAll(async () => {
  await ensureOpenssl();
  await ensureGnutls();
  directory = await mkdtemp(join(tmpdir(), 'scandium-server-'));
  pki = await makeTestPki(directory);
}, 300_000);
afterEach(() => server.stop());
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each([{ name: 'OpenSSL', start: startOpenssl }, { name: 'GnuTLS', start: startGnutls }])('$name', ({ start }) => {
  it('ends its session with close_notify, and tells that of the server', async () => {
    server = await ScandiumServer.start({ ...KEYS, suite: 'TLS_PSK_WITH_AES_128_CCM_8' });
    const first = start({ port: server.port, security: PSK });
    expect(await first.handshake()).toMatchObject({ ok: true });
    await first.close();
    expect(await server.alert()).toBe(0);

    const second = start({ port: server.port, security: PSK });
    await second.handshake();
    second.send(Buffer.from('here'));
    expect(String(await server.receive())).toBe('here');
    server.send(Buffer.from('there'));
    expect(String(await second.receive((data) => data.length >= 5))).toBe('there');
    server.endSession();
    expect(await second.ended()).toEqual({ alert: 0 });
  }, 60_000);

  it('tells the alert of a handshake that fails', async () => {
    server = await ScandiumServer.start({ ...KEYS, suite: 'TLS_PSK_WITH_AES_128_CCM_8' });
    const client = start({ port: server.port, security: PSK, suite: 'TLS_PSK_WITH_AES_128_GCM_SHA256' });
    expect(await client.handshake()).toMatchObject({ ok: false, alert: 40 });
  }, 60_000);
});

it('shakes hands with raw public keys of GnuTLS', async () => {
  server = await ScandiumServer.start({ keyFile: pki.server.keyFile, publicKeyFile: pki.server.publicKeyFile });
  const client = startGnutls({ port: server.port, security: { mode: 'rpk', ...pki.client } });
  expect(await client.handshake()).toMatchObject({ ok: true, suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8' });
  client.send(Buffer.from('here'));
  expect(String(await server.receive())).toBe('here');
  expect(await server.handshake()).toMatchObject({ ok: true, principal: expect.stringMatching(/^ni:/) });
  await client.close();
}, 60_000);
