/**
 * Engine against engine over a network that loses, duplicates and reorders: a thousand seeded handshakes of each kind, and of
 * resumptions, which are two handshakes each, a thousand in `npm run test:fuzz` and 250 in every run.
 */
import { decodeUtf8, encodeUtf8, hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../src/index.ts';
import type { ClientSession, DtlsClientOptions, DtlsServerOptions } from '../src/index.ts';
import { seededIntegers } from './fixtures.ts';
import { FAIR, FOUL, TestNetwork } from './network.ts';
import { WITH_CID, newClient, newStore, newWorker } from './peers.ts';
import type { CLIENTS } from './peers.ts';

const SEEDS = 1_000;
const RESUMPTIONS = Number(process.env['DTLS_RESUMPTIONS'] ?? 250);
const RUN_MS = 100_000;
type Kind = keyof typeof CLIENTS;

const pick = <Value>(integers: () => number, values: readonly Value[]): Value => values[integers() % values.length]!;

/** What else differs from seed to seed. */
function clientVariation(kind: Kind, integers: () => number): Partial<DtlsClientOptions> {
  const suites = CIPHER_SUITES.filter(({ keyExchange }) => (keyExchange === 'psk') === (kind === 'psk'));
  const connectionId = pick(integers, [undefined, hex(''), hex('0a0b0c')]);
  const recordSizeLimit = pick(integers, [undefined, undefined, 200]);
  return {
    cipherSuites: [pick(integers, suites).id],
    maxDatagramBytes: pick(integers, [256, 300, 576, 1_200]),
    encryptThenMac: pick(integers, [true, false]),
    extendedMasterSecret: pick(integers, [true, true, false]),
    ...(connectionId && { connectionId }),
    ...(recordSizeLimit && { recordSizeLimit }),
  };
}

const serverVariation = (integers: () => number): Partial<DtlsServerOptions> => ({
  maxDatagramBytes: pick(integers, [256, 300, 576, 1_200]),
  publicKeyWork: pick(integers, ['inline', 'asked'] as const),
  groups: pick(integers, [[23], [29], [23, 29]]),
});

/** Connects, then repeats data both ways until it came. */
function converse(network: TestNetwork, kind: Kind, options: Partial<DtlsClientOptions>): ClientSession | undefined {
  const client = newClient(kind, { groups: [23, 29], ...options }, network.nowMs);
  network.add('device', client);
  const from = network.worker.happened.length;
  client.connect(network.nowMs);
  network.run(network.nowMs + RUN_MS, () => network.happened('device', 'connected').length + network.happened('device', 'failed').length > 0);
  const connected = network.happened('device', 'connected')[0];
  if (connected === undefined) return undefined;
  const received = (): boolean => network.worker.happened.slice(from).some((event) => event.kind === 'data' && decodeUtf8(event.bytes) === 'up');
  const answered = (): boolean => network.happened('device', 'data').some(({ bytes }) => decodeUtf8(bytes) === 'down');
  for (let turn = 0; turn < 40 && !(received() && answered()); turn++) {
    client.send(encodeUtf8('up'));
    const established = network.worker.happened.slice(from).findLast((event) => event.kind === 'established');
    if (established?.kind === 'established') network.worker.server.send(established.association, encodeUtf8('down'));
    network.run(network.nowMs + 1_000);
  }
  expect([received(), answered()]).toEqual([true, true]);
  return connected.session;
}

/** Whatever became of it, nothing half-open stays. */
function expectClean(network: TestNetwork): void {
  network.run(network.nowMs + RUN_MS);
  expect(network.worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, adoptions: 0, questions: 0 });
}

describe.each<[string, Kind, Partial<DtlsClientOptions>]>([
  ['a PSK', 'psk', {}],
  ['a PSK, with Connection IDs', 'psk', WITH_CID],
  ['X.509', 'x509', {}],
  ['raw public keys', 'rpk', {}],
])('%s', (_, kind, fixed) => {
  it('completes or fails cleanly over a foul network', () => {
    let completed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const integers = seededIntegers(seed);
      const network = new TestNetwork(newWorker(newStore(), serverVariation(integers), seed), integers, FOUL);
      network.nowMs += seed;
      if (converse(network, kind, { ...clientVariation(kind, integers), ...fixed }) !== undefined) completed++;
      if (fixed === WITH_CID) expect(network.worker.of('established').every(({ cidAgreed }) => cidAgreed)).toBe(true);
      expectClean(network);
    }
    expect(completed).toBeGreaterThan(SEEDS * 0.98);
  }, 300_000);

  it('completes at once over a fair one, with every suite (rows B22, B26, B29)', () => {
    for (const { id, name, keyExchange } of CIPHER_SUITES) {
      if ((keyExchange === 'psk') !== (kind === 'psk')) continue;
      const network = new TestNetwork(newWorker(), seededIntegers(1), FAIR);
      expect(converse(network, kind, { cipherSuites: [id] })?.suite.name).toBe(name);
      expect(network.worker.server.counters).toMatchObject({ handshakesCompleted: 1, retransmissions: 0 });
    }
  });
});

describe.each<[Kind, string, boolean]>([
  ['psk', 'session id', false],
  ['psk', 'ticket', true],
  ['x509', 'session id', false],
  ['rpk', 'ticket', true],
])('resumption of %s by %s', (kind, _, tickets) => {
  it('completes, falls back or fails cleanly over a foul network', () => {
    let resumed = 0;
    for (let seed = 1; seed <= RESUMPTIONS; seed++) {
      const integers = seededIntegers(seed);
      const network = new TestNetwork(newWorker(newStore(), serverVariation(integers), seed), integers, FOUL);
      network.nowMs += seed;
      const variation = { ...clientVariation(kind, integers), tickets };
      const session = converse(network, kind, variation);
      if (session === undefined) continue;
      network.events.set('device', []);
      const again = converse(network, kind, { ...variation, session });
      if (again !== undefined && network.happened('device', 'connected')[0]!.resumed) resumed++;
      expectClean(network);
    }
    expect(resumed).toBeGreaterThan(RESUMPTIONS * 0.95);
  }, 300_000);
});
