import { describe, expect, it } from 'vitest';
import { block, blockOf } from '../../test/block-flows.ts';
import { body, engine, feed, onlyEvent, option, outgoing, reply, send, sent } from '../../test/fixtures.ts';
import type { CoapMessage } from '../index.ts';
import { Code, OptionNumber, observeValue, optionValue, uintOption } from '../index.ts';

const { BLOCK1, BLOCK2, ECHO, OBSERVE } = OptionNumber;

/** The response with a block of {@link body}(100). */
function part(request: CoapMessage, text: string, ...more: CoapMessage['options']): CoapMessage {
  const [num, , size] = text.split('/').map(Number) as [number, number, number];
  return reply(request, { options: [...more, blockOf(BLOCK2, text)], payload: body(100).subarray(num * size, (num + 1) * size) });
}

describe('early negotiation as client (RFC 7959 §2.4)', () => {
  it.each([Code.GET, Code.FETCH, Code.POST, Code.PUT, Code.IPATCH])('method %i asks in its first message', (code) => {
    const first = send(engine(), outgoing({ code, payload: body(10), responseBlockSize: 64 }));
    expect([block(first, BLOCK1), block(first, BLOCK2)]).toEqual([undefined, '0/0/64']);
    expect(first.payload).toEqual(body(10));
  });

  it('is not made unless asked for', () => {
    const first = send(engine({ parameters: { blockSize: 64 } }), outgoing({ code: Code.GET, blockSize: 32 }));
    expect(first.options).toEqual([]);
  });

  it.each([
    [64, 1_024, '0/0/64'],
    [1_024, 256, '0/0/256'],
    [100, 1_024, '0/0/64'],
  ])('of %i bytes, where the engine takes %i, asks for %s', (responseBlockSize, blockSize, asked) => {
    const first = send(engine({ parameters: { blockSize } }), outgoing({ code: Code.GET, responseBlockSize }));
    expect(block(first, BLOCK2)).toBe(asked);
  });

  it('leaves the size of the blocks sent as it is', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.FETCH, payload: body(200), responseBlockSize: 16, blockSize: 128 }));
    expect([block(first, BLOCK1), block(first, BLOCK2)]).toEqual(['0/1/128', undefined]);
    feed(under, 1, reply(first, { code: Code.CONTINUE, options: [blockOf(BLOCK1, '0/1/128')] }));
    const [last] = sent(under);
    expect([block(last!, BLOCK1), block(last!, BLOCK2)]).toEqual(['1/0/128', '0/0/16']);
  });

  it('goes on with the smaller blocks of the server', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, responseBlockSize: 64 }));
    feed(under, 1, part(first, '0/1/32'));
    expect(block(sent(under)[0]!, BLOCK2)).toBe('1/0/32');
  });

  it('goes on with blocks of its size where the server sends larger ones', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, responseBlockSize: 32 }));
    feed(under, 1, part(first, '0/1/64'));
    expect(block(sent(under)[0]!, BLOCK2)).toBe('2/0/32');
  });

  it.each(['with Block2', 'without'])('takes a response that is whole, %s', (how) => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, responseBlockSize: 64 }));
    const options = how === 'without' ? [] : [blockOf(BLOCK2, '0/0/64')];
    feed(under, 1, reply(first, { options, payload: body(20) }));
    expect(onlyEvent(under, 'response').message.payload).toEqual(body(20));
  });

  it('is made again with an Echo', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, responseBlockSize: 64 }));
    feed(under, 1, reply(first, { code: Code.UNAUTHORIZED, options: [option(ECHO, 'fresh')] }));
    const [second] = sent(under);
    expect(block(second!, BLOCK2)).toBe('0/0/64');
    expect(optionValue(second!, ECHO)).toEqual(option(ECHO, 'fresh').value);
  });

  it('goes with the request that begins an observation, whose Observe stays in that request (§2.6)', () => {
    const under = engine();
    const first = send(under, outgoing({ code: Code.GET, options: [option(OBSERVE, '')], responseBlockSize: 64 }));
    expect([observeValue(first), block(first, BLOCK2)]).toEqual([0, '0/0/64']);
    feed(under, 1, part(first, '0/1/64', option(OBSERVE, '5')));
    const [second] = sent(under);
    expect([observeValue(second!), block(second!, BLOCK2)]).toEqual([undefined, '1/0/64']);
    expect(second!.token).not.toEqual(first.token);
    feed(under, 2, part(second!, '1/0/64'));
    const { message } = onlyEvent(under, 'response');
    expect([uintOption(message, OBSERVE), message.payload]).toEqual([0x35, body(100)]);
  });
});
