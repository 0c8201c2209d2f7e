import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { block, blockOf } from '../../test/block-flows.ts';
import { body, engine, feed, message, onlyEvent, option, outgoing, path, reply, send, sent, sentHex } from '../../test/fixtures.ts';
import type { CoapMessage, OutgoingRequest } from '../index.ts';
import { CoapEngine, Code, MessageType, OptionNumber, optionValue, uintOption } from '../index.ts';

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
