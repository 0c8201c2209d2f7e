/**
 * A peer whose address no cookie has proved never gets more bytes than it sent, whatever it sends: bytes at random,
 * ClientHellos with fields at random, whole or in pieces, and records of other people's conversations, bent or as they were.
 */
import { EMPTY_BYTES, concatBytes } from '@cluster/bytes';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeClientHello } from '../src/messages/client-hello.ts';
import { HandshakeType, encodeMessage } from '../src/messages/handshake.ts';
import { plaintextRecord } from '../src/record/record.ts';
import { seededIntegers } from '../test/fixtures.ts';
import { WITH_CID } from '../test/peers.ts';
import { connected, replaceWorker, say } from '../test/scene.ts';
import { CONVERSATIONS } from './corpus.ts';
import { mutate } from './mutate.ts';

const SENT = CONVERSATIONS.flatMap(({ sent }) => sent);
/** Kept small, that a datagram may be smaller than what it asks for. */
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const u16 = fc.nat(0xffff);

const hello = fc
  .record({
    version: fc.constantFrom(0xfefd, 0xfeff, 0x0303, 0),
    random: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    sessionId: bytes(32),
    cookie: fc.oneof(fc.constant(EMPTY_BYTES), bytes(32)),
    cipherSuites: fc.array(fc.oneof(fc.constantFrom(0xc0a8, 0xc0ae, 0x00ae, 0xc023), u16), { maxLength: 3 }),
    compressionMethods: bytes(2),
    extensions: fc.array(fc.tuple(fc.oneof(fc.constantFrom(10, 13, 19, 20, 23, 35, 54), u16), bytes(20)), { maxLength: 4 }).map((all) => new Map(all)),
  })
  .map(encodeClientHello);

/** A message whole, or its first fragment alone, under any numbers; several to a datagram. */
const greeting = fc
  .array(fc.record({ body: hello, sequence: fc.nat(2), record: fc.nat(2 ** 32), cut: fc.option(fc.nat(120), { nil: undefined }), type: fc.constantFrom(HandshakeType.CLIENT_HELLO, HandshakeType.FINISHED) }), { minLength: 1, maxLength: 4 })
  .map((records) => concatBytes(records.map(({ body, sequence, record, cut, type }) => plaintextRecord(22, record, pieceOf(encodeMessage({ type, sequence, body }), cut)))));

const MESSAGE_HEADER = 12;

function pieceOf(message: Uint8Array, cut: number | undefined): Uint8Array {
  if (cut === undefined || cut >= message.length - MESSAGE_HEADER) return message;
  const piece = message.slice(0, MESSAGE_HEADER + cut);
  piece.set([0, cut >> 8, cut & 0xff], MESSAGE_HEADER - 3); // fragment_length
  return piece;
}

const seed = fc.integer({ min: 1, max: 2 ** 31 });
type Datagram = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'stolen'; readonly which: number; readonly seed: number };
const datagram: fc.Arbitrary<Datagram> = fc.oneof(
  fc.oneof(bytes(200), greeting, seed.map((n) => mutate(seededIntegers(n), SENT, SENT[n % SENT.length]!))).map((each) => ({ kind: 'bytes' as const, bytes: each })),
  fc.record({ kind: fc.constant('stolen' as const), which: fc.nat(), seed }),
);

it.each([
  ['the worker that holds the association', false],
  ['another worker, by Connection ID', true],
])('no answer is larger than its request, and nothing leaves unasked: %s (row B21)', (_, elsewhere) => {
  const scene = connected(WITH_CID, { adoptByAddress: true });
  for (const text of ['one', 'two', 'three']) say(scene.network, scene.client, text);
  // What the device sent was heard by others; none of it is new to the server.
  const stolen = scene.network.captured.filter(({ from }) => from === 'device').map((each) => each.bytes);
  const worker = elsewhere ? replaceWorker(scene, { adoptByAddress: true }) : scene.worker;
  let peers = 0;
  fc.assert(
    fc.property(fc.array(datagram, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(3_000), { minLength: 4, maxLength: 4 }), (datagrams, pauses) => {
      const { server } = worker;
      const peer = `udp:203.0.113.1:${peers++}`;
      let nowMs = 10_000;
      let [came, went] = [0, 0];
      const settle = (): void => {
        // What goes to the device goes to an address that it proved.
        for (const answer of worker.settle(nowMs)) if (answer.peer === peer) went += answer.bytes.length;
        expect(went).toBeLessThanOrEqual(came);
      };
      for (const [index, each] of datagrams.entries()) {
        const known = each.kind === 'bytes' ? each.bytes : stolen[each.which % stolen.length]!;
        const sent = each.kind === 'bytes' || each.which % 2 === 0 ? known : mutate(seededIntegers(each.seed), stolen, known);
        came += sent.length;
        server.handle(nowMs, { peer, bytes: sent });
        settle();
        server.timeout((nowMs += pauses[index]!));
        settle();
      }
      expect(server.usage.handshakes).toBe(0);
    }),
    { numRuns: Number(process.env['DTLS_FUZZ_RECORDS'] ?? 20_000) / 10 },
  );
  const { badCookies, helloVerifyRequests, dropped, adopted } = worker.server.counters;
  expect([badCookies > 0, helloVerifyRequests > badCookies, dropped.malformed > 0, dropped.replayed > 0, adopted]).toEqual([true, true, true, true, 0]);
}, 600_000);
