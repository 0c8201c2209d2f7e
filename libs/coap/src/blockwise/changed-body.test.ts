/** What a client makes of a body that changes between two of its blocks (RFC 7959 §2.4). */
import { toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { block, blockOf } from '../../test/block-flows.ts';
import { body, engine, feed, message, onlyEvent, option, outgoing, reply, send, sent } from '../../test/fixtures.ts';
import type { CoapEngine, CoapMessage, OutgoingRequest } from '../index.ts';
import { Code, MessageType, OptionNumber, observeValue, optionValue, uintOption, uintValue } from '../index.ts';

const { BLOCK1, BLOCK2, CONTENT_FORMAT, ETAG, OBSERVE, REQUEST_TAG, SIZE1 } = OptionNumber;
const LENGTH = 300;

/** The body of a version: its length is the same, its bytes are not. */
function bodyOf(version: string): Uint8Array {
  return body(LENGTH).map((byte) => byte ^ version.charCodeAt(0));
}

/** A block of a version in blocks of 128, which has its name as its ETag; of version '', which has none. */
function part(version: string, num: number, ...more: CoapMessage['options']): Partial<CoapMessage> {
  const etag = version === '' ? [] : [option(ETAG, version)];
  const options = [...more, ...etag, blockOf(BLOCK2, `${num}/${num < 2 ? 1 : 0}/128`)];
  return { options, payload: bodyOf(version).subarray(num * 128, (num + 1) * 128) };
}

/** Answers one request of an engine after another, and returns them. */
function answer(under: CoapEngine, first: CoapMessage, ...answers: Partial<CoapMessage>[]): CoapMessage[] {
  const requests = [first];
  for (const fields of answers) {
    feed(under, 1, reply(requests.at(-1)!, fields));
    if (requests.length < answers.length) requests.push(sent(under)[0]!);
  }
  return requests;
}

const get = (fields: Partial<OutgoingRequest> = {}): OutgoingRequest => outgoing({ code: Code.GET, messageId: 10, ...fields });

describe('a body that changes while it is fetched', () => {
  it('is fetched anew from its first block', () => {
    const under = engine();
    const newFormat = option(CONTENT_FORMAT, uintValue(112));
    const requests = answer(under, send(under, get()), part('a', 0), part('b', 1), part('b', 0, newFormat), part('b', 1), part('b', 2));
    expect(requests.map((each) => block(each, BLOCK2))).toEqual([undefined, '1/0/128', undefined, '1/0/128', '2/0/128']);
    expect(requests.map(({ messageId }) => messageId)).toEqual([10, 11, 12, 13, 14]);
    const { message: response } = onlyEvent(under, 'response');
    expect(toHex(response.payload)).toBe(toHex(bodyOf('b')));
    expect(response.options).toEqual([option(ETAG, 'b'), newFormat]);
    expect(under.counters.bodiesRefetched).toBe(1);
  });

  it.each([
    ['of another ETag', 'a', 'b'],
    ['without its ETag', 'a', ''],
    ['that has an ETag now', '', 'a'],
  ])('is known by a block %s', (_name, before, after) => {
    const under = engine();
    answer(under, send(under, get()), part(before, 0), part(after, 1), part(after, 0), part(after, 1), part(after, 2));
    expect(toHex(onlyEvent(under, 'response').message.payload)).toBe(toHex(bodyOf(after)));
  });

  it('fails when it changes again', () => {
    const under = engine();
    answer(under, send(under, get()), part('a', 0), part('b', 1), part('b', 0), part('c', 1));
    const { datagrams, events } = under.poll();
    expect(events).toMatchObject([{ kind: 'failed', reason: 'body-changed' }]);
    expect(datagrams).toEqual([]);
    expect(under.counters.bodiesRefetched).toBe(1);
    expect(under.usage).toMatchObject({ requests: 0 });
  });

  it.each([Code.POST, Code.PUT, Code.IPATCH])('fails at once for method %i, which would be carried out again', (code) => {
    const under = engine();
    answer(under, send(under, get({ code, payload: body(5) })), part('a', 0), part('b', 1));
    const { datagrams, events } = under.poll();
    expect(events).toMatchObject([{ kind: 'failed', reason: 'body-changed' }]);
    expect(datagrams).toEqual([]);
  });

  it('is asked for in the size that early negotiation asked for', () => {
    const under = engine();
    const requests = answer(under, send(under, get({ responseBlockSize: 128 })), part('a', 0), part('b', 1), part('b', 0));
    expect(block(requests[2]!, BLOCK2)).toBe('0/0/128');
  });

  it('may fit one message now, or be gone', () => {
    const under = engine();
    answer(under, send(under, get()), part('a', 0), part('b', 1), { payload: body(7) });
    expect(onlyEvent(under, 'response').message.payload).toEqual(body(7));
    answer(under, send(under, get()), part('a', 0), part('b', 1), { code: Code.NOT_FOUND });
    expect(onlyEvent(under, 'response').message.code).toBe(Code.NOT_FOUND);
  });

  it('keeps to the bound of its size', () => {
    const under = engine();
    answer(under, send(under, get({ maxBodyBytes: 256 })), part('a', 0), part('b', 1), part('b', 0), part('b', 1), part('b', 2));
    expect(onlyEvent(under, 'failed').reason).toBe('body-too-large');
  });

  it('is asked for with the payload of its FETCH, sent again in blocks where it went in blocks', () => {
    const under = engine();
    const whole = send(under, get({ code: Code.FETCH, payload: body(20) }));
    expect(answer(under, whole, part('a', 0), part('b', 1), part('b', 0))[2]!.payload).toEqual(body(20));

    const other = engine();
    const first = send(other, get({ code: Code.FETCH, payload: body(200), blockSize: 128 }));
    const goOn = { code: Code.CONTINUE, options: [blockOf(BLOCK1, '0/1/128')] };
    const requests = answer(other, first, goOn, part('a', 0), part('b', 1), goOn, part('b', 0), part('b', 1), part('b', 2));
    const blocks = ['0/1/128', '1/0/128', undefined];
    expect(requests.map((each) => block(each, BLOCK1))).toEqual([...blocks, ...blocks, undefined]);
    expect(requests.map((each) => uintOption(each, SIZE1))[3]).toBe(200);
    expect(optionValue(requests[3]!, REQUEST_TAG)).toEqual(optionValue(first, REQUEST_TAG));
    expect(toHex(onlyEvent(other, 'response').message.payload)).toBe(toHex(bodyOf('b')));
  });

  it('leaves the observation that its request began as it is', () => {
    const under = engine();
    const first = send(under, get({ options: [option(OBSERVE, '')] }));
    const began = part('a', 0, option(OBSERVE, uintValue(5)));
    const requests = answer(under, first, began, part('b', 1), part('b', 0), part('b', 1), part('b', 2));
    expect(requests.map((each) => observeValue(each))).toEqual([0, undefined, undefined, undefined, undefined]);
    for (const each of requests.slice(1)) expect(each.token).not.toEqual(first.token);
    const { message: response } = onlyEvent(under, 'response');
    expect(response.options).toEqual([option(ETAG, 'b'), option(OBSERVE, uintValue(5))]);
    expect(toHex(response.payload)).toBe(toHex(bodyOf('b')));
    feed(under, 2, message({ type: MessageType.CON, code: Code.CONTENT, messageId: 77, token: first.token, payload: body(1) }));
    expect(onlyEvent(under, 'unsolicited').message.messageId).toBe(77);
  });

  it('tells of no observation where the resource is gone', () => {
    const under = engine();
    const first = send(under, get({ options: [option(OBSERVE, '')] }));
    answer(under, first, part('a', 0, option(OBSERVE, uintValue(5))), part('b', 1), { code: Code.NOT_FOUND });
    expect(observeValue(onlyEvent(under, 'response').message)).toBeUndefined();
  });

  it('is fetched anew where its first block was in a notification', () => {
    const under = engine();
    const continued = { payload: bodyOf('a').subarray(0, 128), etag: option(ETAG, 'a').value, nextBlock: 1, szx: 3 };
    const requests = answer(under, send(under, get({ continued })), part('b', 1), part('b', 0), part('b', 1), part('b', 2));
    expect(requests.map((each) => block(each, BLOCK2))).toEqual(['1/0/128', undefined, '1/0/128', '2/0/128']);
    const { message: response } = onlyEvent(under, 'response');
    expect([toHex(response.payload), response.options]).toEqual([toHex(bodyOf('b')), [option(ETAG, 'b')]]);
  });
});
