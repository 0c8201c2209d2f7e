import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureGnutls, startGnutls } from './gnutls.ts';
import { ensureOpenssl } from './openssl.ts';
import { OpensslServer } from './openssl-server.ts';
import type { CipherSuite, X509Security } from './peer.ts';
import { makeTestPki, type TestPki } from './pki.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;

let directory: string;
let pki: TestPki;
let server: OpensslServer;

beforeAll(async () => {
  await ensureOpenssl();
  await ensureGnutls();
  directory = await mkdtemp(join(tmpdir(), 'gnutls-client-'));
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
    const client = startGnutls({ port: server.port, suite, security: psk ? PSK : x509('client') });
    expect(await client.handshake()).toEqual({ ok: true, suite, resumed: false });
    client.send(Buffer.from('^quit^\nfrom the client\0'));
    await server.receive(/\^quit\^\nfrom the client\0/);
    server.send('from the server');
    const line = await client.receive((data) => data.includes('\n'));
    expect(String(line)).toBe('from the server\n');
    await client.close();
  }, 60_000);
});

it('sends its certificate in fragments that fit a small MTU', async () => {
  server = await OpensslServer.start({ suite: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', security: x509('server') });
  const client = startGnutls({ port: server.port, security: x509('client'), mtu: 256 });
  expect(await client.handshake()).toMatchObject({ ok: true });
  await client.close();
}, 60_000);

it('tells that nobody answers', async () => {
  server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_CCM_8', security: PSK });
  await server.stop();
  expect(await startGnutls({ port: server.port, security: PSK }).handshake()).toMatchObject({ ok: false, alert: undefined });
}, 60_000);
