import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { PEER, body, engine, feed, message, onlyEvent, option, outgoing, path, sent, sentHex } from '../../test/fixtures.ts';
import type { CoapMessage, OutgoingRequest } from '../index.ts';
import { CoapEngine, Code, MessageType, OptionNumber, blockOption, encodeBlock, optionValue, uintOption } from '../index.ts';

/** The response to a request, piggybacked. */
function reply(request: CoapMessage, fields: Partial<CoapMessage> = {}): CoapMessage {
  return message({ type: MessageType.ACK, code: Code.CONTENT, messageId: request.messageId, token: request.token, ...fields });
}

/** Sends a request and returns it as it left. */
function send(under: CoapEngine, request: OutgoingRequest, nowMs = 0): CoapMessage {
  under.request(nowMs, request);
  return sent(under)[0]!;
}

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

/** Block1 of a message, as the notation of RFC 7959 §3 has it: num/more/size. */
function block(of: CoapMessage, number: number): string | undefined {
  const found = blockOption(of, number);
  return found && `${found.num}/${Number(found.more)}/${16 << found.szx}`;
}

/** An option of that notation. */
function blockOf(number: number, text: string): ReturnType<typeof encodeBlock> {
  const [num, more, size] = text.split('/').map(Number) as [number, number, number];
  return encodeBlock(number, { num, more: more === 1, szx: Math.log2(size) - 4 });
}

describe('Block1 as client (RFC 7959 §2.5)', () => {
  const put = (length: number, blockSize = 128): OutgoingRequest =>
    outgoing({ code: Code.PUT, messageId: 1_234, payload: body(length), blockSize, options: path('options') });

  /** Plays a transfer: each row is a block as it must be sent, and what it is answered with. */
  function play(under: CoapEngine, request: OutgoingRequest, rows: [string, number, string][]): CoapMessage[] {
    const blocks = [send(under, request)];
    for (const [index, [expected, code, answer]] of rows.entries()) {
      const current = blocks[index]!;
      expect(block(current, OptionNumber.BLOCK1)).toBe(expected);
      feed(under, 1, reply(current, { code, options: [blockOf(OptionNumber.BLOCK1, answer)] }));
      if (index < rows.length - 1) blocks.push(...sent(under));
    }
    return blocks;
  }

  it('sends all blocks of a body (figure 7)', () => {
    const under = engine();
    const blocks = play(under, put(300), [
      ['0/1/128', Code.CONTINUE, '0/1/128'],
      ['1/1/128', Code.CONTINUE, '1/1/128'],
      ['2/0/128', Code.CHANGED, '2/0/128'],
    ]);
    expect(onlyEvent(under, 'response').message.code).toBe(Code.CHANGED);
    expect(blocks.map(({ messageId }) => messageId)).toEqual([1_234, 1_235, 1_236]);
    expect(blocks.flatMap(({ payload }) => [...payload])).toEqual([...body(300)]);
    expect(blocks.map((each) => uintOption(each, OptionNumber.SIZE1))).toEqual([300, undefined, undefined]);
    expect(new Set(blocks.map((each) => toHex(optionValue(each, OptionNumber.REQUEST_TAG)!))).size).toBe(1);
  });

  it('lets each block take its time, however long the others took', () => {
    const under = engine();
    const first = send(under, put(200));
    feed(under, 240_000, message({ type: MessageType.ACK, code: Code.EMPTY, messageId: first.messageId }));
    feed(under, 240_001, reply(first, { type: MessageType.NON, messageId: 1, code: Code.CONTINUE, options: [blockOf(27, '0/1/128')] }));
    const [second] = sent(under);
    feed(under, 250_000, message({ type: MessageType.ACK, code: Code.EMPTY, messageId: second!.messageId }));
    under.timeout(480_000);
    expect(under.poll().events).toEqual([]);
    feed(under, 480_001, reply(second!, { type: MessageType.NON, messageId: 2, code: Code.CHANGED }));
    expect(onlyEvent(under, 'response').rttMs).toBe(480_001);
  });

  it('goes to smaller blocks when the server asks (figure 9)', () => {
    const under = engine();
    const blocks = play(under, put(200), [
      ['0/1/128', Code.CONTINUE, '0/1/32'],
      ['4/1/32', Code.CONTINUE, '4/1/32'],
      ['5/1/32', Code.CONTINUE, '5/1/32'],
      ['6/0/32', Code.CHANGED, '6/0/32'],
    ]);
    expect(blocks.flatMap(({ payload }) => [...payload])).toEqual([...body(200)]);
  });

  it('accepts a server that acts on each block alone (figure 8)', () => {
    const under = engine();
    play(under, put(300), [
      ['0/1/128', Code.CHANGED, '0/0/128'],
      ['1/1/128', Code.CHANGED, '1/0/128'],
      ['2/0/128', Code.CHANGED, '2/0/128'],
    ]);
    expect(onlyEvent(under, 'response').message.code).toBe(Code.CHANGED);
  });

  it('begins again with smaller blocks after 4.13 with a smaller size (§2.9.3)', () => {
    const under = engine();
    play(under, put(100, 64), [
      ['0/1/64', Code.REQUEST_ENTITY_TOO_LARGE, '0/1/32'],
      ['0/1/32', Code.CONTINUE, '0/1/32'],
      ['1/1/32', Code.CONTINUE, '1/1/32'],
      ['2/1/32', Code.CONTINUE, '2/1/32'],
      ['3/0/32', Code.CHANGED, '3/0/32'],
    ]);
    expect(onlyEvent(under, 'response').message.code).toBe(Code.CHANGED);
  });

  it('turns to blocks when a request sent whole gets 4.13 with a size', () => {
    const under = engine();
    const whole = send(under, put(100));
    expect(block(whole, OptionNumber.BLOCK1)).toBeUndefined();
    feed(under, 1, reply(whole, { code: Code.REQUEST_ENTITY_TOO_LARGE, options: [blockOf(OptionNumber.BLOCK1, '0/0/64')] }));
    expect(block(sent(under)[0]!, OptionNumber.BLOCK1)).toBe('0/1/64');
  });

  it('takes a 4.13 without a smaller size as the response', () => {
    const under = engine();
    const first = send(under, put(300));
    feed(under, 1, reply(first, { code: Code.REQUEST_ENTITY_TOO_LARGE, options: [option(OptionNumber.SIZE1, '@')] }));
    expect(onlyEvent(under, 'response').message.code).toBe(Code.REQUEST_ENTITY_TOO_LARGE);
  });

  it('begins again once after 4.08 (§2.9.2)', () => {
    const under = engine();
    play(under, put(300), [
      ['0/1/128', Code.CONTINUE, '0/1/128'],
      ['1/1/128', Code.REQUEST_ENTITY_INCOMPLETE, '1/0/128'],
      ['0/1/128', Code.CONTINUE, '0/1/128'],
      ['1/1/128', Code.REQUEST_ENTITY_INCOMPLETE, '1/0/128'],
    ]);
    expect(onlyEvent(under, 'response').message.code).toBe(Code.REQUEST_ENTITY_INCOMPLETE);
  });

  it.each([
    ['another block number', Code.CONTINUE, '1/1/128'],
    ['SZX 7', Code.CONTINUE, '0/1/2048'],
  ])('fails on %s', (_name, code, answer) => {
    const under = engine();
    play(under, put(300), [['0/1/128', code, answer]]);
    expect(onlyEvent(under, 'failed').reason).toBe('block-failed');
  });

  it('fails on success without Block1, and on 2.31 to the last block', () => {
    const under = engine();
    feed(under, 1, reply(send(under, put(300)), { code: Code.CHANGED }));
    expect(onlyEvent(under, 'failed').reason).toBe('block-failed');
    play(under, put(129), [
      ['0/1/128', Code.CONTINUE, '0/1/128'],
      ['1/0/128', Code.CONTINUE, '1/0/128'],
    ]);
    expect(onlyEvent(under, 'failed').reason).toBe('block-failed');
  });
});

describe('Block2 as client (RFC 7959 §2.4)', () => {
  const etag = option(OptionNumber.ETAG, 'v1');
  const whole = body(300);
  const part = (text: string): Partial<CoapMessage> => {
    const [num, , size] = text.split('/').map(Number) as [number, number, number];
    return { options: [etag, blockOf(OptionNumber.BLOCK2, text)], payload: whole.subarray(num * size, (num + 1) * size) };
  };

  it('fetches all blocks (figure 2)', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, messageId: 1_234, options: path('status') }));
    feed(under, 10, reply(first, part('0/1/128')));
    const [second] = sent(under);
    expect(second).toMatchObject({ messageId: 1_235, token: first.token, code: Code.GET });
    expect(block(second!, OptionNumber.BLOCK2)).toBe('1/0/128');
    feed(under, 20, reply(second!, part('1/1/128')));
    const [third] = sent(under);
    expect(block(third!, OptionNumber.BLOCK2)).toBe('2/0/128');
    feed(under, 30, reply(third!, part('2/0/128')));
    const { message: response, rttMs } = onlyEvent(under, 'response');
    expect(toHex(response.payload)).toBe(toHex(whole));
    expect(response.options).toEqual([etag]);
    expect(rttMs).toBe(30);
  });

  it('asks for smaller blocks from the second on (figure 4)', () => {
    const under = engine();
    let current = send(under, outgoing({ code: Code.GET, blockSize: 64 }));
    feed(under, 1, reply(current, part('0/1/128')));
    const asked: (string | undefined)[] = [];
    for (const answer of ['2/1/64', '3/1/64', '4/0/64']) {
      current = sent(under)[0]!;
      asked.push(block(current, OptionNumber.BLOCK2));
      feed(under, 1, reply(current, part(answer)));
    }
    expect(asked).toEqual(['2/0/64', '3/0/64', '4/0/64']);
    expect(toHex(onlyEvent(under, 'response').message.payload)).toBe(toHex(whole));
  });

  it('follows a POST in blocks (figure 13)', () => {
    const under = engine();
    let current = send(under, outgoing({ code: Code.POST, payload: body(130), blockSize: 128 }));
    feed(under, 1, reply(current, { code: Code.CONTINUE, options: [blockOf(27, '0/1/128')] }));
    current = sent(under)[0]!;
    const { options, payload } = part('0/1/128') as CoapMessage;
    feed(under, 2, reply(current, { code: Code.CHANGED, options: [...options, blockOf(27, '1/0/128')], payload }));
    current = sent(under)[0]!;
    expect(current).toMatchObject({ code: Code.POST, payload: body(0) });
    expect([block(current, OptionNumber.BLOCK1), block(current, OptionNumber.BLOCK2)]).toEqual([undefined, '1/0/128']);
    feed(under, 3, reply(current, { ...part('1/1/128'), code: Code.CHANGED }));
    feed(under, 4, reply(sent(under)[0]!, { ...part('2/0/128'), code: Code.CHANGED }));
    expect(onlyEvent(under, 'response').message).toMatchObject({ code: Code.CHANGED, payload: whole });
  });

  it('sends the body of a FETCH again, which names what is fetched (RFC 8132 §2.2)', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.FETCH, payload: body(20) }));
    feed(under, 1, reply(first, part('0/1/128')));
    expect(sent(under)[0]!.payload).toEqual(body(20));
  });

  it('leaves the token and the Observe option to the observation (figure 11, §3.4)', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, options: [option(OptionNumber.OBSERVE, '')] }));
    const { options, payload } = part('0/1/128') as CoapMessage;
    feed(under, 1, reply(first, { options: [...options, option(OptionNumber.OBSERVE, '5')], payload }));
    const [second] = sent(under);
    expect(second!.token).toHaveLength(7);
    expect(optionValue(second!, OptionNumber.OBSERVE)).toBeUndefined();
    const notification = { type: MessageType.CON, messageId: 77, options: [option(OptionNumber.OBSERVE, '6')] } as const;
    feed(under, 2, reply(first, notification));
    expect(onlyEvent(under, 'unsolicited').message.messageId).toBe(77);
    feed(under, 3, reply(second!, part('1/1/128')));
    feed(under, 4, reply(sent(under)[0]!, part('2/0/128')));
    const response = onlyEvent(under, 'response').message;
    expect(toHex(response.payload)).toBe(toHex(whole));
    expect(uintOption(response, OptionNumber.OBSERVE)).toBe(0x35);
  });

  it('fetches the rest of a notification', () => {
    const under = engine();
    const continued = { payload: whole.subarray(0, 128), etag: etag.value, nextBlock: 1, szx: 3 };
    const first = send(under, outgoing({ code: Code.GET, continued }));
    expect(block(first, OptionNumber.BLOCK2)).toBe('1/0/128');
    feed(under, 1, reply(first, part('1/1/128')));
    feed(under, 2, reply(sent(under)[0]!, part('2/0/128')));
    expect(toHex(onlyEvent(under, 'response').message.payload)).toBe(toHex(whole));
  });

  it('refuses to go on where the blocks do not follow', () => {
    const under = engine();
    under.request(0, outgoing({ code: Code.GET, continued: { payload: whole.subarray(0, 100), nextBlock: 1, szx: 3 } }));
    expect(onlyEvent(under, 'failed').reason).toBe('block-failed');
  });

  it.each([
    ['another ETag', { options: [option(OptionNumber.ETAG, 'v2'), blockOf(23, '1/1/128')], payload: body(128) }, 'body-changed'],
    ['no ETag any more', { options: [blockOf(23, '1/1/128')], payload: body(128) }, 'body-changed'],
    ['a block not asked for', { options: [etag, blockOf(23, '2/1/128')], payload: body(128) }, 'block-failed'],
    ['a block that is not full', { options: [etag, blockOf(23, '1/1/128')], payload: body(127) }, 'block-failed'],
    ['a last block that is over its size', { options: [etag, blockOf(23, '1/0/128')], payload: body(129) }, 'block-failed'],
    ['no Block2', { options: [etag], payload: body(128) }, 'block-failed'],
    ['an error', { code: Code.NOT_FOUND }, 'block-failed'],
    ['SZX 7', { options: [etag, blockOf(23, '0/1/2048')], payload: body(128) }, 'block-failed'],
  ])('fails on %s', (_name, second, reason) => {
    const under = engine();
    feed(under, 1, reply(send(under, outgoing({ code: Code.GET })), part('0/1/128')));
    feed(under, 2, reply(sent(under)[0]!, second));
    expect(onlyEvent(under, 'failed').reason).toBe(reason);
  });

  it('fails on a first response that carries a later block', () => {
    const under = engine();
    feed(under, 1, reply(send(under, outgoing({ code: Code.GET })), part('1/1/128')));
    expect(onlyEvent(under, 'failed').reason).toBe('block-failed');
  });

  it.each([
    ['announced by Size2', 1_000, [etag, option(OptionNumber.SIZE2, hex('0400')), blockOf(23, '0/1/128')]],
    ['received', 127, [etag, blockOf(23, '0/1/128')]],
  ])('fails on a body over the limit, %s', (_name, maxBodyBytes, options) => {
    const under = engine();
    feed(under, 1, reply(send(under, outgoing({ code: Code.GET, maxBodyBytes })), { options, payload: body(128) }));
    expect(onlyEvent(under, 'failed').reason).toBe('body-too-large');
    expect(sentHex(under)).toEqual([]);
  });
});
