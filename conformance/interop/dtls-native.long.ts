/** Mbed TLS and wolfSSL against the server: Connection IDs and changes of address, small datagrams, each security mode that they know. */
import { buildMbedtls, buildWolfssl, startMbedtls, startWolfssl, type CipherSuite } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scene } from '../src/scene.ts';
import { makeServerKeys, spkiBase64 } from '../src/server-keys.ts';

const KEY = '000102030405060708090a0b0c0d0e0f';
const PSK = { mode: 'psk', identity: 'native-psk', keyHex: KEY } as const;
/** wolfSSL does not get by with less than 300 bytes. */
const SMALL = 300;
const PING = Buffer.from('40001234', 'hex');
const PONG = '70001234';

const { pki, env, remove } = await makeServerKeys('native-x509');
const certificate = { mode: 'x509', ...pki.client, trustFile: pki.trustFile } as const;
const rawKey = { mode: 'rpk', ...pki.client, peerKeyFile: pki.server.publicKeyFile } as const;
const scene = new Scene();

beforeAll(async () => {
  await buildMbedtls();
  await buildWolfssl();
  await scene.open({ env });
  await scene.rest.setCredentials('native-psk', { psk: { identity: PSK.identity, keyHex: KEY } });
  await scene.rest.setCredentials('native-rpk', { rpk: { spkiBase64: await spkiBase64(pki.client.publicKeyFile) } });
});
afterAll(async () => {
  await scene.close();
  await remove();
});

describe.each([['Mbed TLS', startMbedtls], ['wolfSSL', startWolfssl]] as const)('%s', (_, start) => {
  const port = () => scene.server.coapsPort;

  async function answered(client: Awaited<ReturnType<typeof start>>): Promise<void> {
    client.send(PING);
    expect((await client.receive((data) => data.length >= 4)).toString('hex')).toBe(PONG);
  }

  it('keeps its association when its address changes', async () => {
    const client = await start({ port: port(), security: PSK, cidHex: 'beef' });
    expect(await client.handshake()).toMatchObject({ ok: true, suite: 'TLS_PSK_WITH_AES_128_CCM_8' });
    expect(client.writeCid).toMatch(/^[0-9a-f]{28}$/);
    await answered(client);
    await client.rebind();
    await answered(client);
    await client.close();
  });

  it.each<CipherSuite>(['TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'])('does %s with certificates in small datagrams', async (suite) => {
    const client = await start({ port: port(), security: certificate, suite, mtu: SMALL });
    expect(await client.handshake()).toMatchObject({ ok: true, suite });
    await answered(client);
    await client.close();
  });

  it('is refused with unknown_psk_identity where its key is wrong', async () => {
    const client = await start({ port: port(), security: { ...PSK, keyHex: KEY.replace('00', 'ff') } });
    expect(await client.handshake()).toMatchObject({ ok: false, alert: 115 });
  });
});

it('wolfSSL proves itself by a raw public key', async () => {
  const client = await startWolfssl({ port: scene.server.coapsPort, security: rawKey });
  expect(await client.handshake()).toMatchObject({ ok: true });
  client.send(PING);
  expect((await client.receive((data) => data.length >= 4)).toString('hex')).toBe(PONG);
  await client.close();
});
