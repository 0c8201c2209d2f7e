import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureOpenssl, startOpenssl } from './openssl.ts';
import { OpensslServer } from './openssl-server.ts';
import type { CipherSuite, X509Security } from './peer.ts';
import { makeTestPki, type TestPki } from './pki.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;

let directory: string;
let pki: TestPki;
let server: OpensslServer;

beforeAll(async () => {
  await ensureOpenssl();
  directory = await mkdtemp(join(tmpdir(), 'openssl-client-'));
  pki = await makeTestPki(directory);
}, 300_000);
afterEach(() => server.stop());
afterAll(() => rm(directory, { recursive: true, force: true }));

const x509 = (party: 'server' | 'client'): X509Security => ({ mode: 'x509', ...pki[party], trustFile: pki.trustFile });

describe.each<CipherSuite>([
  'TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'TLS_PSK_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
])('%s', (suite) => {
  it('shakes hands, carries data both ways and closes', async () => {
    const psk = suite.includes('PSK');
    server = await OpensslServer.start({ suite, security: psk ? PSK : x509('server') });
    const client = startOpenssl({ port: server.port, suite, security: psk ? PSK : x509('client') });
    expect(await client.handshake()).toEqual({ ok: true, suite, resumed: false });
    client.send(Buffer.from('Q\nfrom the client\0')); // Q is a command letter of s_client's
    await server.receive(/Q\nfrom the client\0/);
    server.send('from the server');
    const line = await client.receive((data) => data.includes('\n'));
    expect(String(line)).toBe('from the server\n');
    await client.close();
  }, 60_000);
});

it('resumes a session that it kept in a file', async () => {
  const suite = 'TLS_PSK_WITH_AES_128_CCM_8';
  server = await OpensslServer.start({ suite, security: PSK });
  const file = join(directory, 'session.pem');
  const first = startOpenssl({ port: server.port, security: PSK, keepSession: file });
  expect(await first.handshake()).toMatchObject({ ok: true, resumed: false });
  await first.close();
  const second = startOpenssl({ port: server.port, security: PSK, resumeSession: file });
  expect(await second.handshake()).toEqual({ ok: true, suite, resumed: true });
  await second.close();
}, 60_000);

it('sends its certificate in fragments that fit a small MTU', async () => {
  server = await OpensslServer.start({ suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', security: x509('server') });
  const client = startOpenssl({ port: server.port, security: x509('client'), mtu: 256 });
  expect(await client.handshake()).toMatchObject({ ok: true });
  await client.close();
}, 60_000);

it('tells the alert of a handshake that fails', async () => {
  server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_CCM_8', security: PSK });
  const client = startOpenssl({ port: server.port, security: PSK, suite: 'TLS_PSK_WITH_AES_128_GCM_SHA256' });
  expect(await client.handshake()).toMatchObject({ ok: false, alert: 40 });
}, 60_000);

it('tells that nobody answers', async () => {
  server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_CCM_8', security: PSK });
  await server.stop();
  expect(await startOpenssl({ port: server.port, security: PSK }).handshake()).toMatchObject({ ok: false, alert: undefined });
}, 60_000);
