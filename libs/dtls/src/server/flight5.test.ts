import { EMPTY_BYTES, concatBytes, encodeUtf8, hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { seededIntegers } from '../../test/fixtures.ts';
import { TestNetwork } from '../../test/network.ts';
import { CLIENTS, DEVICE_CHAIN, DEVICE_KEYS, IDENTITY, KEY, newClient, newKeyPair, newStore, newWorker } from '../../test/peers.ts';
import { ECDHE_EXTENSIONS, RawClient, alertIn, hello } from '../../test/raw-client.ts';
import type { TestStore } from '../../test/store.ts';
import type { DtlsClientOptions } from '../client/options.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { encodePskIdentity } from '../messages/key-exchange.ts';
import { ContentType, plaintextRecord, splitDatagram } from '../record/record.ts';

/** A handshake over a fair network. */
function shake(kind: keyof typeof CLIENTS, options: Partial<DtlsClientOptions>, store: TestStore = newStore()): TestNetwork {
  const network = new TestNetwork(newWorker(store), seededIntegers(1));
  const client = newClient(kind, options);
  network.add('device', client);
  client.connect(network.nowMs);
  network.run(network.nowMs + 10_000);
  return network;
}

describe('a pre-shared key', () => {
  const forged = (sequence: number): Uint8Array => Uint8Array.of(22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, sequence, 0, 40, ...new Uint8Array(40));
  it.each([
    ['an identity of 128 bytes, none of them text (row B23)', new Uint8Array(128).fill(0xff), KEY],
    ['an empty identity', EMPTY_BYTES, KEY],
    ['a key of one byte (row B24)', IDENTITY, hex('01')],
    ['a key of 64 bytes (row B24)', IDENTITY, new Uint8Array(64).fill(5)],
  ])('with %s connects', (_, identity, key) => {
    const store = newStore();
    store.psks.set(toHex(identity), { key, deviceNumber: 'DEVICE99', credentialVersion: 1 });
    const network = shake('psk', { psk: { identity, key } }, store);
    expect(network.worker.of('established')).toMatchObject([{ credential: { deviceNumber: 'DEVICE99', identity: { kind: 'psk', bytes: identity } } }]);
  });

  it.each<[string, Partial<DtlsClientOptions>, string]>([
    ['an identity of 129 bytes', { psk: { identity: new Uint8Array(129), key: KEY } }, 'unknown-identity'],
    ['an unknown identity', { psk: { identity: encodeUtf8('nobody'), key: KEY } }, 'unknown-identity'],
    ['a wrong key', { psk: { identity: IDENTITY, key: new Uint8Array(16) } }, 'finished'],
  ])('with %s ends with 115, after the same messages and the same work', (_, options, reason) => {
    const network = shake('psk', options);
    expect(network.happened('device', 'failed')).toEqual([{ kind: 'failed', reason: 'alert-received', alert: 115 }]);
    expect(network.worker.of('refused')).toMatchObject([{ reason, alert: 115 }]);
    expect(network.worker.server.usage).toMatchObject({ handshakes: 0, associations: 0 });
    // Same number, same sizes, same times on the wire.
    const reference = shake('psk', { psk: { identity: encodeUtf8('someone'), key: hex('aa') } });
    const seen = (of: TestNetwork) => of.captured.filter(({ from }) => from === 'server').map(({ atMs, bytes }) => [atMs, bytes.length]);
    expect(seen(network)).toEqual(seen(reference));
  });

  describe('that is replaced under its identity', () => {
    const former = { key: hex('0f0e0d0c0b0a09080706050403020100'), credentialVersion: 6 };
    const storeOf = (): TestStore => {
      const store = newStore();
      store.psks.set(toHex(IDENTITY), { key: KEY, deviceNumber: 'DEVICE99', credentialVersion: 7, former });
      return store;
    };

    it.each<[string, Uint8Array, number]>([['the new key', KEY, 7], ['the former key', former.key, 6]])(
      'connects with %s, and tells by which', (_, key, credentialVersion) => {
        for (const cipherSuites of [[0xc0a8], [0x00ae]]) {
          for (const extendedMasterSecret of [true, false]) {
            const network = shake('psk', { psk: { identity: IDENTITY, key }, cipherSuites, extendedMasterSecret }, storeOf());
            expect(network.happened('device', 'connected')).toHaveLength(1);
            expect(network.worker.of('established')).toMatchObject([{ credential: { credentialVersion } }]);
          }
        }
      },
    );

    it('with a third key ends with 115', () => {
      const network = shake('psk', { psk: { identity: IDENTITY, key: hex('aa') } }, storeOf());
      expect(network.happened('device', 'failed')).toEqual([{ kind: 'failed', reason: 'alert-received', alert: 115 }]);
      expect(network.worker.of('refused')).toMatchObject([{ reason: 'finished', alert: 115 }]);
    });

    it.each([['the new key', KEY], ['the former key', former.key]])('with %s survives a forged Finished before its own', (_, key) => {
      const network = new TestNetwork(newWorker(storeOf()), seededIntegers(1));
      const client = newClient('psk', { psk: { identity: IDENTITY, key } });
      network.add('device', client);
      client.connect(network.nowMs);
      network.run(network.nowMs + 10_000, () => network.captured.filter(({ from }) => from === 'server').length === 2);
      network.worker.server.handle(network.nowMs, { peer: 'device', bytes: forged(9) });
      network.run(network.nowMs + 10_000);
      expect(network.happened('device', 'connected')).toHaveLength(1);
    });
  });

  it('survives one forged Finished, but not two', () => {
    const clientKeyExchange = encodePskIdentity(IDENTITY);
    const worker = newWorker();
    const client = new RawClient(worker);
    client.greet(hello());
    client.send(HandshakeType.CLIENT_KEY_EXCHANGE, clientKeyExchange);
    worker.server.handle(0, { peer: 'raw', bytes: forged(1) });
    worker.server.handle(0, { peer: 'raw', bytes: forged(1) });
    expect(worker.settle(0)).toEqual([]);
    worker.server.handle(0, { peer: 'raw', bytes: forged(2) });
    worker.server.timeout(1_000);
    expect(alertIn(worker.settle(1_000).map(({ bytes }) => bytes))).toBe(115);
  });

  it.each<[string, Uint8Array, number]>([
    ['known, and at hand', IDENTITY, 0],
    ['known, and looked up', IDENTITY, 40],
    ['unknown', encodeUtf8('nobody'), 20],
  ])('whose identity is %s is refused at the same time', (_, identity, lookupMs) => {
    const worker = newWorker();
    const client = new RawClient(worker);
    client.greet(hello());
    worker.silent = ({ kind }) => kind === 'psk-wanted';
    client.send(HandshakeType.CLIENT_KEY_EXCHANGE, encodePskIdentity(identity));
    for (const sequence of [1, 2]) worker.server.handle(0, { peer: 'raw', bytes: forged(sequence) });
    const [asked] = worker.of('psk-wanted');
    const { question, answer } = worker.store.answerTo(asked!)!;
    worker.server.answer(lookupMs, question as never, answer as never);
    const refusedAtMs = worker.server.poll().wakeAtMs!;
    expect([lookupMs, refusedAtMs]).toEqual([lookupMs, 250]);
    worker.server.timeout(refusedAtMs - 1);
    expect(worker.settle(refusedAtMs - 1)).toEqual([]);
    worker.server.timeout(refusedAtMs);
    expect(alertIn(worker.settle(refusedAtMs).map(({ bytes }) => bytes))).toBe(115);
  });

  it('asks the store once, and not before the cookie was valid', () => {
    const network = shake('psk', {});
    expect(network.worker.of('psk-wanted')).toMatchObject([{ identity: IDENTITY, peer: 'device' }]);
  });
});

describe('a certificate', () => {
  const stranger = newKeyPair();

  it.each<[string, keyof typeof CLIENTS, Partial<DtlsClientOptions>, string, number]>([
    ['that the verdict refuses', 'x509', { certificate: { type: 'x509', chain: [hex('0102')], privateKey: DEVICE_KEYS.privateKey } }, 'certificate', 46],
    ['whose key signs nothing here', 'x509', { certificate: { type: 'x509', chain: DEVICE_CHAIN, privateKey: stranger.privateKey } }, 'signature', 51],
    ['that is not shown', 'x509', { certificate: { type: 'x509', chain: [], privateKey: stranger.privateKey } }, 'no-certificate', 40],
    ['as a raw key that is not known (row B27)', 'rpk', { certificate: { type: 'rpk', publicKey: stranger.spki, privateKey: stranger.privateKey } }, 'certificate', 46],
    ['as a raw key of another', 'rpk', { certificate: { type: 'rpk', publicKey: DEVICE_KEYS.spki, privateKey: stranger.privateKey } }, 'signature', 51],
    ['as a raw key that is not shown', 'rpk', { certificate: { type: 'rpk', publicKey: EMPTY_BYTES, privateKey: stranger.privateKey } }, 'no-certificate', 40],
  ])('%s ends the handshake', (_, kind, options, reason, alert) => {
    const network = shake(kind, options);
    expect(network.happened('device', 'failed')).toMatchObject([{ alert }]);
    expect(network.worker.of('refused')).toMatchObject([{ reason, alert }]);
    expect(network.worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, questions: 0 });
  });

  it('is judged with the name that was asked for, and says whose association it is', () => {
    const network = shake('x509', { serverName: 'server.example.com' });
    expect(network.worker.of('verdict-wanted')).toMatchObject([{ credential: 'x509', chain: DEVICE_CHAIN, serverName: 'server.example.com' }]);
    expect(network.worker.of('established')).toMatchObject([{ serverName: 'server.example.com', credential: { deviceNumber: 'CERTDEV0', identity: { kind: 'x509' } } }]);
  });
});

describe('a message', () => {
  it.each<[string, number, Uint8Array, number]>([
    ['that must not come now', HandshakeType.CERTIFICATE_VERIFY, EMPTY_BYTES, 10],
    ['of the server', HandshakeType.SERVER_HELLO_DONE, EMPTY_BYTES, 10],
    ['that is malformed', HandshakeType.CLIENT_KEY_EXCHANGE, hex('000501'), 50],
  ])('%s ends the handshake', (_, type, body, alert) => {
    const client = new RawClient(newWorker());
    client.greet(hello());
    expect(alertIn(client.send(type, body))).toBe(alert);
  });

  it.each([
    ['outside of P-256', concatBytes([hex('4104'), new Uint8Array(64).fill(1)])],
    ['of another length', hex('020405')],
    ['that is compressed', concatBytes([hex('4102'), new Uint8Array(64).fill(1)])],
  ])('with a point %s ends the handshake with illegal_parameter', (_, point) => {
    const client = new RawClient(newWorker());
    client.greet(hello({ cipherSuites: [0xc0ae], extensions: new Map([...ECDHE_EXTENSIONS, [19, hex('0102')], [20, hex('0102')]]) }));
    client.send(HandshakeType.CERTIFICATE, concatBytes([hex('00005b'), DEVICE_KEYS.spki]));
    expect(alertIn(client.send(HandshakeType.CLIENT_KEY_EXCHANGE, point))).toBe(47);
  });

  it('as a Finished in the clear is no Finished', () => {
    const worker = newWorker();
    const client = new RawClient(worker);
    client.greet(hello());
    client.send(HandshakeType.CLIENT_KEY_EXCHANGE, encodePskIdentity(IDENTITY));
    expect(client.send(HandshakeType.FINISHED, new Uint8Array(12))).toEqual([]);
    expect(worker.server.usage.handshakes).toBe(1);
  });
});

describe('an alert of the client', () => {
  it.each([
    ['fatal, in a handshake, ends it (int-403)', hex('022a'), 0],
    ['that only warns does not', hex('015a'), 1],
    ['that is malformed does not', hex('02'), 1],
  ])('%s', (_, content, handshakes) => {
    const worker = newWorker();
    const client = new RawClient(worker);
    client.greet(hello());
    expect(client.sendRecord(ContentType.ALERT, content)).toEqual([]);
    expect(worker.server.usage.handshakes).toBe(handshakes);
  });

  it('in the clear does not touch an association (row B38)', () => {
    const network = shake('psk', {});
    network.worker.server.handle(network.nowMs, { peer: 'device', bytes: plaintextRecord(ContentType.ALERT, 9, hex('0228')) });
    expect(network.worker.server.usage.associations).toBe(1);
  });
});

describe('a protected ClientHello', () => {
  it('gets no_renegotiation, and nothing else happens (RFC 5746, RFC 7925 §17; rows B7, B21)', () => {
    const network = new TestNetwork(newWorker(), seededIntegers(1));
    const client = newClient('psk', {});
    network.add('device', client);
    client.connect(network.nowMs);
    network.run(network.nowMs + 5_000);
    const before = network.captured.length;
    client.renegotiate();
    network.run(network.nowMs + 5_000);
    const answers = network.captured.slice(before).filter(({ from }) => from === 'server');
    expect(answers.map(({ bytes }) => splitDatagram(bytes, 0).records[0]!.type)).toEqual([ContentType.ALERT]);
    client.send(encodeUtf8('still'));
    network.run(network.nowMs + 5_000);
    expect(network.worker.of('data')).toHaveLength(1);
  });
});
