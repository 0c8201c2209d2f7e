/** DTLS stacks of other people against the server: handshake, data both ways and close, in each security mode that they know. */
import { eventTypes } from '@cluster/contracts';
import {
  ensureGnutls, ensureLibcoap, fleetCredentials, freeUdpPort, LibcoapClient, PionFleet, startAiocoap, startGnutls, startLeshan, startOpenssl,
  type CipherSuite, type DtlsClient, type DtlsSecurity, type LeshanClient, type LibcoapDtls,
} from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawPeer } from '../src/raw-peer.ts';
import { Scene } from '../src/scene.ts';
import { makeServerKeys, spkiBase64 } from '../src/server-keys.ts';

const CERTIFIED = 'dtls-x509';
const RAW = 'dtls-rpk';
const KEY = Buffer.from('sixteen octets..').toString('hex');
const PING = Buffer.from('40001234', 'hex');
const PONG = '70001234';

const { pki, env, remove } = await makeServerKeys(CERTIFIED);
const certificate = { mode: 'x509', ...pki.client, trustFile: pki.trustFile } as const;
const scene = new Scene();

beforeAll(async () => {
  await ensureLibcoap();
  await ensureGnutls();
  await scene.open({ env });
  await scene.rest.setCredentials(RAW, { rpk: { spkiBase64: await spkiBase64(pki.client.publicKeyFile) } });
});
afterAll(async () => {
  await scene.close();
  await remove();
});

/** A device's PSK, by its endpoint name as identity. */
async function keyFor(endpoint: string) {
  await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: ownKey(endpoint) } });
  return { mode: 'psk', identity: endpoint, keyHex: ownKey(endpoint) } as const;
}

/** Printable, since libcoap takes no other; and no two devices may share one. */
function ownKey(endpoint: string): string {
  return KEY + Buffer.from(endpoint).toString('hex');
}

describe.each<{ name: string; endpoint: string; security: () => DtlsSecurity | Promise<DtlsSecurity>; cidLength?: number }>([
  { name: 'a PSK', endpoint: 'leshan-psk', security: () => keyFor('leshan-psk') },
  { name: 'a PSK and Connection IDs', endpoint: 'leshan-cid', security: () => keyFor('leshan-cid'), cidLength: 6 },
  { name: 'a raw public key', endpoint: RAW, security: () => ({ mode: 'rpk', ...pki.client, peerKeyFile: pki.server.publicKeyFile }) },
  { name: 'a certificate', endpoint: CERTIFIED, security: () => certificate, cidLength: 0 },
])('Leshan (Scandium) with $name (rows B8, B126, F14, Q16, Q43)', ({ endpoint, security, cidLength }) => {
  let leshan: LeshanClient;
  afterAll(() => leshan?.stop());

  it('registers, is read, resumes its session and leaves', async () => {
    const dtls = { security: await security(), ...(cidLength === undefined ? {} : { cidLength }) };
    leshan = await startLeshan({ endpoint, port: scene.server.coapsPort, dtls });
    await leshan.register();
    const cid = cidLength === undefined ? null : expect.any(String);
    expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: false, writeCid: cid });
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3/0/0' })).code).toBe('2.05');
    leshan.resumeSession();
    await leshan.update();
    expect(await leshan.handshake()).toMatchObject({ ok: true, resumed: true });
    await leshan.deregister();
    await scene.heard(endpoint, eventTypes.deregistered);
  });
});

describe.each<{ name: string; endpoint: string; dtls: () => LibcoapDtls | Promise<LibcoapDtls> }>([
  { name: 'OpenSSL, PSK', endpoint: 'libcoap-1', dtls: async () => ({ library: 'openssl', security: await keyFor('libcoap-1') }) },
  { name: 'OpenSSL, X.509', endpoint: CERTIFIED, dtls: () => ({ library: 'openssl', security: certificate }) },
  { name: 'GnuTLS, PSK', endpoint: 'libcoap-2', dtls: async () => ({ library: 'gnutls', security: await keyFor('libcoap-2') }) },
  { name: 'GnuTLS, X.509', endpoint: CERTIFIED, dtls: () => ({ library: 'gnutls', security: certificate }) },
  { name: 'GnuTLS, RPK', endpoint: RAW, dtls: () => ({ library: 'gnutls', security: { mode: 'rpk', ...pki.client } }) },
])('libcoap with $name', ({ endpoint, dtls }) => {
  it('registers, updates, sends and leaves, each by an association of its own', async () => {
    const client = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), await dtls());
    expect(await client.register(`ep=${endpoint}&lt=300&lwm2m=1.1&b=U`, '</1/0>,</3/0>,</3303/0>')).toMatch(/^\/rd\//);
    expect(await client.update()).toBe('2.04');
    expect(await client.send('[{"n":"/3303/0/5700","v":21.5}]', 110)).toBe('2.04');
    expect(await client.deregister()).toBe('2.02');
  });
});

describe.each<CipherSuite>([
  'TLS_PSK_WITH_AES_128_CCM_8', 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'TLS_PSK_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
])('%s (rows B10, B22, B29)', (suite) => {
  const stacks = { 'openssl s_client': startOpenssl, 'gnutls-cli': startGnutls };

  it.each(Object.keys(stacks) as (keyof typeof stacks)[])('of %s carries CoAP both ways and closes', async (stack) => {
    const security = suite.includes('PSK') ? await keyFor('console-1') : certificate;
    const client: DtlsClient = stacks[stack]({ port: scene.server.coapsPort, suite, security });
    expect(await client.handshake()).toMatchObject({ ok: true, suite });
    client.send(PING);
    expect((await client.receive((data) => data.length >= 4)).toString('hex')).toBe(PONG);
    await client.close();
  });
});

it('aiocoap (tinydtls) registers, is read and leaves', async () => {
  const client = await startAiocoap({ endpoint: 'tinydtls-1', port: scene.server.coapsPort, security: await shortKeyFor('tinydtls-1') });
  try {
    expect(await client.register()).toMatch(/^\/rd\//);
    expect((await scene.rest.command('tinydtls-1', { op: 'read', path: '/3/0/0', accept: 0 })).code).toBe('2.05');
    expect(await client.deregister()).toBe('2.02');
  } finally {
    await client.stop();
  }
});

it.each([['with Connection IDs, and from a new address,', 4], ['without Connection IDs', undefined]])('pion/dtls %s registers, is read, updates and leaves', async (_, cidLength) => {
  const names = { count: 1, endpoint: cidLength === undefined ? 'pion-plain' : 'pion-cid', keySeed: 'interop' };
  const [{ endpoint, identity, keyHex }] = fleetCredentials(names) as [ReturnType<typeof fleetCredentials>[0]];
  await scene.rest.setCredentials(endpoint, { psk: { identity, keyHex } });
  const fleet = await PionFleet.open({ ...names, port: scene.server.coapsPort, ...(cidLength !== undefined && { cidLength }) });
  try {
    await fleet.start();
    expect((await scene.rest.command(endpoint, { op: 'read', path: '/3303/0/5700' })).code).toBe('2.05');
    if (cidLength !== undefined) await fleet.rebind();
    fleet.update();
    await expect.poll(async () => (await fleet.report()).totals.updates, { timeout: 20_000 }).toBe(1);
    await fleet.leave();
    expect((await fleet.report()).totals).toMatchObject({ handshakes: 1, registers: 1, deregisters: 1, sessionsEnded: 0, undecryptable: 0 });
    await scene.heard(endpoint, eventTypes.deregistered);
  } finally {
    await fleet.stop();
  }
});

/** tinydtls takes keys of 16 bytes at most. */
async function shortKeyFor(endpoint: string) {
  const keyHex = 'ab'.repeat(16);
  await scene.rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex } });
  return { mode: 'psk', identity: endpoint, keyHex } as const;
}

describe('what a device may not do', () => {
  const register = async (endpoint: string, security: Parameters<typeof startOpenssl>[0]['security']): Promise<string> => {
    const client = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), { library: 'openssl', security });
    return (await client.request({ method: 'post', path: `rd?ep=${endpoint}&lt=300&lwm2m=1.1&b=U`, payload: '</3/0>', contentFormat: 40 })).code;
  };

  it.each([['an unknown identity', 'nobody', KEY], ['a wrong key', 'refused-1', KEY]])('with %s no handshake ends, with unknown_psk_identity (row B23)', async (_, identity, keyHex) => {
    await keyFor('refused-1');
    const client = startOpenssl({ port: scene.server.coapsPort, security: { mode: 'psk', identity, keyHex } });
    expect(await client.handshake()).toMatchObject({ ok: false, alert: 115 });
  });

  it('registers no other endpoint than that of its credential (row B19)', async () => {
    expect(await register('somebody-else', await keyFor('bound-1'))).toBe('4.00');
    expect(await register('bound-1', await keyFor('bound-1'))).toBe('2.01');
  });

  it('need not say its name (row B20)', async () => {
    const client = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), { library: 'openssl', security: await keyFor('nameless-1') });
    const answer = await client.request({ method: 'post', path: 'rd?lt=300&lwm2m=1.1&b=U', payload: '</3/0>', contentFormat: 40 });
    expect(answer.code).toBe('2.01');
    expect(await scene.rest.endpoint('nameless-1')).toMatchObject({ state: 'registered' });
  });

  it('speaks for no registration of another device, nor without security for a secured one', async () => {
    const client = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), { library: 'openssl', security: await keyFor('owner-1') });
    const location = (await client.register('ep=owner-1&lt=300&lwm2m=1.1&b=U', '</3/0>')).slice(1);
    const stranger = new LibcoapClient(scene.server.coapsPort, await freeUdpPort(), { library: 'openssl', security: await keyFor('stranger-1') });
    expect((await stranger.request({ method: 'post', path: location })).code).toBe('4.04');
    expect((await stranger.request({ method: 'delete', path: location })).code).toBe('4.04');
    const plain = await RawPeer.open();
    const update = { code: 2, path: location.split('/'), messageId: 7 };
    expect((await plain.request(scene.server.coapPort, update))?.code).toBe('4.04');
    const again = { code: 2, path: ['rd'], query: ['ep=owner-1', 'lt=300', 'lwm2m=1.1'], payload: '</3/0>', contentFormat: 40, messageId: 8 };
    expect((await plain.request(scene.server.coapPort, again))?.code).toBe('4.00');
    plain.close();
    expect((await client.request({ method: 'post', path: location })).code).toBe('2.04');
  });
});

it('a revoked credential ends the association that was made with it, and begins no other (row B37)', async () => {
  const endpoint = 'revoked-1';
  const client = startOpenssl({ port: scene.server.coapsPort, security: await keyFor(endpoint) });
  expect(await client.handshake()).toMatchObject({ ok: true });
  client.send(PING);
  await client.receive((data) => data.length >= 4);
  await scene.rest.revoke(endpoint);
  expect(await client.ended()).toEqual({ alert: 49 });
  const again = startOpenssl({ port: scene.server.coapsPort, security: { mode: 'psk', identity: endpoint, keyHex: ownKey(endpoint) } });
  expect(await again.handshake()).toMatchObject({ ok: false, alert: 115 });
});
