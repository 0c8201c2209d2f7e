import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { PEER, decoded, engine, feed, message, onlyEvent, option, outgoing, path, sent, sentHex, vectors } from '../test/fixtures.ts';
import { CoapEngine, Code, MessageType, OptionNumber, uriPath } from './index.ts';

interface Rfc7252 {
  badInput: { hex: string; why: string; expect: string }[];
}

const GET = hex('41017d3520bb74656d7065726174757265');
const NOTIFICATION = hex('4145ad7b53ff32322e332043');

describe('bad input', () => {
  it.each(vectors<Rfc7252>('rfc7252-coap').badInput)('$hex ($why): $expect', ({ hex: wire, expect: expected }) => {
    const under = engine();
    const bytes = hex(wire);
    under.handle(0, { peer: PEER, bytes });
    const { datagrams, events } = under.poll();
    expect(events).toEqual([]);
    // What is ignored may also be rejected by RST where it is a CON with a format error (RFC 7252 §4.2).
    const answered = /RST|format error/.test(expected);
    expect(datagrams.map((datagram) => toHex(datagram.bytes))).toEqual(answered ? [`7000${wire.slice(4, 8)}`] : []);
  });

  it('ignores the same faults in a NON, an ACK and a RST', () => {
    const under = engine();
    for (const wire of ['59011234', '69451234', '79001234', '50011234ff', '70001234aa']) {
      under.handle(0, { peer: PEER, bytes: hex(wire) });
    }
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    expect(under.counters.malformed).toMatchObject({ 'token-length': 3, 'empty-payload': 1, 'not-empty': 1 });
  });
});

describe('requests of peers', () => {
  it('are answered in the ACK (RFC 7252 figure 17)', () => {
    const under = engine();
    under.handle(5, { peer: PEER, bytes: GET });
    const event = onlyEvent(under, 'request');
    expect(uriPath(event.message)).toEqual(['temperature']);
    expect(event).toMatchObject({ peer: PEER, receivedAtMs: 5 });
    under.respond(6, event.exchange, { code: Code.CONTENT, payload: hex('32322e332043') });
    expect(sentHex(under)).toEqual(['61457d3520ff32322e332043']);
  });

  it('as duplicates get the same bytes and are delivered once (figure 19)', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: GET });
    under.respond(1, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, payload: hex('32322e332043') });
    under.poll();
    under.handle(2_000, { peer: PEER, bytes: GET });
    expect(under.poll()).toMatchObject({ events: [], datagrams: [{ peer: PEER, bytes: hex('61457d3520ff32322e332043') }] });
    expect(under.counters.duplicates).toBe(1);
  });

  it('as duplicates get the same bytes, large or small, each its own', () => {
    const under = engine({ limits: { exchangesPerPeer: 3 } });
    const answers = new Map<number, string>();
    for (const [messageId, length] of [[1, 5], [2, 900], [3, 43]] as const) {
      feed(under, 0, message({ code: Code.GET, messageId }));
      under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, payload: new Uint8Array(length).fill(messageId) });
      answers.set(messageId, sentHex(under)[0]!);
    }
    for (const messageId of [3, 1, 2]) {
      feed(under, 1, message({ code: Code.GET, messageId }));
      expect(sentHex(under)).toEqual([answers.get(messageId)]);
    }
    // A fourth takes the place of the first, whose duplicate is delivered anew in the place of the second.
    for (const messageId of [4, 1]) {
      feed(under, 2, message({ code: Code.GET, messageId }));
      under.respond(2, onlyEvent(under, 'request').exchange, { code: Code.CHANGED });
      under.poll();
    }
    feed(under, 3, message({ code: Code.GET, messageId: 3 }));
    expect(sentHex(under)).toEqual([answers.get(3)]);
  });

  it('are absorbed while the first is in progress, and never acknowledged by the engine itself', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: GET });
    const { exchange } = onlyEvent(under, 'request');
    for (const atMs of [2_000, 6_000, 14_000, 30_000]) {
      under.timeout(atMs);
      under.handle(atMs, { peer: PEER, bytes: GET });
    }
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    under.respond(31_000, exchange, { code: Code.CONTENT });
    expect(sentHex(under)).toEqual(['61457d3520']);
  });

  it('are delivered anew after EXCHANGE_LIFETIME', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: GET });
    under.respond(1, onlyEvent(under, 'request').exchange, { code: Code.CONTENT });
    under.handle(246_999, { peer: PEER, bytes: GET });
    expect(under.poll().events).toEqual([]);
    under.handle(247_000, { peer: PEER, bytes: GET });
    expect(onlyEvent(under, 'request').exchange).toBeGreaterThan(0);
  });

  it('are delivered anew after abandon', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: GET });
    const first = onlyEvent(under, 'request').exchange;
    under.abandon(first);
    under.handle(2_000, { peer: PEER, bytes: GET });
    const second = onlyEvent(under, 'request').exchange;
    expect(second).not.toBe(first);
    under.respond(2_001, first, { code: Code.CONTENT });
    expect(under.poll().datagrams).toEqual([]);
    expect(under.counters.lateAnswers).toBe(1);
    under.respond(2_002, second, { code: Code.CONTENT });
    expect(sentHex(under)).toEqual(['61457d3520']);
  });

  it('of a rebooted device, which begins its message ids anew, are no duplicates', () => {
    const under = engine();
    feed(under, 0, message({ code: Code.POST, token: hex('0102'), options: path('rd') }));
    under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CREATED });
    under.poll();
    feed(under, 100, message({ code: Code.POST, token: hex('0103'), options: path('rd') }));
    expect(onlyEvent(under, 'request').message.token).toEqual(hex('0103'));
    expect(under.counters.messageIdsReused).toBe(1);
  });

  it('as NON are answered by NON and their duplicates ignored (figure 22)', () => {
    const under = engine();
    const request = hex('51017d4075bb74656d7065726174757265');
    under.handle(0, { peer: PEER, bytes: request });
    under.respond(1, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, messageId: 0xad7d });
    expect(sentHex(under)).toEqual(['5145ad7d75']);
    under.handle(2, { peer: PEER, bytes: request });
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
  });

  it('with an unknown method get 4.05 (RFC 7252 §5.8)', () => {
    const under = engine();
    feed(under, 0, message({ code: 0x08, messageId: 7 }));
    expect(sent(under)).toMatchObject([{ type: MessageType.ACK, code: Code.METHOD_NOT_ALLOWED, messageId: 7 }]);
  });

  it('to a proxy get 5.05 (RFC 7252 §5.10.2)', () => {
    const under = engine();
    feed(under, 0, message({ code: Code.GET, options: [option(OptionNumber.PROXY_SCHEME, 'coap')] }));
    expect(sent(under)).toMatchObject([{ code: Code.PROXYING_NOT_SUPPORTED }]);
  });
});

describe('options that do not hold', () => {
  const known = option(OptionNumber.URI_PATH, 'a');

  it.each([
    ['an unknown critical option', [option(2049, 'x')], Code.BAD_OPTION],
    ['a Uri-Path segment of 256 bytes (§5.10)', [option(OptionNumber.URI_PATH, new Uint8Array(256))], Code.BAD_OPTION],
    ['a Uri-Query argument of 256 bytes', [option(OptionNumber.URI_QUERY, new Uint8Array(256))], Code.BAD_OPTION],
    ['a second Accept (§5.4.5)', [option(17, '0'), option(17, '0')], Code.BAD_OPTION],
    ['a Block1 of four bytes (RFC 7959 §2.2)', [option(27, 'abcd')], Code.BAD_OPTION],
    ['OSCORE without a layer for it (RFC 8613 §8.2)', [option(OptionNumber.OSCORE, '')], Code.BAD_OPTION],
  ])('%s: 4.02 to a CON, nothing to a NON', (_name, options, code) => {
    const under = engine();
    feed(under, 0, message({ code: Code.GET, options: [known, ...options] }));
    expect(sent(under)).toMatchObject([{ type: MessageType.ACK, code }]);
    feed(under, 0, message({ type: MessageType.NON, messageId: 2, code: Code.GET, options: [known, ...options] }));
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    expect(under.counters.badOptions).toBe(2);
  });

  it('names the option in the diagnostic payload, unless that made the answer the larger one', () => {
    const under = engine();
    feed(under, 0, message({ code: Code.GET, options: [option(2049, new Uint8Array(40))] }));
    expect(new TextDecoder().decode(sent(under)[0]!.payload)).toBe('option 2049');
    const small = message({ code: Code.GET, messageId: 2, options: [option(2049, '')] });
    feed(under, 0, small);
    expect(sent(under)[0]!.payload).toHaveLength(0);
  });

  it('are left out when elective: unknown, of a wrong length, repeated', () => {
    const under = engine();
    const wrong = [option(OptionNumber.CONTENT_FORMAT, 'abc'), option(2048, 'x'), option(60, '1'), option(60, '2'), option(258, '')];
    feed(under, 0, message({ code: Code.GET, options: [known, ...wrong] }));
    expect(onlyEvent(under, 'request').message.options).toEqual([known, option(60, '1'), option(258, '')]);
  });

  it('are delivered when the caller says that it knows them', () => {
    const under = engine({ recognisedOptions: [OptionNumber.OSCORE] });
    feed(under, 0, message({ code: Code.POST, options: [option(OptionNumber.OSCORE, '\u0001')] }));
    expect(onlyEvent(under, 'request').message.options).toHaveLength(1);
  });
});

describe('unsolicited responses', () => {
  it('are acknowledged once the caller says so, duplicates again, delivered once', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: NOTIFICATION });
    const event = onlyEvent(under, 'unsolicited');
    expect(event).toMatchObject({ more: false, message: { code: Code.CONTENT } });
    under.handle(10, { peer: PEER, bytes: NOTIFICATION });
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    under.acknowledge(20, event.exchange);
    expect(sentHex(under)).toEqual(['6000ad7b']);
    under.handle(30, { peer: PEER, bytes: NOTIFICATION });
    expect(under.poll()).toMatchObject({ datagrams: [{ bytes: hex('6000ad7b') }], events: [] });
  });

  it('are delivered again after abandon', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: NOTIFICATION });
    under.abandon(onlyEvent(under, 'unsolicited').exchange);
    under.handle(2_000, { peer: PEER, bytes: NOTIFICATION });
    under.acknowledge(2_000, onlyEvent(under, 'unsolicited').exchange);
    expect(sentHex(under)).toEqual(['6000ad7b']);
  });

  it('are rejected by RST, CON (figure 21) and NON, duplicates of a CON again', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: hex('4145ad7c64ff32322e332043') });
    under.reject(1, onlyEvent(under, 'unsolicited').exchange);
    under.handle(2, { peer: PEER, bytes: hex('4145ad7c64ff32322e332043') });
    expect(sentHex(under)).toEqual(['7000ad7c', '7000ad7c']);
    under.handle(3, { peer: PEER, bytes: hex('5145ad7d64ff32322e332043') });
    under.reject(4, onlyEvent(under, 'unsolicited').exchange);
    expect(sentHex(under)).toEqual(['7000ad7d']);
    under.handle(5, { peer: PEER, bytes: hex('5145ad7d64ff32322e332043') });
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
  });

  it('in an ACK are delivered without anything to answer', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: hex('61457d3553ff32') });
    const { exchange } = onlyEvent(under, 'unsolicited');
    under.acknowledge(0, exchange);
    under.reject(0, exchange);
    under.abandon(exchange);
    expect(under.poll().datagrams).toEqual([]);
  });

  it('tell when they are the first block of more', () => {
    const under = engine();
    feed(under, 0, message({ code: Code.CONTENT, token: hex('01'), options: [option(23, hex('0a'))], payload: new Uint8Array(64) }));
    expect(onlyEvent(under, 'unsolicited').more).toBe(true);
  });

  it('with an unknown critical option are rejected', () => {
    const under = engine();
    feed(under, 0, message({ code: Code.CONTENT, messageId: 9, options: [option(2049, '')] }));
    expect(sentHex(under)).toEqual(['70000009']);
    feed(under, 0, message({ type: MessageType.NON, code: Code.CONTENT, messageId: 10, options: [option(2049, '')] }));
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
  });
});

describe('separate responses', () => {
  it('follow an empty ACK where separateAfterMs is set, and are repeated until acknowledged (figure 20)', () => {
    const under = engine({ parameters: { separateAfterMs: 500 } });
    under.handle(0, { peer: PEER, bytes: hex('41017d3853bb74656d7065726174757265') });
    const { exchange } = onlyEvent(under, 'request');
    expect(under.poll().wakeAtMs).toBe(500);
    under.timeout(500);
    expect(sentHex(under)).toEqual(['60007d38']);
    under.respond(1_000, exchange, { code: Code.CONTENT, payload: hex('32322e332043'), messageId: 0xad7b });
    expect(sentHex(under)).toEqual(['4145ad7b53ff32322e332043']);
    under.timeout(4_000);
    expect(sentHex(under)).toEqual(['4145ad7b53ff32322e332043']);
    under.handle(4_100, { peer: PEER, bytes: hex('6000ad7b') });
    under.timeout(100_000);
    expect(under.poll().datagrams).toEqual([]);
    expect(under.counters).toMatchObject({ retransmissions: 1, timeouts: 0, unmatched: 0 });
  });

  it('are sent in the ACK when the caller is fast enough', () => {
    const under = engine({ parameters: { separateAfterMs: 500 } });
    under.handle(0, { peer: PEER, bytes: GET });
    under.respond(499, onlyEvent(under, 'request').exchange, { code: Code.CONTENT });
    under.timeout(500);
    expect(sentHex(under)).toEqual(['61457d3520']);
  });

  it('end with a RST', () => {
    const under = engine();
    under.handle(0, { peer: PEER, bytes: GET });
    const { exchange } = onlyEvent(under, 'request');
    under.acknowledge(0, exchange);
    under.respond(1, exchange, { code: Code.CONTENT, messageId: 0x0102 });
    expect(sentHex(under)).toEqual(['60007d35', '4145010220']);
    under.handle(2, { peer: PEER, bytes: hex('70000102') });
    under.timeout(100_000);
    expect(under.poll().datagrams).toEqual([]);
  });
});

describe('bounds', () => {
  it('a peer keeps no more open exchanges than allowed; what it sends beyond is dropped until one is answered', () => {
    const under = engine({ limits: { exchangesPerPeer: 2 } });
    for (const messageId of [1, 2, 3]) feed(under, 0, message({ code: Code.GET, messageId }));
    const { events } = under.poll();
    expect(events).toHaveLength(2);
    expect(under.counters.limited.exchangesRefused).toBe(1);
    under.respond(1, (events[0] as { exchange: number }).exchange, { code: Code.CONTENT });
    feed(under, 2, message({ code: Code.GET, messageId: 3 }));
    expect(onlyEvent(under, 'request').message.messageId).toBe(3);
  });

  it('large answers are kept as long as there is room; a duplicate of one that is not is delivered anew', () => {
    const under = engine({ limits: { maxAnswerBytes: 200 } });
    for (const messageId of [1, 2]) {
      feed(under, 0, message({ code: Code.GET, messageId }));
      under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, payload: new Uint8Array(100) });
    }
    expect(under.usage.answerBytes).toBe(105);
    expect(under.counters.limited.answersEvicted).toBe(1);
    under.poll();
    feed(under, 1, message({ code: Code.GET, messageId: 2 }));
    expect(under.poll()).toMatchObject({ datagrams: [{}], events: [] });
    feed(under, 1, message({ code: Code.GET, messageId: 1 }));
    feed(under, 2, message({ code: Code.GET, messageId: 1 }));
    expect(onlyEvent(under, 'request').message.messageId).toBe(1);
    under.timeout(300_000);
    expect(under.usage).toMatchObject({ peers: 0, answerBytes: 0 });
  });

  it('the peer not heard for longest makes room for a new one', () => {
    const under = engine({ limits: { maxPeers: 2 } });
    for (const peer of ['a', 'b', 'a', 'c']) {
      feed(under, 0, message({ code: Code.GET }), peer);
    }
    expect(under.usage.peers).toBe(2);
    expect(under.counters.limited.peersEvicted).toBe(1);
    under.poll();
    feed(under, 1, message({ code: Code.GET }), 'a');
    expect(under.poll().events).toEqual([]);
    feed(under, 1, message({ code: Code.GET }), 'b');
    expect(under.poll().events).toHaveLength(1);
  });

  it('a peer with a request of ours out is not forgotten for another', () => {
    const under = engine({ limits: { maxPeers: 1 } });
    under.request(0, outgoing({ code: Code.GET }));
    feed(under, 1, message({ code: Code.GET }), 'other');
    expect(under.counters.limited.peersRefused).toBe(1);
    expect(under.poll().events).toEqual([]);
  });

  it('silent peers are forgotten', () => {
    const under = engine();
    for (let index = 0; index < 100; index++) feed(under, index, message({ code: Code.GET }), `peer ${index}`);
    expect(under.usage.peers).toBe(100);
    under.timeout(247_050);
    expect(under.usage.peers).toBe(49);
    under.timeout(under.poll().wakeAtMs!);
    expect(under.usage).toMatchObject({ peers: 0, timers: 0 });
  });
});

it('draws its numbers from the generator it is given', () => {
  const first = new CoapEngine({ rng: { uint32: () => 0x1_0041 } });
  feed(first, 0, message({ type: MessageType.NON, code: Code.GET }));
  first.respond(0, onlyEvent(first, 'request').exchange, { code: Code.CONTENT });
  expect(decoded(first.poll().datagrams[0]!.bytes).messageId).toBe(0x0042);
});
