import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeServer } from '../device/fake-server.ts';
import { ensureOpenssl } from './dtls/openssl.ts';
import { OpensslServer } from './dtls/openssl-server.ts';
import type { DtlsSecurity } from './dtls/peer.ts';
import { makeTestPki, type TestPki } from './dtls/pki.ts';
import { ScandiumServer, type ScandiumServerOptions } from './dtls/scandium-server.ts';
import { startLeshan, type LeshanClient } from './leshan.ts';

const PSK = { mode: 'psk', identity: 'leshan-psk', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;
const KEYS = { psk: { 'leshan-psk': PSK.keyHex } };

let directory: string;
let pki: TestPki;
let coap: FakeServer;
let server: ScandiumServer;
let leshan: LeshanClient;

beforeAll(async () => {
  await ensureOpenssl();
  directory = await mkdtemp(join(tmpdir(), 'leshan-dtls-'));
  pki = await makeTestPki(directory, 'leshan-x509');
  coap = await FakeServer.start();
}, 300_000);
afterEach(async () => {
  await leshan.stop();
  await server.stop();
});
afterAll(async () => {
  coap.stop();
  await rm(directory, { recursive: true, force: true });
});

const modes: readonly { name: DtlsSecurity['mode']; server: () => ScandiumServerOptions; client: () => DtlsSecurity }[] = [
  { name: 'psk', server: () => KEYS, client: () => PSK },
  {
    name: 'rpk',
    server: () => ({ keyFile: pki.server.keyFile, publicKeyFile: pki.server.publicKeyFile }),
    client: () => ({ mode: 'rpk', ...pki.client, peerKeyFile: pki.server.publicKeyFile }),
  },
  {
    name: 'x509',
    server: () => ({ ...pki.server, trustFile: pki.trustFile }),
    client: () => ({ mode: 'x509', ...pki.client, trustFile: pki.trustFile }),
  },
];

describe.each(modes)('with $name', ({ server: serverOptions, client }) => {
  it('registers, is read, resumes its session and de-registers', async () => {
    server = await ScandiumServer.start({ ...serverOptions(), target: coap.port });
    leshan = await startLeshan({ endpoint: 'leshan-1', port: server.port, dtls: { security: client() } });
    await leshan.register();
    expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: false, readCid: null, writeCid: null });
    expect(String((await coap.request({ path: '/3/0/0', accept: 0 })).payload)).toBe('Eclipse Leshan');
    leshan.resumeSession();
    await leshan.update();
    expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: true });
    await leshan.deregister();
  }, 60_000);
});

it('agrees on Connection IDs', async () => {
  server = await ScandiumServer.start({ ...KEYS, cidLength: 6, target: coap.port });
  const suite = 'TLS_PSK_WITH_AES_128_CCM_8';
  leshan = await startLeshan({ endpoint: 'leshan-1', port: server.port, dtls: { security: PSK, suite, cidLength: 0 } });
  await leshan.register();
  expect(await leshan.handshake()).toMatchObject({ ok: true, suite, writeCid: expect.stringMatching(/^[0-9a-f]{12}$/) });
  expect(await server.handshake()).toMatchObject({ ok: true, principal: 'leshan-psk', readCid: expect.any(String) });
}, 60_000);

it('shakes hands anew when it forgot its session', async () => {
  server = await ScandiumServer.start({ ...KEYS, target: coap.port });
  leshan = await startLeshan({ endpoint: 'leshan-1', port: server.port, dtls: { security: PSK } });
  await leshan.register();
  await leshan.handshake();
  leshan.forgetSession();
  await leshan.update();
  expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: false });
}, 60_000);

it('tells the alert of a handshake that fails', async () => {
  const other = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_GCM_SHA256', security: PSK });
  const dtls = { security: PSK, suite: 'TLS_PSK_WITH_AES_128_CCM_8' } as const;
  leshan = await startLeshan({ endpoint: 'leshan-1', port: other.port, dtls });
  leshan.process.command({ do: 'start' });
  expect(await leshan.handshake()).toMatchObject({ ok: false, alert: 40 });
  await other.stop();
}, 60_000);
