import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { PEER, body, decoded, engine, feed, message, onlyEvent, option, path, sent, vectors } from '../../test/fixtures.ts';
import type { CoapEngine, CoapMessage, CoapOption } from '../index.ts';
import { Code, MessageType, OptionNumber, blockOption, encodeBlock, formatCode, optionValue, uintOption } from '../index.ts';

function blockOf(number: number, num: number, more: boolean, size: number): CoapOption {
  return encodeBlock(number, { num, more, szx: Math.log2(size) - 4 });
}

let messageId = 0;
/** One block of a PUT to /options; its payload is cut from a body of bytes 0, 1, 2 … unless given. */
function put(num: number, more: boolean, size: number, fields: Partial<CoapMessage> & { extra?: CoapOption[]; length?: number } = {}): CoapMessage {
  const { extra = [], length = size, ...rest } = fields;
  const payload = body(num * size + length).subarray(num * size);
  const options = [...path('options'), blockOf(OptionNumber.BLOCK1, num, more, size), ...extra];
  return message({ code: Code.PUT, messageId: ++messageId, token: hex('aa'), options, payload, ...rest });
}

function get(num: number, size: number, fields: Partial<CoapMessage> = {}): CoapMessage {
  const options = [...path('status'), blockOf(OptionNumber.BLOCK2, num, false, size)];
  return message({ code: Code.GET, messageId: ++messageId, options, ...fields });
}

/** Feeds a message and tells the answer as `2.31 0/1/128`, or the event that came instead. */
function exchange(under: CoapEngine, incoming: CoapMessage, peer = PEER, nowMs = 0): string {
  feed(under, nowMs, incoming, peer);
  const { datagrams, events } = under.poll();
  if (events.length > 0) {
    const [event] = events;
    if (event!.kind !== 'request') throw new Error(event!.kind);
    under.respond(nowMs, event!.exchange, { code: Code.CHANGED });
    under.poll();
    return `delivered ${event!.message.payload.length}`;
  }
  if (datagrams.length === 0) return 'nothing';
  return answer(datagrams[0]!.bytes);
}

function answer(bytes: Uint8Array): string {
  const found = decoded(bytes);
  const block = blockOption(found, OptionNumber.BLOCK1);
  return [formatCode(found.code), block && `${block.num}/${Number(block.more)}/${16 << block.szx}`].filter(Boolean).join(' ');
}

describe('Block1 as server (RFC 7959 §2.5)', () => {
  it('asks for each block and delivers one request (figure 7)', () => {
    const under = engine();
    feed(under, 0, put(0, true, 128, { extra: [option(OptionNumber.SIZE1, hex('012c'))] }));
    feed(under, 0, put(1, true, 128, { token: hex('bb') }));
    const [first, second] = sent(under);
    expect(first).toMatchObject({ type: MessageType.ACK, code: Code.CONTINUE, token: hex('aa') });
    expect(blockOption(first!, OptionNumber.BLOCK1)).toEqual({ num: 0, more: true, szx: 3 });
    expect(second).toMatchObject({ code: Code.CONTINUE, token: hex('bb') });
    feed(under, 0, put(2, false, 128, { length: 44, token: hex('cc') }));
    const { message: request, exchange: handle } = onlyEvent(under, 'request');
    expect(toHex(request.payload)).toBe(toHex(body(300)));
    expect(request.options).toEqual(path('options'));
    under.respond(0, handle, { code: Code.CHANGED });
    const [last] = sent(under);
    expect(last).toMatchObject({ type: MessageType.ACK, code: Code.CHANGED, token: hex('cc') });
    expect(blockOption(last!, OptionNumber.BLOCK1)).toEqual({ num: 2, more: false, szx: 3 });
    expect(under.usage).toMatchObject({ uploads: 0, uploadBytes: 0, timers: 1 });
  });

  it('negotiates the size down (figure 9)', () => {
    const under = engine({ parameters: { blockSize: 32 } });
    expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/32');
    expect(exchange(under, put(4, true, 32))).toBe('2.31 4/1/32');
    expect(exchange(under, put(5, false, 32))).toBe('delivered 192');
  });

  it('accepts a client that keeps its size all the same', () => {
    const under = engine({ parameters: { blockSize: 32 } });
    expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/32');
    expect(exchange(under, put(1, false, 128, { length: 5 }))).toBe('delivered 133');
  });

  it('takes a single block as a whole body', () => {
    const under = engine();
    expect(exchange(under, put(0, false, 128, { length: 100 }))).toBe('delivered 100');
  });

  it('answers a duplicate block as before', () => {
    const under = engine();
    const first = put(0, true, 128);
    expect([exchange(under, first), exchange(under, first)]).toEqual(['2.31 0/1/128', '2.31 0/1/128']);
    expect(exchange(under, put(1, false, 128))).toBe('delivered 256');
  });

  it('takes blocks of NON requests, and answers by NON', () => {
    const under = engine();
    feed(under, 0, put(0, true, 128, { type: MessageType.NON }));
    expect(sent(under)).toMatchObject([{ type: MessageType.NON, code: Code.CONTINUE }]);
    expect(exchange(under, put(1, false, 128))).toBe('delivered 256');
  });

  // Rows of the vectors, in their order, and some beside them.
  const gap = 'Block1 num gap (0 then 2)';
  const bad: [string, (under: CoapEngine) => string[], string][] = [
    [gap, (under) => [exchange(under, put(0, true, 128)), exchange(under, put(2, true, 128))], '4.08'],
    ['Block1 size change upward mid-transfer', (under) => upward(under), '4.00/4.08'],
    ['Block1 M=1 with payload != size', (under) => [exchange(under, put(0, true, 128, { length: 100 }))], '4.00'],
    ['Block2 num past end', (under) => pastEnd(under), '4.00'],
    ['Block option length > 3', (under) => [exchange(under, message({ code: Code.PUT, options: [option(27, 'abcd')] }))], '4.02'],
    ['SZX=7 over UDP', (under) => [exchange(under, put(0, true, 2_048)), exchange(under, get(0, 2_048))], '4.00'],
    ['body over limit', (under) => [exchange(under, put(0, true, 128, { extra: [option(OptionNumber.SIZE1, hex('0401'))] }))], '4.13'],
    ['second transfer same (endpoint,path) num 0', (under) => [exchange(under, put(0, true, 128)), exchange(under, put(0, true, 64)), exchange(under, put(1, false, 64))], 'delivered 128'],
    ['different Request-Tag', (under) => otherTag(under), '4.08'],
    ['Content-Format differs between blocks', (under) => [exchange(under, put(0, true, 128, { extra: [option(12, '')] })), exchange(under, put(1, true, 128, { extra: [option(12, 'p')] }))], '4.08'],
  ];

  function pastEnd(under: CoapEngine): string[] {
    feed(under, 0, get(0, 64));
    under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, payload: body(100) });
    under.poll();
    return [exchange(under, get(2, 64))];
  }

  function upward(under: CoapEngine): string[] {
    expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/128');
    expect(exchange(under, put(2, true, 64))).toBe('2.31 2/1/64');
    expect(exchange(under, put(3, true, 64))).toBe('2.31 3/1/64');
    return [exchange(under, put(2, true, 128))];
  }

  function otherTag(under: CoapEngine): string[] {
    const tagged = (tag: string): { extra: CoapOption[] } => ({ extra: [option(OptionNumber.REQUEST_TAG, tag)] });
    expect(exchange(under, put(0, true, 128, tagged('a')))).toBe('2.31 0/1/128');
    expect(exchange(under, put(0, true, 128, tagged('b')))).toBe('2.31 0/1/128');
    expect(exchange(under, put(1, false, 128, { ...tagged('a'), length: 2 }))).toBe('delivered 130');
    expect(exchange(under, put(1, false, 128, { ...tagged('b'), length: 3 }))).toBe('delivered 131');
    return [exchange(under, put(1, false, 128, { ...tagged('c'), length: 2 }))];
  }

  it.each(bad)('%s', (_name, play, expected) => {
    const under = engine({ limits: { maxBodyBytes: 1_024 } });
    expect(expected.split('/')).toContain(play(under).at(-1)!.split(' ').slice(0, expected.startsWith('d') ? 2 : 1).join(' '));
  });

  it('has a test for each bad row of the vectors', () => {
    const rows = vectors<{ badInput: { input: string }[] }>('rfc7959-block').badInput;
    expect(bad.map(([name]) => name)).toEqual(rows.map(({ input }) => input));
  });

  it('refuses what grows over the limit, and tells the limit', () => {
    const under = engine({ limits: { maxBodyBytes: 200 } });
    expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/128');
    feed(under, 0, put(1, true, 128));
    const [refusal] = sent(under);
    expect(refusal!.code).toBe(Code.REQUEST_ENTITY_TOO_LARGE);
    expect(uintOption(refusal!, OptionNumber.SIZE1)).toBe(200);
    expect(under.usage).toMatchObject({ uploads: 0, uploadBytes: 0 });
  });

  it('refuses a block of a transfer that it does not know', () => {
    const under = engine();
    expect(exchange(under, put(1, true, 128))).toBe('4.08');
    expect(exchange(under, put(1, false, 128))).toBe('4.08');
  });

  it('keeps transfers of peers, methods, paths and queries apart', () => {
    const under = engine();
    const other = [
      put(0, true, 64, { code: Code.POST }),
      put(0, true, 64, { options: [...path('opt', 'ions'), blockOf(27, 0, true, 64)] }),
      put(0, true, 64, { extra: [option(OptionNumber.URI_QUERY, 'q')] }),
    ];
    for (const each of other) {
      expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/128');
      expect(exchange(under, each)).toBe('2.31 0/1/64');
      expect(exchange(under, put(1, false, 128))).toBe('delivered 256');
    }
    expect(exchange(under, put(0, true, 128))).toBe('2.31 0/1/128');
    expect(exchange(under, put(1, false, 128), 'other')).toBe('4.08');
  });

  it('gives up a transfer that stands still', () => {
    const under = engine();
    exchange(under, put(0, true, 128));
    under.timeout(92_999);
    expect(under.usage.uploads).toBe(1);
    under.timeout(93_000);
    expect(under.usage).toMatchObject({ uploads: 0, uploadBytes: 0 });
    expect(under.counters.blockTransfersExpired).toBe(1);
    expect(exchange(under, put(1, false, 128), PEER, 93_000)).toBe('4.08');
  });

  it('bounds the transfers of a peer, of all peers, and their bytes', () => {
    const under = engine({ limits: { uploadsPerPeer: 1, maxUploads: 2, maxUploadBytes: 400 } });
    exchange(under, put(0, true, 128));
    exchange(under, put(0, true, 128, { code: Code.POST }));
    expect(under.usage).toMatchObject({ uploads: 1, uploadBytes: 128 });
    expect(under.counters.limited.uploadsEvicted).toBe(1);
    exchange(under, put(0, true, 128), 'b');
    feed(under, 0, put(0, true, 128), 'c');
    const [refusal] = sent(under);
    expect(refusal!.code).toBe(Code.SERVICE_UNAVAILABLE);
    expect(uintOption(refusal!, OptionNumber.MAX_AGE)).toBe(30);
    expect(exchange(under, put(1, true, 128), 'b')).toBe('2.31 1/1/128');
    expect(exchange(under, put(2, true, 128), 'b')).toBe('5.03');
    expect(under.usage).toMatchObject({ uploads: 1, uploadBytes: 128 });
  });
});

describe('Block2 as server (RFC 7959 §2.4)', () => {
  const whole = body(300);

  function begin(under: CoapEngine, request: CoapMessage, code: number = Code.CONTENT): CoapMessage {
    feed(under, 0, request);
    under.respond(0, onlyEvent(under, 'request').exchange, { code, payload: whole });
    return sent(under)[0]!;
  }

  it('sends a large response in blocks and serves the later ones itself (figure 2)', () => {
    const under = engine({ parameters: { blockSize: 128 } });
    const first = begin(under, message({ code: Code.GET, messageId: ++messageId, options: path('status') }));
    expect(blockOption(first, OptionNumber.BLOCK2)).toEqual({ num: 0, more: true, szx: 3 });
    expect(uintOption(first, OptionNumber.SIZE2)).toBe(300);
    feed(under, 0, get(1, 128));
    feed(under, 0, get(2, 128));
    const { datagrams, events } = under.poll();
    expect(events).toEqual([]);
    const rest = datagrams.map(({ bytes }) => decoded(bytes));
    expect(rest.map((each) => blockOption(each, OptionNumber.BLOCK2))).toEqual([
      { num: 1, more: true, szx: 3 },
      { num: 2, more: false, szx: 3 },
    ]);
    const all = [first, ...rest];
    expect(all.flatMap(({ payload }) => [...payload])).toEqual([...whole]);
    const etags = all.map((each) => toHex(optionValue(each, OptionNumber.ETAG)!));
    expect(new Set(etags).size).toBe(1);
  });

  it('takes the size that the client asks for, at once (figure 3) or later (figure 4)', () => {
    const under = engine();
    expect(blockOption(begin(under, get(0, 64)), OptionNumber.BLOCK2)).toEqual({ num: 0, more: true, szx: 2 });
    feed(under, 0, get(4, 32));
    const [later] = sent(under);
    expect(blockOption(later!, OptionNumber.BLOCK2)).toEqual({ num: 4, more: true, szx: 1 });
    expect(toHex(later!.payload)).toBe(toHex(whole.subarray(128, 160)));
  });

  it('tells with Block2 that a small response is whole, if the client asked by Block2', () => {
    const under = engine();
    const first = begin(under, get(0, 1_024));
    expect(blockOption(first, OptionNumber.BLOCK2)).toEqual({ num: 0, more: false, szx: 6 });
    expect(under.usage.bodies).toBe(0);
  });

  it('asks the caller for a block of a body no longer kept, and cuts it from the whole', () => {
    const under = engine();
    const first = begin(under, get(0, 64));
    under.timeout(93_000);
    expect(under.usage).toMatchObject({ bodies: 0, bodyBytes: 0 });
    const second = begin(under, get(1, 64));
    expect(blockOption(second, OptionNumber.BLOCK2)).toEqual({ num: 1, more: true, szx: 2 });
    expect(optionValue(second, OptionNumber.ETAG)).toEqual(optionValue(first, OptionNumber.ETAG));
    expect(toHex(second.payload)).toBe(toHex(whole.subarray(64, 128)));
    feed(under, 93_001, get(2, 64));
    expect(toHex(sent(under)[0]!.payload)).toBe(toHex(whole.subarray(128, 192)));
  });

  it('does not run a POST again for a block of its response', () => {
    const under = engine();
    expect(exchange(under, get(1, 64, { code: Code.POST }))).toBe('4.08');
    begin(under, get(0, 64, { code: Code.POST }), Code.CHANGED);
    feed(under, 0, get(4, 64, { code: Code.POST }));
    expect(sent(under)).toMatchObject([{ code: Code.CHANGED, payload: whole.subarray(256) }]);
  });

  it('keeps bodies of peers apart and a bounded number of bytes', () => {
    const under = engine({ limits: { bodiesPerPeer: 1, maxBodies: 2, maxStoredBodyBytes: 700 } });
    for (const peer of ['a', 'b', 'c']) {
      feed(under, 0, get(0, 64), peer);
      under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, payload: whole });
      under.poll();
    }
    expect(under.usage).toMatchObject({ bodies: 2, bodyBytes: 600 });
    expect(under.counters.limited.bodiesEvicted).toBe(1);
    feed(under, 0, get(1, 64), 'a');
    expect(under.poll().events).toHaveLength(1);
    feed(under, 0, get(1, 64), 'c');
    expect(under.poll().events).toHaveLength(0);
  });

  it('keeps no more bodies for one peer than allowed, the newest', () => {
    const under = engine({ limits: { bodiesPerPeer: 1 } });
    begin(under, get(0, 64));
    begin(under, get(0, 64, { code: Code.FETCH }));
    expect(under.usage).toMatchObject({ bodies: 1, bodyBytes: 300 });
    feed(under, 0, get(1, 64));
    expect(under.poll().events).toHaveLength(1);
  });

  it('keeps the ETag of the caller', () => {
    const under = engine({ parameters: { blockSize: 64 } });
    feed(under, 0, message({ code: Code.GET, messageId: ++messageId }));
    const options = [option(OptionNumber.ETAG, 'mine')];
    under.respond(0, onlyEvent(under, 'request').exchange, { code: Code.CONTENT, options, payload: whole });
    expect(optionValue(sent(under)[0]!, OptionNumber.ETAG)).toEqual(options[0]!.value);
  });
});
