/** The message flows of RFC 7959 §3 as the vectors have them, with our engine in the role of the server and of the client. */
import { describe, expect, it } from 'vitest';
import { blockOptions, bodyLength, expected, flow, notation, payload } from '../../test/block-flows.ts';
import { body, decoded, engine, feed, message, option, outgoing, path, sent } from '../../test/fixtures.ts';
import type { CoapEngine, CoapMessage } from '../index.ts';
import { MessageType, OptionNumber } from '../index.ts';

describe('flows of RFC 7959 §3', () => {
  it.each([
    [2, 128],
    [3, 1_024],
    [4, 128],
    [7, 128],
    [9, 32],
    [13, 128],
    [14, 128],
  ])('figure %i as the server, with blocks of %i', (figure, blockSize) => {
    const steps = flow(figure);
    const under = engine({ parameters: { blockSize } });
    const uploadLength = bodyLength(steps, 'C', 'block1');
    const code = steps.findLast(({ from }) => from === 'S')!.code;
    let messageId = 1_234;
    for (const [index, step] of steps.entries()) {
      if (step.from !== 'C') continue;
      const own = { code: step.code, messageId: messageId++, options: [...path(step.path), ...blockOptions(step)] };
      feed(under, 0, message({ ...own, payload: payload(step.block1, uploadLength) }));
      expect(notation(answer(under, code, bodyLength(steps, 'S', 'block2')))).toBe(expected(steps[index + 1]!));
    }
  });

  /** The engine's answer, or the caller's with a body of a length. */
  function answer(under: CoapEngine, code: number, length: number): CoapMessage {
    const { datagrams, events } = under.poll();
    for (const event of events) {
      if (event.kind === 'request') under.respond(0, event.exchange, { code, payload: body(length) });
    }
    return events.length > 0 ? sent(under)[0]! : decoded(datagrams[0]!.bytes);
  }

  it.each([
    [2, { blockSize: 1_024 }],
    [3, { responseBlockSize: 64 }],
    [4, { blockSize: 64 }],
    [7, { blockSize: 128 }],
    [8, { blockSize: 128 }],
    [9, { blockSize: 128 }],
    [13, { blockSize: 128 }],
    [14, { blockSize: 128, responseBlockSize: 64 }],
  ])('figure %i as the client, with %o', (figure, sizes) => {
    const steps = flow(figure);
    const under = engine();
    const [first] = steps;
    const [up, down] = [bodyLength(steps, 'C', 'block1'), bodyLength(steps, 'S', 'block2')];
    under.request(0, outgoing({ code: first!.code, messageId: 1_234, options: path(first!.path), payload: body(up), ...sizes }));
    for (const [index, step] of steps.entries()) {
      if (step.from !== 'C') continue;
      const [request] = sent(under);
      expect(notation(request!)).toBe(expected(step));
      expect(request!.messageId).toBe(step.messageId);
      const reply = steps[index + 1]!;
      const { messageId, token } = request!;
      const fields = { type: MessageType.ACK, code: reply.code, messageId, token };
      const options = [option(OptionNumber.ETAG, 'v'), ...blockOptions(reply)];
      feed(under, 0, message({ ...fields, options, payload: payload(reply.block2, down) }));
    }
    expect(under.poll().events).toMatchObject([{ kind: 'response', message: { payload: body(down) } }]);
  });
});
