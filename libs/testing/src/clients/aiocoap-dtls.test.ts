import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { FakeServer } from '../device/fake-server.ts';
import { startAiocoap, type AiocoapClient } from './aiocoap.ts';
import { OpensslServer } from './dtls/openssl-server.ts';
import { ScandiumServer } from './dtls/scandium-server.ts';

const PSK = { mode: 'psk', identity: 'device-1', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;

let coap: FakeServer;
let server: ScandiumServer | OpensslServer;
let client: AiocoapClient;

beforeAll(async () => {
  coap = await FakeServer.start();
});
afterEach(async () => {
  await client?.stop();
  await server.stop();
});
afterAll(() => coap.stop());

it('registers, is read and observed, and de-registers over tinydtls', async () => {
  server = await ScandiumServer.start({ psk: { [PSK.identity]: PSK.keyHex }, target: coap.port });
  client = await startAiocoap({ endpoint: 'aiocoap-1', port: server.port, security: PSK });
  expect(await client.register()).toBe('/rd/r1');
  expect(await server.handshake()).toMatchObject({ ok: true, suite: 'TLS_PSK_WITH_AES_128_CCM_8', principal: PSK.identity });
  const token = Buffer.from('0102030405060708', 'hex');
  await coap.request({ path: '/3303/0/5700', accept: 0, observe: 0, token });
  await client.next('observed');
  const notified = once(coap, 'notification');
  client.setValue('/3303/0/5700', 22.25);
  expect(String((await notified)[0].payload)).toBe('22.25');
  expect(await client.deregister()).toBe('2.02');
}, 300_000);

it('tells the alert of a handshake that fails', async () => {
  server = await OpensslServer.start({ suite: 'TLS_PSK_WITH_AES_128_GCM_SHA256', security: PSK });
  client = await startAiocoap({ endpoint: 'aiocoap-1', port: server.port, security: PSK });
  await expect(client.register()).rejects.toMatchObject({ code: 'AIOCOAP_FAILED', alert: 40 });
}, 60_000);
