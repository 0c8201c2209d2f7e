/** Devices that shake hands with what an operator set, over the DTLS engine: each kind, rotation, revocation. */
import { startSignatureCheck, TrustStore, type SignatureCheck } from '@cluster/dtls';
import { authority, ecKeys, issue, spkiOf } from '@cluster/dtls/testing/authority';
import { encodeUtf8, fromHex } from '@cluster/bytes';
import { beforeEach, describe, expect, test } from 'vitest';
import { type CredentialDesk, PeerVerdicts } from '../index.ts';
import { CredentialWorld } from '../testing/credential-world.ts';
import { openWorker, shakeHands, type Worker } from '../testing/handshake.ts';

const KEY = 'a0'.repeat(16);
const DAY_MS = 86_400_000;
const KEY_2 = 'b1'.repeat(16);
const root = authority('CN=Root');
const middle = issue({ subject: 'CN=Middle', ca: true }, root);
const server = issue({ subject: 'CN=server.example.com', keyUsage: [0] }, root);
const identity = { names: ['server.example.com'], chain: [server.der], publicKey: spkiOf(server), privateKey: server.keys.privateKey };
const judgeServer = () => server.keys.publicKey;

let world: CredentialWorld;
let desk: CredentialDesk;
let worker: Worker;

function newWorker(): Worker {
  const trust = new TrustStore();
  trust.addAnchor(root.der);
  const lookup = world.lookup();
  const policy = () => ({ trust, requireRevocationLists: false });
  const check = (signature: SignatureCheck) => new Promise<boolean>((checked) => startSignatureCheck(signature, checked));
  return openWorker(world, new PeerVerdicts({ lookup, devices: world.devices, policy, check, refused: () => {} }), lookup, [identity]);
}

beforeEach(() => {
  world = new CredentialWorld();
  desk = world.desk();
  worker = newWorker();
});

const psk = (name: string, keyHex = KEY) => ({ psk: { identity: encodeUtf8(name), key: fromHex(keyHex)! } });
const connected = (version: number) => ({ client: { kind: 'connected' }, version });
const failed = (alert: number) => ({ client: { kind: 'failed', alert }, version: undefined });
const certificate = (...chain: { der: Uint8Array }[]) => ({ type: 'x509' as const, chain: chain.map(({ der }) => der) });

describe('a device', () => {
  test('with its PSK is let in; with an unknown identity, a wrong key or a revoked one it gets 115 (rows B23, Q43)', async () => {
    await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
    expect(await shakeHands(world, worker, psk('id'))).toMatchObject({ ...connected(1), deviceNumber: world.numbers.get('urn:a') });
    expect(await shakeHands(world, worker, psk('nobody'))).toMatchObject(failed(115));
    expect(await shakeHands(world, worker, psk('id', KEY_2))).toMatchObject(failed(115));
    await desk.remove('urn:a', 'all');
    expect(await shakeHands(world, newWorker(), psk('id'))).toMatchObject(failed(115));
  });

  test('with its raw public key is let in, with another one it gets certificate_unknown (rows B27, Q43)', async () => {
    const keys = ecKeys();
    await desk.set('urn:a', { rpk: { spkiBase64: spkiOf({ keys }).toString('base64') } });
    const rpk = ({ privateKey, publicKey } = keys) => ({ certificate: { type: 'rpk' as const, publicKey: spkiOf({ keys: { privateKey, publicKey } }), privateKey }, judgeServer });
    expect(await shakeHands(world, worker, rpk())).toMatchObject(connected(1));
    expect(await shakeHands(world, worker, rpk(ecKeys()))).toMatchObject(failed(46));
  });

  test('with a certificate is let in by its chain, with its name as endpoint; a stranger’s is refused (rows B29, Q43)', async () => {
    const device = issue({ subject: 'CN=urn:a' }, middle);
    const { privateKey } = device.keys;
    const answer = await shakeHands(world, worker, { certificate: { ...certificate(device, middle), privateKey }, judgeServer });
    expect(answer).toMatchObject({ ...connected(0), deviceNumber: world.numbers.get('urn:a') });
    expect(await shakeHands(world, worker, { certificate: { ...certificate(device), privateKey }, judgeServer })).toMatchObject(failed(48));
    const stranger = issue({ subject: 'CN=urn:a' }, authority('CN=Root'));
    expect(await shakeHands(world, worker, { certificate: { ...certificate(stranger), privateKey: stranger.keys.privateKey }, judgeServer })).toMatchObject(failed(42));
  });
});

describe('while a key is replaced', () => {
  test.each<[string, string]>([['under another identity', 'id-2'], ['under the same identity', 'id']])('%s the device gets in with the former one until it used the new one (row B17)', async (_, next) => {
    await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
    expect(await shakeHands(world, worker, psk('id'))).toMatchObject(connected(1));
    await desk.set('urn:a', { psk: { identity: next, keyHex: KEY_2 } });
    worker.lookup.forget(world.numbers.get('urn:a')!);
    expect(await shakeHands(world, worker, psk('id'))).toMatchObject(connected(1));
    expect(await shakeHands(world, worker, psk(next, KEY_2))).toMatchObject(connected(2));
    expect(await shakeHands(world, worker, psk('id'))).toMatchObject(failed(115));
    expect(await shakeHands(world, worker, psk(next, KEY_2))).toMatchObject(connected(2));
    const live = await worker.lookup.areLive([1, 2].map((credentialVersion) => ({ deviceNumber: world.numbers.get('urn:a')!, credentialVersion })), world.nowMs);
    expect(live).toEqual([false, true]);
  });
});

test('a ticket ends with the certificate that it was made with: the device has to show the one that it has now', async () => {
  const made = (days: number) => issue({ subject: 'CN=urn:a', notAfter: new Date(world.nowMs + days * DAY_MS) }, root);
  const showing = (device: ReturnType<typeof issue>, more = {}) => shakeHands(world, worker, { certificate: { ...certificate(device), privateKey: device.keys.privateKey }, judgeServer, tickets: true, ...more });
  const brief = made(1);
  const { client } = await showing(brief);
  const session = client?.kind === 'connected' ? client.session : undefined;
  const lasting = made(100);
  world.nowMs += DAY_MS / 2;
  expect(await showing(brief, { session })).toMatchObject({ client: { kind: 'connected', resumed: true } });
  world.nowMs += DAY_MS;
  expect(await showing(brief, { session })).toMatchObject(failed(45));
  expect(await showing(lasting, { session })).toMatchObject({ client: { kind: 'connected', resumed: false } });
});

test('a ticket ends with its credential: the device has to shake hands anew, and fails', async () => {
  await desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
  const { client } = await shakeHands(world, worker, { ...psk('id'), tickets: true });
  const session = client?.kind === 'connected' ? client.session : undefined;
  expect(session?.ticket).toBeDefined();
  const resume = () => shakeHands(world, newWorker(), { ...psk('id'), tickets: true, session: session! });
  expect(await resume()).toMatchObject({ client: { kind: 'connected', resumed: true }, version: 1 });
  await desk.remove('urn:a', 'all');
  expect(await resume()).toMatchObject(failed(115));
});
