import { concatBytes, hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { CLUSTER_KEYS, ring } from '../../test/fixtures.ts';
import { newStore, newWorker } from '../../test/peers.ts';
import { RawClient, fragments, hello, serverHello } from '../../test/raw-client.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import { encodeClientHello } from '../messages/client-hello.ts';
import { HandshakeType, encodeFragment } from '../messages/handshake.ts';
import { ContentType, plaintextRecord, splitDatagram } from '../record/record.ts';

const send = (client: RawClient, fields: Parameters<typeof hello>[0]): Uint8Array[] => client.send(HandshakeType.CLIENT_HELLO, encodeClientHello(hello(fields)));

describe('HelloVerifyRequest', () => {
  it('answers a ClientHello without a cookie, keeps nothing, and is shorter than it', () => {
    const worker = newWorker();
    for (let index = 0; index < 1_000; index++) {
      const client = new RawClient(worker, `peer ${index}`);
      const body = encodeClientHello(hello());
      const [answer] = client.send(HandshakeType.CLIENT_HELLO, body);
      expect(answer!.length).toBeLessThan(body.length + 25);
      expect(fragments(answer!)).toMatchObject([{ type: HandshakeType.HELLO_VERIFY_REQUEST, sequence: 0 }]);
    }
    expect(worker.server.usage).toEqual({ handshakes: 0, handshakeBytes: 0, associations: 0, adoptions: 0, questions: 0 });
    expect(worker.server.poll().wakeAtMs).toBeUndefined();
    expect(worker.server.counters).toMatchObject({ helloVerifyRequests: 1_000, handshakesBegun: 0 });
  });

  it('has the record sequence number of the ClientHello, and version 1.0 inside (RFC 6347 §4.2.1)', () => {
    const worker = newWorker();
    const record = plaintextRecord(ContentType.HANDSHAKE, 0x1234, encodeFragment({ type: 1, sequence: 0, length: 42, offset: 0, bytes: encodeClientHello(hello()).subarray(0, 42) }));
    worker.server.handle(0, { peer: 'a', bytes: record });
    const { bytes } = worker.settle(0)[0]!;
    expect(splitDatagram(bytes, 0).records[0]!.sequence).toBe(0x1234);
    expect([...fragments(bytes)[0]!.bytes.subarray(0, 2)]).toEqual([0xfe, 0xff]);
  });

  it('is not sent where it would be longer than what came', () => {
    const worker = newWorker();
    // A first fragment that ends with its (wrong) cookie's length byte: 36 bytes of hello.
    const start = encodeClientHello(hello()).subarray(0, 36);
    const bytes = plaintextRecord(ContentType.HANDSHAKE, 0, encodeFragment({ type: 1, sequence: 0, length: 42, offset: 0, bytes: start }));
    worker.server.handle(0, { peer: 'a', bytes });
    const answers = worker.settle(0);
    for (const answer of answers) expect(answer.bytes.length).toBeLessThanOrEqual(bytes.length);
  });
});

describe('a cookie', () => {
  it('begins a handshake, and message_seq goes on from the client’s (RFC 6347 §4.2.2)', () => {
    const worker = newWorker();
    const answer = new RawClient(worker).greet(hello());
    expect(serverHello(answer)).toMatchObject({ cipherSuite: 0xc0a8 });
    expect(fragments(answer[0]!).map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(worker.server.usage.handshakes).toBe(1);
  });

  it.each<[string, { peer?: string }, Partial<ClientHello>]>([
    ['of another address', { peer: 'other' }, {}],
    ['of another random', {}, { random: new Uint8Array(32).fill(9) }],
    ['of another session id', {}, { sessionId: hex('01') }],
    ['that was changed', {}, { cookie: new Uint8Array(16) }],
    ['that is too short', {}, { cookie: new Uint8Array(15) }],
  ])('%s is none', (_, { peer = 'raw' }, fields) => {
    const worker = newWorker();
    const cookie = new RawClient(worker).cookieFor(hello());
    const answer = send(new RawClient(worker, peer), { cookie, ...fields });
    expect(fragments(answer[0]!)[0]!.type).toBe(HandshakeType.HELLO_VERIFY_REQUEST);
    expect(worker.server.usage.handshakes).toBe(0);
    expect(worker.server.counters.badCookies).toBe(1);
  });

  it('of any worker counts on each, under the current key or the former one', () => {
    const cookie = new RawClient(newWorker()).cookieFor(hello());
    const keys = { ...CLUSTER_KEYS, cookie: [...ring(9), ...CLUSTER_KEYS.cookie] as const };
    const rotated = newWorker(newStore(), { keys });
    expect(serverHello(send(new RawClient(rotated), { cookie }))).toBeDefined();
    const later = newWorker(newStore(), { keys: { ...keys, cookie: ring(9) } });
    expect(serverHello(send(new RawClient(later), { cookie }))).toBeUndefined();
  });

  it('counts from the first fragment of a ClientHello that is split', () => {
    const worker = newWorker();
    const client = new RawClient(worker);
    const cookie = client.cookieFor(hello());
    const body = encodeClientHello(hello({ cookie, extensions: new Map([[0xfafa, new Uint8Array(300)]]) }));
    const part = (offset: number, end: number): Uint8Array => encodeFragment({ type: 1, sequence: 1, length: body.length, offset, bytes: body.subarray(offset, end) });
    expect(client.sendRecord(ContentType.HANDSHAKE, part(0, 60))).toEqual([]);
    expect(worker.server.usage).toMatchObject({ handshakes: 1, handshakeBytes: body.length });
    expect(client.sendRecord(ContentType.HANDSHAKE, part(200, body.length))).toEqual([]);
    expect(serverHello(client.sendRecord(ContentType.HANDSHAKE, part(50, 210)))).toBeDefined();
  });
});

describe('half-open handshakes', () => {
  it('are bounded in number, and end in time', () => {
    const worker = newWorker(newStore(), { limits: { maxHandshakes: 10, handshakeTimeoutMs: 60_000 } });
    for (let index = 0; index < 50; index++) new RawClient(worker, `peer ${index}`).greet(hello());
    expect(worker.server.usage.handshakes).toBe(10);
    expect(worker.server.counters.refused['half-open-limit']).toBe(40);
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 1_000) worker.server.timeout(nowMs);
    worker.settle(60_000);
    expect(worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0 });
    expect(worker.server.counters.refused.timeout).toBe(10);
  });

  it('keep others out for seconds only: where there is no room, the oldest gives way', () => {
    const worker = newWorker(newStore(), { limits: { maxHandshakes: 3 } });
    const greet = (peer: string, nowMs: number) => serverHello(new RawClient(worker, peer).greet(hello(), nowMs)) !== undefined;
    expect([0, 1_000, 2_000, 4_999].map((nowMs) => greet(`at ${nowMs}`, nowMs))).toEqual([true, true, true, false]);
    expect([5_000, 5_001, 6_000].map((nowMs) => greet(`at ${nowMs}`, nowMs))).toEqual([true, false, true]);
    expect(worker.of('refused').map(({ peer, reason }) => [peer, reason])).toEqual([['at 0', 'displaced'], ['at 1000', 'displaced']]);
    expect(worker.server.usage.handshakes).toBe(3);
    expect(worker.server.counters.refused).toMatchObject({ 'half-open-limit': 2, displaced: 2 });
  });

  it('are bounded in bytes', () => {
    const worker = newWorker(newStore(), { limits: { maxHandshakeBytes: 20_000, maxBytesPerHandshake: 9_000, maxMessageBytes: 8_000 } });
    for (let index = 0; index < 10; index++) {
      const client = new RawClient(worker, `peer ${index}`);
      client.greet(hello());
      const start = (sequence: number): Uint8Array => encodeFragment({ type: 16, sequence, length: 8_000, offset: 0, bytes: new Uint8Array(10) });
      client.sendRecord(ContentType.HANDSHAKE, concatBytes([start(2), start(3), start(4)]));
    }
    expect(worker.server.usage.handshakeBytes).toBeLessThanOrEqual(28_000);
    expect(worker.server.counters.dropped.unexpected).toBeGreaterThan(0);
  });

  it('send their flight again until they end, each time after twice as long (RFC 6347 §4.2.4.1)', () => {
    const worker = newWorker();
    new RawClient(worker).greet(hello());
    const sentAt: number[] = [];
    for (let nowMs = 0; nowMs < 90_000; nowMs += 100) {
      worker.server.timeout(nowMs);
      if (worker.settle(nowMs).length > 0) sentAt.push(nowMs);
    }
    expect(sentAt).toEqual([1_000, 3_000, 7_000, 15_000, 31_000, 63_000]);
  });

  it('answer a repeated ClientHello by their flight, not by another cookie', () => {
    const worker = newWorker();
    const client = new RawClient(worker);
    const cookie = client.cookieFor(hello());
    const body = encodeClientHello(hello({ cookie }));
    client.send(HandshakeType.CLIENT_HELLO, body);
    const again = plaintextRecord(ContentType.HANDSHAKE, 9, encodeFragment({ type: 1, sequence: 1, length: body.length, offset: 0, bytes: body }));
    worker.server.handle(500, { peer: 'raw', bytes: again });
    expect(serverHello(worker.settle(500).map(({ bytes }) => bytes))).toBeDefined();
    // Not once for each copy.
    worker.server.handle(501, { peer: 'raw', bytes: again });
    expect(worker.settle(501)).toEqual([]);
  });
});
