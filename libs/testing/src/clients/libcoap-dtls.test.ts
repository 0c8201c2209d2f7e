import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeServer } from '../device/fake-server.ts';
import { ensureOpenssl } from './dtls/openssl.ts';
import { OpensslServer } from './dtls/openssl-server.ts';
import { makeTestPki, type TestPki } from './dtls/pki.ts';
import { ScandiumServer, type ScandiumServerOptions } from './dtls/scandium-server.ts';
import { ensureLibcoap, LibcoapClient, type LibcoapDtls } from './libcoap.ts';
import { freeUdpPort } from './udp-port.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: Buffer.from('sixteen octets..').toString('hex') } as const;

let directory: string;
let pki: TestPki;
let coap: FakeServer;
let server: ScandiumServer | OpensslServer;

beforeAll(async () => {
  await ensureOpenssl();
  await ensureLibcoap();
  directory = await mkdtemp(join(tmpdir(), 'libcoap-dtls-'));
  pki = await makeTestPki(directory);
  coap = await FakeServer.start();
}, 300_000);
afterEach(() => server.stop());
afterAll(async () => {
  coap.stop();
  await rm(directory, { recursive: true, force: true });
});

const psk = (): ScandiumServerOptions => ({ psk: { 'device-1': PSK.keyHex } });
const rpk = (): ScandiumServerOptions => ({ keyFile: pki.server.keyFile, publicKeyFile: pki.server.publicKeyFile });
const x509 = (): ScandiumServerOptions => ({ ...pki.server, trustFile: pki.trustFile });
const certificate = (): LibcoapDtls['security'] & { mode: 'x509' } => ({ mode: 'x509', ...pki.client, trustFile: pki.trustFile });

describe.each<{ name: string; serverOptions: () => ScandiumServerOptions; dtls: () => LibcoapDtls }>([
  { name: 'OpenSSL, PSK', serverOptions: psk, dtls: () => ({ library: 'openssl', security: PSK }) },
  { name: 'OpenSSL, X.509', serverOptions: x509, dtls: () => ({ library: 'openssl', security: certificate() }) },
  { name: 'GnuTLS, PSK', serverOptions: psk, dtls: () => ({ library: 'gnutls', security: PSK }) },
  { name: 'GnuTLS, X.509', serverOptions: x509, dtls: () => ({ library: 'gnutls', security: certificate() }) },
  { name: 'GnuTLS, RPK', serverOptions: rpk, dtls: () => ({ library: 'gnutls', security: { mode: 'rpk', ...pki.client } }) },
])('with $name', ({ serverOptions, dtls }) => {
  it('registers and de-registers', async () => {
    server = await ScandiumServer.start({ ...serverOptions(), target: coap.port });
    const client = new LibcoapClient(server.port, await freeUdpPort(), dtls());
    const registered = once(coap, 'register');
    expect(await client.register('ep=libcoap-1&lt=60&lwm2m=1.1&b=U', '</3/0>')).toMatch(/^\/rd\/r\d+$/);
    expect((await registered)[0].query).toContain('ep=libcoap-1');
    expect(await client.deregister()).toBe('2.02');
  }, 60_000);
});

describe.each(['openssl', 'gnutls'] as const)('with %s', (library) => {
  it('tells the alert of a handshake that fails', async () => {
    const security = { mode: 'x509', ...pki.server, trustFile: pki.trustFile } as const;
    server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_CCM_8', security });
    const client = new LibcoapClient(server.port, await freeUdpPort(), { library, security: certificate() });
    await expect(client.request({ method: 'get', path: 'rd' })).rejects.toMatchObject({ code: 'LIBCOAP_FAILED', alert: 40 });
  }, 60_000);
});
