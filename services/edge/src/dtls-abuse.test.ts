/** What anybody can ask of a worker over DTLS, and what it costs at most: each bound is configured, and each refusal counted. */
import { createPublicKey, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { encodeUtf8 } from '@cluster/bytes';
import { Code, encodeMessage, MessageType, OptionNumber } from '@cluster/coap';
import { createCid } from '@cluster/dtls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SecureDevice, type SecureDeviceOptions } from './testing/secure-device.ts';
import { openSecureScene, newRawKey, type SecureScene, type SecureWorker } from './testing/secure-scene.ts';

const KEY = '00112233445566778899aabbccddeeff';
const PSK: SecureDeviceOptions = { psk: { identity: encodeUtf8('id'), key: Buffer.from(KEY, 'hex') } };
const CID_LENGTH = 14;
const TLS12_CID = 25;
const LAST_OF_SEQUENCE = 10;

let scene: SecureScene;
let worker: SecureWorker;
let devices: SecureDevice[];
let asked: string[];

beforeEach(async () => {
  devices = [];
  asked = [];
  scene = await openSecureScene([newRawKey()]);
  await scene.desk.set('urn:a', { psk: { identity: 'id', keyHex: KEY } });
});
afterEach(async () => {
  for (const device of devices) device.close();
  await scene.harness.close();
});

/** A worker with these bounds, whose questions to the store are noted. */
async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const noted = <T extends object>(part: T): T =>
    new Proxy(part, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...parameters: unknown[]): unknown => {
          asked.push(String(name));
          return Reflect.apply(value, target, parameters);
        };
      },
    });
  const { security } = scene;
  worker = await scene.start(env, (deps) => ({ ...deps, sessions: noted(deps.sessions), security: { ...security, store: noted(security.store) } }));
}

const counted = (name: string, reason: string) => worker.counted(`lwm2m_dtls_${name}_total{reason="${reason}"}`);
const until = (name: string, reason: string, times: number) => vi.waitFor(() => expect(counted(name, reason)).toBe(times), 5_000);

async function connect(options: SecureDeviceOptions = PSK): Promise<SecureDevice> {
  const device = await SecureDevice.connect(worker.port, options);
  devices.push(device);
  return device;
}

/** Sends datagrams from an address of their own. */
async function fromNowhere(...datagrams: Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  for (const datagram of datagrams) await new Promise((sent) => socket.send(datagram, worker.port, '127.0.0.1', sent));
  socket.close();
}

/** A protected record with a Connection ID: type, version, epoch, sequence number, CID, length, what should be ciphertext. */
const cidRecord = (cid: Uint8Array) => Buffer.concat([Buffer.of(TLS12_CID, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9), cid, Buffer.of(0, 40), randomBytes(40)]);
const plainRecord = () => Buffer.concat([Buffer.of(23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40), randomBytes(40)]);

const rawKey = newRawKey();
const RPK: SecureDeviceOptions = {
  certificate: { type: 'rpk', publicKey: rawKey.publicKey, privateKey: rawKey.privateKey },
  judgeServer: (_, [spki]) => createPublicKey({ key: Buffer.from(spki!), format: 'der', type: 'spki' }),
};
/** ClientHello without and with the cookie. */
const BOTH_HELLOS = 2;

async function greet(options: SecureDeviceOptions, datagrams?: number): Promise<void> {
  devices.push(await SecureDevice.greet(worker.port, options, datagrams));
}

describe('handshakes', () => {
  it('that stay half-open leave no room beyond their bound, and give it back in time', async () => {
    await start({ LWM2M_DTLS_MAX_HANDSHAKES: '2', LWM2M_DTLS_HANDSHAKE_TIMEOUT_S: '1' });
    for (let i = 0; i < 3; i++) await greet(PSK, BOTH_HELLOS);
    await until('handshakes_refused', 'half-open-limit', 1);
    await until('handshakes_refused', 'timeout', 2);
    expect((await connect()).connected).toBe(true);
  });

  it('keep so many bytes of unfinished messages and no more', async () => {
    await start({ LWM2M_DTLS_MAX_HANDSHAKE_BYTES: '65536', LWM2M_DTLS_MAX_HANDSHAKES: '1000' });
    expect(worker.counted('lwm2m_dtls_held{part="handshakeBytes"}')).toBe(0);
    // Each leaves 8,000 bytes of a Certificate behind that never gets whole.
    for (let i = 0; i < 12; i++) {
      await greet(RPK, BOTH_HELLOS);
      await vi.waitFor(() => expect(worker.counted('lwm2m_dtls_handshakes_begun_total') + counted('handshakes_refused', 'half-open-limit')).toBe(i + 1), 5_000);
      for (let at = 0; at < 8_000; at += 1_000) await devices.at(-1)!.sendRaw(certificateFragment(at));
    }
    await vi.waitFor(() => expect(counted('handshakes_refused', 'half-open-limit') + counted('handshakes_refused', 'displaced')).toBeGreaterThan(0), 5_000);
    expect(worker.counted('lwm2m_dtls_held{part="handshakeBytes"}')).toBeLessThan(65_536 + 32_000);
  });

  it('that need public-key work wait in a queue that is bounded; who finds no room begins anew', async () => {
    await scene.desk.set('urn:b', { rpk: { spkiBase64: Buffer.from(rawKey.publicKey).toString('base64') } });
    await start({ LWM2M_DTLS_PUBLIC_KEY_THREADS: '1', LWM2M_DTLS_PUBLIC_KEY_WAITING: '1' });
    await Promise.all(Array.from({ length: 30 }, () => greet(RPK, BOTH_HELLOS)));
    await vi.waitFor(() => expect(counted('handshakes_refused', 'work-refused')).toBeGreaterThan(0), 5_000);
    expect((await connect(RPK)).connected).toBe(true);
  });

  it('of one source are as many as it may begin', async () => {
    await start({ LWM2M_DTLS_SOURCE_HELLOS_PER_S: '1', LWM2M_DTLS_HELLOS_PER_S: '1000' });
    for (let i = 0; i < 3; i++) await greet(PSK, 1);
    await until('hellos_dropped', 'source', 2);
  });

  it('ask the store of nothing before a cookie came back, and a cookie of another is counted', async () => {
    await start();
    await greet(PSK, 1);
    await vi.waitFor(() => expect(worker.counted('lwm2m_dtls_cookies_sent_total')).toBe(1), 5_000);
    expect([asked, worker.counted('lwm2m_dtls_handshakes_begun_total')]).toEqual([[], 0]);
    await greet(PSK, BOTH_HELLOS);
    const stolen = await devices[1]!.until(() => devices[1]!.sent[1]);
    await fromNowhere(stolen);
    await vi.waitFor(() => expect(worker.counted('lwm2m_dtls_bad_cookies_total')).toBe(1), 5_000);
  });
});

describe('records', () => {
  it('with an invented Connection ID cost no lookup', async () => {
    await start();
    await fromNowhere(cidRecord(randomBytes(CID_LENGTH)), cidRecord(randomBytes(CID_LENGTH)));
    await until('records_dropped', 'invented-cid', 2);
    expect(asked).toEqual([]);
  });

  it('of associations elsewhere are looked up so many at a time', async () => {
    await start({ LWM2M_DTLS_MAX_TAKEOVERS: '1' });
    const cids = Array.from({ length: 20 }, () => createCid(scene.ring.all('cid'), 0, (size) => randomBytes(size)));
    await fromNowhere(...cids.map(cidRecord));
    await vi.waitFor(() => expect(counted('records_dropped', 'association-limit') + counted('records_dropped', 'unknown-cid')).toBe(20), 5_000);
    expect(counted('records_dropped', 'association-limit')).toBeGreaterThan(0);
  });

  it('without a Connection ID are looked up by their address so many a second', async () => {
    await start({ LWM2M_DTLS_ADDRESS_LOOKUPS_PER_S: '2' });
    for (let i = 0; i < 5; i++) await fromNowhere(plainRecord());
    await until('address_lookups_dropped', 'all', 3);
    expect(asked.filter((name) => name === 'resolveAddresses')).toHaveLength(2);
  });

  it('that are bent, repeated or anybody’s are dropped without a word, and the association lives (rows B3, B38, Q42, Q45)', async () => {
    await start();
    const device = await connect();
    await device.request({ code: Code.POST, path: ['rd'], query: ['lt=300', 'lwm2m=1.1'], payload: '</3/0>' });
    const [own] = device.records;
    const before = device.received.length;
    // Under sequence numbers that were not seen yet.
    for (const sequence of [99, 100]) await device.sendRaw(own!.map((byte, i) => (i === LAST_OF_SEQUENCE ? sequence : byte)));
    await device.sendRaw(own!);
    await until('records_dropped', 'bad-record', 2);
    await until('records_dropped', 'replayed', 1);
    expect([device.received.length, device.alerts]).toEqual([before, []]);
    expect((await device.request({ code: Code.POST, path: ['rd'], query: ['lt=300', 'lwm2m=1.1'], payload: '</3/0>' })).code).toBe(Code.CREATED);
  });
});

describe('security of the channel', () => {
  const register = { code: Code.POST, path: ['rd'], query: ['lt=300', 'lwm2m=1.1'], payload: '</3/0>,</3303/0>' };

  it('there is no plain port unless it is asked for, and nothing is taken before a handshake (rows B1, B2, B39)', async () => {
    await start({ LWM2M_NOSEC: 'off' });
    expect(worker.plainPort).toBeUndefined();
    // A Register in the clear, as it is and as application data of epoch 0.
    const plain = encodeMessage({ type: MessageType.CON, code: Code.POST, messageId: 1, token: Uint8Array.of(1), options: [{ number: OptionNumber.URI_PATH, value: encodeUtf8('rd') }], payload: encodeUtf8('</3/0>') });
    await fromNowhere(plain, Buffer.concat([Buffer.of(23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, plain.length), plain]));
    await until('records_dropped', 'malformed', 1);
    await until('records_dropped', 'unexpected', 1);
    expect(asked).toEqual([]);
  });

  it('nothing that is said can be read on the wire (rows B2, Q46)', async () => {
    await start();
    const device = await connect();
    await device.request(register);
    const answered = scene.harness.command('urn:a', { op: 'write', path: '/3/0/15', value: 'Europe/Paris' });
    const write = await device.until(() => device.received.find(({ code }) => code === Code.PUT));
    device.answer(write, Code.CHANGED);
    expect(await answered).toMatchObject({ response: { code: '2.04' } });
    const wire = Buffer.concat([...device.sent, ...device.arrived]);
    for (const said of ['3303', 'Europe/Paris', 'lwm2m=1.1']) expect(wire.includes(said)).toBe(false);
    expect(wire.includes(Buffer.from(KEY, 'hex'))).toBe(false);
  });

  it('an answer counts only from the device that was asked (rows B4, Q45)', async () => {
    await scene.desk.set('urn:b', { psk: { identity: 'other', keyHex: KEY.replace('0', 'f') } });
    await start();
    const device = await connect();
    const other = await connect({ psk: { identity: encodeUtf8('other'), key: Buffer.from(KEY.replace('0', 'f'), 'hex') } });
    for (const each of [device, other]) await each.request(register);
    const answered = scene.harness.command('urn:a', { op: 'read', path: '/3/0/0', accept: 0 });
    const read = await device.until(() => device.received.find(({ code }) => code === Code.GET));
    other.answer(read, Code.CONTENT, 'forged');
    await other.request({ code: Code.GET, path: ['nowhere'] });
    device.answer(read, Code.CONTENT, 'genuine');
    expect((await answered).response?.values).toMatchObject([{ value: 'genuine' }]);
  });

  it('a suite that is switched off is not served (row X6)', async () => {
    await start({ LWM2M_DTLS_CIPHER_SUITES: 'TLS_PSK_WITH_AES_128_CBC_SHA256' });
    await greet({ ...PSK, cipherSuites: [0xc0a8] });
    await until('handshakes_refused', 'no-common-parameters', 1);
    expect((await connect({ ...PSK, cipherSuites: [0x00ae] })).connected).toBe(true);
  });
});

/** A piece of a Certificate message of 10,000 bytes; RFC 6347 §4.2.2 */
function certificateFragment(at: number): Uint8Array {
  const length = 1_000;
  const header = Buffer.of(11, 0, 0x27, 0x10, 0, 2, 0, at >> 8, at & 0xff, 0, length >> 8, length & 0xff);
  const content = Buffer.concat([header, Buffer.alloc(length)]);
  return Buffer.concat([Buffer.of(22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, at / length, content.length >> 8, content.length & 0xff), content]);
}
