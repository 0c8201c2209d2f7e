/**
 * Hostile datagrams: the committed corpus and seeded mutations of it, against server and client. No exception escapes,
 * every bound is kept, memory stays flat, and no answer is larger than what it answers before a cookie came back.
 * `DTLS_FUZZ_RECORDS=1000000` runs a million of them.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { decodeSession } from '../src/association/session.ts';
import { decodeFixed, decodeMoving } from '../src/index.ts';
import type { Datagram } from '../src/index.ts';
import { encodeClientHello } from '../src/messages/client-hello.ts';
import { encodeMessage } from '../src/messages/handshake.ts';
import { plaintextRecord } from '../src/record/record.ts';
import { LastFlight } from '../src/server/last-flight.ts';
import { seededIntegers } from '../test/fixtures.ts';
import { TestNetwork } from '../test/network.ts';
import { WITH_CID, newClient, newStore, newWorker } from '../test/peers.ts';
import { ECDHE_EXTENSIONS, RawClient, hello } from '../test/raw-client.ts';
import { CONVERSATIONS } from './corpus.ts';
import { mutate } from './mutate.ts';

const RECORDS = Number(process.env['DTLS_FUZZ_RECORDS'] ?? 20_000);
const SENT = CONVERSATIONS.flatMap(({ sent }) => sent);
const RECEIVED = CONVERSATIONS.flatMap(({ received }) => received);
const LIMITS = { maxHandshakes: 8, maxHandshakeBytes: 100_000, maxBytesPerHandshake: 8_000, maxMessageBytes: 4_000, maxAssociations: 30, maxAdoptions: 20, maxHeldRecords: 4 };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Far below what a leak of one small object a record would take in a run of a million. */
const MEMORY_SLACK = 8_000_000;

/** The store of the test has a bound of its own. */
const STORED = 200;

/** Bytes that are still in use. */
function liveBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A ClientHello with a cookie that counts. */
function greeting(peer: string, index: number): Datagram {
  const client = new RawClient(newWorker(), peer);
  const greeted = hello({ random: new Uint8Array(32).fill(index), cipherSuites: [0xc0a8, 0xc0ae], extensions: new Map(ECDHE_EXTENSIONS) });
  const body = encodeClientHello({ ...greeted, cookie: client.cookieFor(greeted) });
  return { peer, bytes: plaintextRecord(22, 1, encodeMessage({ type: 1, sequence: 1, body })) };
}

describe('mutations of real conversations', () => {
  it(`raise nothing in a server and leave every bound kept (${RECORDS} of them)`, () => {
    const integers = seededIntegers(20_251);
    const worker = newWorker(newStore(), { limits: LIMITS, adoptByAddress: true, sendBlock: 4 });
    // Half of what is asked is answered late or never.
    worker.silent = () => integers() % 4 === 0;
    const greetings = Array.from({ length: 60 }, (_, index) => greeting(`peer ${index}`, index));
    let nowMs = 0;
    let beforeBytes = 0;
    for (let round = 0; round < RECORDS; round++) {
      if (round === Math.floor(RECORDS / 4)) beforeBytes = liveBytes();
      nowMs += integers() % 200;
      const seed = SENT[integers() % SENT.length]!;
      const peer = integers() % 60;
      const kind = integers() % 8;
      if (kind === 0) worker.server.handle(nowMs, greetings[peer]!);
      else worker.server.handle(nowMs, { peer: kind === 1 ? 'device' : `peer ${peer}`, bytes: integers() % 3 === 0 ? seed : mutate(integers, SENT, seed) });
      if (round % 3 === 0) worker.server.timeout(nowMs);
      for (const event of worker.happened.splice(0)) if (event.kind === 'established') worker.server.send(event.association, seed.subarray(0, 50));
      worker.settle(nowMs);
      if (worker.store.fixed.size > STORED) for (const stored of [worker.store.fixed, worker.store.lastFlights]) stored.clear();
      const { handshakes, handshakeBytes, associations, adoptions } = worker.server.usage;
      expect(handshakes).toBeLessThanOrEqual(LIMITS.maxHandshakes);
      expect(handshakeBytes).toBeLessThanOrEqual(LIMITS.maxHandshakeBytes + LIMITS.maxBytesPerHandshake);
      expect(associations).toBeLessThanOrEqual(LIMITS.maxAssociations);
      expect(adoptions).toBeLessThanOrEqual(LIMITS.maxAdoptions);
    }
    worker.happened.length = 0;
    expect(liveBytes() - beforeBytes).toBeLessThan(MEMORY_SLACK);
    for (let quiet = 0; quiet < 200; quiet++) {
      worker.server.timeout((nowMs += 1_000));
      worker.settle(nowMs);
    }
    expect(worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, adoptions: 0 });
    expect(worker.server.poll().wakeAtMs).toBeUndefined();
    const { handshakesBegun, refused } = worker.server.counters;
    expect(handshakesBegun).toBeGreaterThan(RECORDS / 100);
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
        for (let forged = 0; forged < 3; forged++) {
          network.worker.server.handle(network.nowMs, { peer: 'device', bytes: mutate(integers, SENT, network.captured.findLast(({ from }) => from === 'device')!.bytes) });
          client.handle(network.nowMs, mutate(integers, RECEIVED, network.captured.findLast(({ from }) => from === 'server')?.bytes ?? RECEIVED[0]!));
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
