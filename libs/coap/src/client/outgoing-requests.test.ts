import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { PEER, body, engine, feed, message, onlyEvent, option, outgoing, path, reply, send, sent } from '../../test/fixtures.ts';
import { CoapEngine, Code, MessageType, OptionNumber, optionValue } from '../index.ts';

/** Always the shortest, or always the longest, of the random intervals. */
const shortest = { rng: { uint32: () => 0 } };
const longest = { rng: { uint32: () => 0xffff_ffff } };

/** All times at which an engine sends or reports something, up to the end of its timers. */
function timeline(under: CoapEngine): [number, string][] {
  const seen: [number, string][] = [];
  let nowMs = 0;
  for (;;) {
    const { datagrams, events, wakeAtMs } = under.poll();
    for (const { bytes } of datagrams) seen.push([nowMs, toHex(bytes.subarray(0, 4))]);
    for (const event of events) seen.push([nowMs, event.kind === 'failed' ? event.reason : event.kind]);
    if (wakeAtMs === undefined || wakeAtMs > 240_000) return seen;
    nowMs = Math.max(nowMs, wakeAtMs);
    under.timeout(nowMs);
  }
}

describe('reliability (RFC 7252 §4.2)', () => {
  it('retransmits with binary back-off, then gives up', () => {
    const under = engine(shortest);
    under.request(0, outgoing({ code: Code.GET, messageId: 0x1234 }));
    const message4 = '48011234';
    expect(timeline(under)).toEqual([
      [0, message4],
      [2_000, message4],
      [6_000, message4],
      [14_000, message4],
      [30_000, message4],
      [62_000, 'timeout'],
    ]);
  });

  it('gives up within MAX_TRANSMIT_WAIT', () => {
    const under = engine(longest);
    under.request(0, outgoing({ code: Code.GET }));
    const [atMs, what] = timeline(under).at(-1)!;
    expect(what).toBe('timeout');
    expect(atMs).toBeGreaterThan(92_999);
    expect(atMs).toBeLessThanOrEqual(93_000);
  });

  it('takes the timeout and the number of retransmissions of the request', () => {
    const under = engine(shortest);
    under.request(0, outgoing({ code: Code.GET, ackTimeoutMs: 10_000, maxRetransmit: 1 }));
    expect(timeline(under).map(([atMs]) => atMs)).toEqual([0, 10_000, 30_000]);
  });

  it.each<[string, Partial<Parameters<typeof outgoing>[0]>, number[]]>([
    ['no retransmission', { maxRetransmit: 0, maxTransmitWaitMs: 60_000 }, [0, 60_000]],
    ['an end after the last timeout', { maxRetransmit: 1, maxTransmitWaitMs: 60_000 }, [0, 2_000, 60_000]],
    ['an end before the last retransmission', { maxTransmitWaitMs: 10_000 }, [0, 2_000, 6_000, 10_000]],
    ['an end within the first timeout', { maxTransmitWaitMs: 1_000 }, [0, 1_000]],
    ['a NON', { confirmable: false, maxTransmitWaitMs: 5_000 }, [0, 5_000]],
  ])('is given up after the MAX_TRANSMIT_WAIT of the request: %s', (_what, request, times) => {
    const under = engine(shortest);
    under.request(0, outgoing({ ...request, code: Code.GET }));
    const seen = timeline(under);
    expect(seen.map(([atMs]) => atMs)).toEqual(times);
    expect(seen.at(-1)?.[1]).toBe('timeout');
  });

  it('without retransmissions only waits for what another worker sent, until its MAX_TRANSMIT_WAIT', () => {
    const under = engine(shortest);
    under.timeout(7_000);
    under.request(7_000, outgoing({ code: Code.GET, maxRetransmit: 0, maxTransmitWaitMs: 60_000, firstSentAtMs: 0 }));
    expect(under.poll().datagrams).toEqual([]);
    expect(timeline(under)).toEqual([[60_000, 'timeout']]);
  });

  it('goes on with what another worker began: what is left of the retransmissions', () => {
    const under = engine(shortest);
    under.timeout(7_000);
    under.request(7_000, outgoing({ code: Code.GET, messageId: 0x1234, firstSentAtMs: 0 }));
    under.poll();
    expect(timeline(under).map(([atMs]) => atMs)).toEqual([14_000, 30_000, 62_000]);
    under.request(62_000, outgoing({ code: Code.GET, firstSentAtMs: 0 }));
    expect(under.poll()).toMatchObject({ datagrams: [], events: [{ kind: 'failed', reason: 'timeout' }] });
  });

  it('does not send all that is left at once after a stall', () => {
    const under = engine(shortest);
    under.request(0, outgoing({ code: Code.GET }));
    under.poll();
    under.timeout(29_000);
    expect(under.poll().datagrams).toHaveLength(1);
    under.timeout(29_001);
    expect(under.poll().datagrams).toHaveLength(0);
  });

  it('as NON sends once and times out', () => {
    const under = engine(shortest);
    under.request(0, outgoing({ code: Code.GET, confirmable: false, messageId: 0x1234 }));
    expect(timeline(under)).toEqual([
      [0, '58011234'],
      [93_000, 'timeout'],
    ]);
  });

  it('ends with a RST', () => {
    const under = engine();
    const id = under.request(0, outgoing({ code: Code.GET, messageId: 0x1234 }));
    under.poll();
    under.handle(1, { peer: PEER, bytes: hex('70001234') });
    expect(onlyEvent(under, 'failed')).toMatchObject({ request: id, reason: 'reset' });
    expect(under.usage).toMatchObject({ requests: 0 });
  });

  it('a RST or ACK of another peer, or of another message id, ends nothing', () => {
    const under = engine();
    under.request(0, outgoing({ code: Code.GET, messageId: 0x1234 }));
    under.poll();
    under.handle(1, { peer: 'other', bytes: hex('70001234') });
    under.handle(1, { peer: PEER, bytes: hex('70001235') });
    under.handle(1, { peer: PEER, bytes: hex('60001235') });
    expect(under.poll().events).toEqual([]);
    expect(under.counters).toMatchObject({ unmatched: 3, resetsIn: 2 });
    expect(under.usage.requests).toBe(1);
  });
});

describe('responses', () => {
  it('come in the ACK', () => {
    const under = engine();
    const id = under.request(0, outgoing({ code: Code.GET }));
    const [request] = sent(under);
    feed(under, 120, reply(request!, { payload: body(3) }));
    expect(onlyEvent(under, 'response')).toMatchObject({ request: id, rttMs: 120, message: { payload: body(3) } });
    under.timeout(200_000);
    expect(under.poll().datagrams).toEqual([]);
  });

  it.each([
    ['with an empty ACK before', true],
    ['without one (RFC 7252 §5.2.2)', false],
  ])('come as a CON of their own %s, which is acknowledged, again for a duplicate', (_name, ackFirst) => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    if (ackFirst) {
      feed(under, 10, message({ type: MessageType.ACK, code: Code.EMPTY, messageId: request.messageId }));
      under.timeout(100_000);
      expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    }
    const separate = reply(request, { type: MessageType.CON, messageId: 0xad7b });
    feed(under, 100_000, separate);
    const polled = under.poll();
    expect(polled.events).toMatchObject([{ kind: 'response' }]);
    expect(polled.datagrams.map(({ bytes }) => toHex(bytes))).toEqual(['6000ad7b']);
    feed(under, 101_000, separate);
    expect(under.poll()).toMatchObject({ events: [], datagrams: [{ bytes: hex('6000ad7b') }] });
  });

  it('come as a NON of their own, which is not acknowledged', () => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    feed(under, 1, reply(request, { type: MessageType.NON, messageId: 0x99 }));
    const { datagrams, events } = under.poll();
    expect(events).toMatchObject([{ kind: 'response' }]);
    expect(datagrams).toEqual([]);
  });

  it('after an empty ACK are waited for until EXCHANGE_LIFETIME', () => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    feed(under, 10, message({ type: MessageType.ACK, code: Code.EMPTY, messageId: request.messageId }));
    under.timeout(246_999);
    expect(under.poll()).toMatchObject({ datagrams: [], events: [] });
    under.timeout(247_000);
    expect(onlyEvent(under, 'failed').reason).toBe('timeout');
  });

  it('match by peer, token and, in an ACK, message id; all else is unsolicited', () => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    feed(under, 1, reply(request), 'other');
    feed(under, 1, reply(request, { token: hex('01') }));
    feed(under, 1, reply(request, { messageId: request.messageId + 1 }));
    const { events, datagrams } = under.poll();
    expect(events.map((event) => event.kind)).toEqual(['unsolicited', 'unsolicited', 'unsolicited']);
    expect(datagrams).toEqual([]);
    feed(under, 2, reply(request));
    expect(onlyEvent(under, 'response').rttMs).toBe(2);
  });

  it('in a second ACK of an answered request are duplicates', () => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    feed(under, 1, reply(request));
    under.poll();
    feed(under, 2, reply(request));
    expect(under.poll().events).toEqual([]);
    expect(under.counters.duplicates).toBe(1);
    feed(under, 3, reply(request, { token: hex('0a0b') }));
    expect(onlyEvent(under, 'unsolicited').exchange).toBe(0);
  });

  it('with an unknown critical option end the request (RFC 7252 §5.4.1)', () => {
    const under = engine();
    const request = send(under, outgoing({ code: Code.GET }));
    feed(under, 1, reply(request, { type: MessageType.CON, messageId: 0x55, options: [option(2049, '')] }));
    const { events, datagrams } = under.poll();
    expect(events).toMatchObject([{ kind: 'failed', reason: 'bad-option' }]);
    expect(datagrams.map(({ bytes }) => toHex(bytes))).toEqual(['70000055']);
  });
});

describe('NSTART = 1 (RFC 7252 §4.7)', () => {
  it('lets one request out at a time to a peer, the others in order', () => {
    const under = engine();
    for (const messageId of [10, 20, 30]) under.request(0, outgoing({ code: Code.GET, messageId }));
    under.request(0, outgoing({ code: Code.GET, messageId: 40, peer: 'other' }));
    const first = sent(under);
    expect(first.map(({ messageId }) => messageId)).toEqual([10, 40]);
    feed(under, 1, reply(first[0]!));
    const second = sent(under);
    expect(second.map(({ messageId }) => messageId)).toEqual([20]);
    under.handle(2, { peer: PEER, bytes: hex('70000014') });
    expect(sent(under).map(({ messageId }) => messageId)).toEqual([30]);
  });

  it('holds after an empty ACK too', () => {
    const under = engine();
    under.request(0, outgoing({ code: Code.GET, messageId: 10 }));
    under.request(0, outgoing({ code: Code.GET, messageId: 20 }));
    under.poll();
    feed(under, 1, message({ type: MessageType.ACK, code: Code.EMPTY, messageId: 10 }));
    expect(under.poll().datagrams).toEqual([]);
  });

  it('bounds the queue', () => {
    const under = engine({ limits: { queuedRequestsPerPeer: 1 } });
    const ids = [1, 2, 3].map((messageId) => under.request(0, outgoing({ code: Code.GET, messageId })));
    expect(onlyEvent(under, 'failed')).toMatchObject({ request: ids[2], reason: 'queue-full' });
  });

  it('bounds all requests', () => {
    const under = engine({ limits: { maxRequests: 1 } });
    under.request(0, outgoing({ code: Code.GET }));
    under.request(0, outgoing({ code: Code.GET, peer: 'other' }));
    expect(onlyEvent(under, 'failed').reason).toBe('overload');
  });

  it('goes on with the next when one is cancelled, out or waiting', () => {
    const under = engine();
    const ids = [10, 20, 30].map((messageId) => under.request(0, outgoing({ code: Code.GET, messageId })));
    under.poll();
    under.cancel(ids[1]!);
    under.cancel(ids[0]!);
    under.timeout(Math.max(1, under.poll().wakeAtMs!));
    const { datagrams, events } = under.poll();
    expect(datagrams.map(({ bytes }) => toHex(bytes.subarray(2, 4)))).toEqual(['001e']);
    expect(events).toEqual([]);
  });
});

describe('Echo (RFC 9175 §2.3)', () => {
  it('repeats a request once with the Echo of its 4.01', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.PUT, messageId: 10, payload: body(5), options: path('3') }));
    const challenge = { code: Code.UNAUTHORIZED, options: [option(OptionNumber.ECHO, 'fresh')] };
    feed(under, 1, reply(first, challenge));
    const [second] = sent(under);
    expect(second).toMatchObject({ messageId: 11, code: Code.PUT, payload: body(5), token: first.token });
    expect(optionValue(second!, OptionNumber.ECHO)).toEqual(option(0, 'fresh').value);
    feed(under, 2, reply(second!, challenge));
    expect(onlyEvent(under, 'response').message.code).toBe(Code.UNAUTHORIZED);
    expect(under.counters.echoRepeats).toBe(1);
  });

  it('takes a 4.01 without Echo as the response', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET }));
    feed(under, 1, reply(first, { code: Code.UNAUTHORIZED }));
    expect(onlyEvent(under, 'response').message.code).toBe(Code.UNAUTHORIZED);
  });
});
