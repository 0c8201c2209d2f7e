/**
 * Hostile datagrams: the committed corpus and seeded mutations of it, against server and client. No exception escapes,
 * every bound is kept, memory stays flat, and no answer is larger than what it answers before a cookie came back.
 * `npm run test:fuzz` runs a million of them.
 */
import { describe, expect, it } from 'vitest';
import { decodeSession } from '../src/association/session.ts';
import { describeCertificate, judgeCertificate } from '../src/certificates/judge.ts';
import { parseRevocationList } from '../src/certificates/revocation-list.ts';
import { parseSpki } from '../src/certificates/spki.ts';
import { START, authority, issue, revocationList, spkiOf } from '../src/certificates/testing/authority.ts';
import { TrustStore } from '../src/certificates/trust-store.ts';
import { decodeFixed, decodeMoving } from '../src/index.ts';
import type { Datagram, DtlsServerUsage } from '../src/index.ts';
import { directionKeys } from '../src/keys/key-schedule.ts';
import { encodeClientHello } from '../src/messages/client-hello.ts';
import { encodeMessage } from '../src/messages/handshake.ts';
import { createSealer } from '../src/record/protection.ts';
import { plaintextRecord } from '../src/record/record.ts';
import { LastFlight } from '../src/server/last-flight.ts';
import { seededBytes, seededIntegers } from '../test/fixtures.ts';
import { TestNetwork } from '../test/network.ts';
import { WITH_CID, newClient, newStore, newWorker } from '../test/peers.ts';
import { ECDHE_EXTENSIONS, RawClient, hello } from '../test/raw-client.ts';
import { connected } from '../test/scene.ts';
import type { Scene } from '../test/scene.ts';
import type { TestWorker } from '../test/store.ts';
import { CONVERSATIONS } from './corpus.ts';
import { MemoryWatch } from './memory.ts';
import { messagesIn, mutate, mutateMessages } from './mutate.ts';

const RECORDS = Number(process.env['DTLS_FUZZ_RECORDS'] ?? 20_000);
const SENT = CONVERSATIONS.flatMap(({ sent }) => sent);
/** Handshake messages in the clear, alerts, and a request of CoAP. */
const MESSAGES = [...SENT.flatMap(messagesIn), Uint8Array.of(1, 0), Uint8Array.of(2, 40), Uint8Array.of(0x40, 0x01, 0x12, 0x34)];
const RECEIVED = CONVERSATIONS.flatMap(({ received }) => received);
const LIMITS = { maxHandshakes: 8, maxHandshakeBytes: 100_000, maxBytesPerHandshake: 8_000, maxMessageBytes: 4_000, maxAssociations: 30, maxAdoptions: 20, maxHeldRecords: 4 };

/** The store of the test has a bound of its own. */
const STORED = 20;

function isBounded({ handshakes, handshakeBytes, associations, adoptions, questions }: DtlsServerUsage): boolean {
  const { maxHandshakes, maxHandshakeBytes, maxBytesPerHandshake, maxAssociations, maxAdoptions } = LIMITS;
  const held = handshakes <= maxHandshakes && handshakeBytes <= maxHandshakeBytes + maxBytesPerHandshake && associations <= maxAssociations && adoptions <= maxAdoptions;
  // One of each handshake and takeover, a block and a ceiling of each association.
  return held && questions <= handshakes + adoptions + 2 * associations;
}

/** A ClientHello with a cookie that counts. */
function greeting(peer: string, index: number): Datagram {
  const client = new RawClient(newWorker(), peer);
  const greeted = hello({ random: new Uint8Array(32).fill(index), cipherSuites: [0xc0a8, 0xc0ae], extensions: new Map(ECDHE_EXTENSIONS) });
  const body = encodeClientHello({ ...greeted, cookie: client.cookieFor(greeted) });
  return { peer, bytes: plaintextRecord(22, 1, encodeMessage({ type: 1, sequence: 1, body })) };
}

const HANDSHAKE_MS = 90_000;
/** Rounds from one honest device to the next, whose datagrams are bent and repeated among those of the corpus: so many. */
const VISIT_EVERY = 100;
const RECENT = 60;

/** A device that shakes hands, if it is answered, and sends a little; what it sent. */
function visit(worker: TestWorker, nowMs: number, round: number): Uint8Array[] {
  const peer = `peer ${(round / VISIT_EVERY) % 60}`;
  const client = newClient(round % 3 === 0 ? 'rpk' : 'psk', WITH_CID, round + 1);
  const sent: Uint8Array[] = [];
  client.connect(nowMs);
  for (let turn = 0; turn < 6; turn++) {
    if (client.connected) for (let times = 0; times < 3; times++) client.send(Uint8Array.of(turn, times));
    for (const bytes of client.poll().datagrams) {
      sent.push(bytes);
      worker.server.handle(nowMs, { peer, bytes });
    }
    for (const answer of worker.settle(nowMs)) if (answer.peer === peer) client.handle(nowMs, answer.bytes);
  }
  return sent;
}

/** Seals as the device of a scene does. */
function sealerOf({ store }: Scene): (type: number, sequence: number, content: Uint8Array) => Uint8Array {
  const { suite, encryptThenMac, cid, keyBlock } = decodeFixed([...store.fixed.values()].at(-1)!)!;
  const sealer = createSealer({ cipher: suite.cipher, encryptThenMac, cid, keys: directionKeys(keyBlock, suite.cipher, 'client') }, seededBytes());
  return (type, sequence, content) => sealer.seal(type, sequence, content);
}

describe('mutations of real conversations', () => {
  it(`raise nothing in a server and leave every bound kept (${RECORDS} of them)`, () => {
    const integers = seededIntegers(20_251);
    const worker = newWorker(newStore(), { limits: LIMITS, adoptByAddress: true, sendBlock: 4 });
    // Half of what is asked is answered late or never.
    worker.silent = () => integers() % 4 === 0;
    const greetings = Array.from({ length: 60 }, (_, index) => greeting(`peer ${index}`, index));
    let recent: readonly Uint8Array[] = SENT;
    let nowMs = 0;
    const memory = new MemoryWatch(RECORDS);
    for (let round = 0; round < RECORDS; round++) {
      nowMs += integers() % 200;
      if (round % VISIT_EVERY === 0) {
        // What is half open is over by then, and leaves room.
        worker.server.timeout((nowMs += HANDSHAKE_MS));
        recent = [...visit(worker, nowMs, round), ...recent].slice(0, RECENT);
      }
      const seeds = integers() % 2 === 0 ? SENT : recent;
      const seed = seeds[integers() % seeds.length]!;
      const peer = integers() % 60;
      const kind = integers() % 8;
      if (kind === 0) worker.server.handle(nowMs, greetings[peer]!);
      else worker.server.handle(nowMs, { peer: kind === 1 ? 'device' : `peer ${peer}`, bytes: integers() % 3 === 0 ? seed : mutate(integers, SENT, seed) });
      if (round % 3 === 0) worker.server.timeout(nowMs);
      for (const event of worker.happened.splice(0)) {
        if (event.kind !== 'established') continue;
        worker.server.send(event.association, seed.subarray(0, 50));
        // As if another worker had had it since: what is repeated later takes it over.
        if (integers() % 2 === 0) worker.server.discard(event.association);
      }
      worker.settle(nowMs);
      if (worker.store.fixed.size > STORED) for (const stored of [worker.store.fixed, worker.store.lastFlights]) stored.clear();
      if (!isBounded(worker.server.usage)) expect.fail(`${JSON.stringify(worker.server.usage)} after ${round} records`);
      memory.passed(round + 1);
    }
    memory.expectFlat('mutated records to a server');
    for (let quiet = 0; quiet < 200; quiet++) {
      worker.server.timeout((nowMs += 1_000));
      worker.settle(nowMs);
    }
    expect(worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, adoptions: 0 });
    expect(worker.server.poll().wakeAtMs).toBeUndefined();
    const { handshakesBegun, handshakesCompleted, adopted, refused } = worker.server.counters;
    expect(handshakesBegun).toBeGreaterThan(RECORDS / 100);
    expect(handshakesCompleted).toBeGreaterThan(RECORDS / VISIT_EVERY / 10);
    expect(adopted).toBeGreaterThan(0);
    expect(refused['half-open-limit']).toBeGreaterThan(0);
  }, 600_000);

  it('never get an answer larger than themselves from a server that has no cookie back', () => {
    const integers = seededIntegers(4_711);
    const worker = newWorker(newStore(), { limits: LIMITS });
    for (let round = 0; round < RECORDS / 2; round++) {
      const bytes = mutate(integers, SENT, SENT[integers() % SENT.length]!);
      // A new address each time: a cookie in the corpus is another's.
      worker.server.handle(round, { peer: `peer ${round}`, bytes });
      const answered = worker.settle(round).reduce((sum, answer) => sum + answer.bytes.length, 0);
      expect(answered).toBeLessThanOrEqual(bytes.length);
    }
    expect(worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, associations: 0 });
    expect(worker.server.counters.helloVerifyRequests).toBeGreaterThan(0);
  }, 600_000);

  it('in the middle of a handshake neither raise anything nor let anybody in', () => {
    const integers = seededIntegers(77);
    for (let round = 0; round < RECORDS / 100; round++) {
      const kind = (['psk', 'x509', 'rpk'] as const)[round % 3]!;
      const network = new TestNetwork(newWorker(newStore(), { limits: LIMITS }), integers);
      const client = newClient(kind, WITH_CID, round);
      network.add('device', client);
      client.connect(network.nowMs);
      for (let step = 0; step < 6; step++) {
        network.run(network.nowMs + 15);
        for (let forged = 0; forged < 4; forged++) {
          const bend = forged < 2 ? mutate : mutateMessages;
          network.worker.server.handle(network.nowMs, { peer: 'device', bytes: bend(integers, SENT, network.captured.findLast(({ from }) => from === 'device')!.bytes) });
          client.handle(network.nowMs, bend(integers, RECEIVED, network.captured.findLast(({ from }) => from === 'server')?.bytes ?? RECEIVED[0]!));
        }
      }
      network.run(network.nowMs + 200_000);
      const established = network.worker.of('established').length;
      const connected = network.happened('device', 'connected').length;
      expect(established).toBeLessThanOrEqual(1);
      if (connected === 1) expect(established).toBe(1);
      expect(network.worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0 });
    }
  }, 600_000);

  it('under the protection of a device’s own keys raise nothing, and give it nothing but its own association', () => {
    const integers = seededIntegers(91);
    const records = RECORDS / 4;
    const memory = new MemoryWatch(records);
    let scene = connected(WITH_CID);
    let seal = sealerOf(scene);
    let number = 1;
    for (let round = 0; round < records; round++) {
      const { worker, network } = scene;
      const type = [20, 21, 22, 22, 23, 24, integers() % 256][integers() % 7]!;
      worker.server.handle((network.nowMs += integers() % 50), { peer: 'device', bytes: seal(type, number++, mutate(integers, SENT, MESSAGES[integers() % MESSAGES.length]!)) });
      worker.settle(network.nowMs);
      if (!isBounded(worker.server.usage) || worker.server.usage.handshakes > 0) expect.fail(`${JSON.stringify(worker.server.usage)} after ${round} records`);
      worker.happened.length = 0;
      memory.passed(round + 1);
      if (worker.server.usage.associations > 0) continue;
      // It closed its association, by an alert of its own.
      [scene, number] = [connected(WITH_CID), 1];
      seal = sealerOf(scene);
    }
    memory.expectFlat('records of a hostile device');
  }, 600_000);

  it('raise nothing where certificates, public keys and revocation lists are read', () => {
    const integers = seededIntegers(6);
    const root = authority('CN=Root,O=Example');
    const device = issue({ subject: 'CN=urn:dev:1', dnsNames: ['a.example'], uris: ['urn:dev:1'], ca: false, keyUsage: [0], purposes: ['1.3.6.1.5.5.7.3.2'] }, root);
    const seeds = [root.der, device.der, spkiOf(device), revocationList(root, [1, 2, 3])];
    const trust = new TrustStore();
    trust.addAnchor(root.der);
    for (let round = 0; round < RECORDS / 8; round++) {
      const bytes = mutate(integers, seeds, seeds[integers() % seeds.length]!);
      for (const read of [describeCertificate, parseSpki, parseRevocationList]) read(bytes);
      if (round % 8 === 0) judgeCertificate([bytes, device.der, bytes], { trust, nowMs: START.getTime(), requireRevocationLists: false });
    }
  }, 600_000);

  it('raise nothing where stored records are read', () => {
    const integers = seededIntegers(5);
    for (let round = 0; round < RECORDS / 4; round++) {
      const bytes = mutate(integers, RECEIVED, SENT[integers() % SENT.length]!);
      bytes[0] = 1;
      for (const decode of [decodeFixed, decodeMoving, decodeSession, LastFlight.decode]) decode(bytes);
    }
  }, 600_000);
});

describe.each(CONVERSATIONS)('$file', ({ sent }) => {
  it('as it stands is refused at its cookie: it is another cluster’s', () => {
    const worker = newWorker(newStore(), {}, 1_234);
    for (const [index, bytes] of sent.entries()) worker.server.handle(index, { peer: 'another', bytes });
    worker.settle(100);
    expect(worker.server.counters.datagramsIn).toBe(sent.length);
    expect(worker.server.usage).toMatchObject({ handshakes: 0, associations: 0 });
  });
});
