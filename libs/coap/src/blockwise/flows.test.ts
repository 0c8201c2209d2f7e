/** The message flows of RFC 7959 §3 as the vectors have them, with our engine in the role of the server and of the client. */
import { describe, expect, it } from 'vitest';
import { body, decoded, engine, feed, message, option, outgoing, path, sent, vectors } from '../../test/fixtures.ts';
import type { CoapEngine, CoapMessage, CoapOption } from '../index.ts';
import { Code, MessageType, OptionNumber, blockOption, encodeBlock, formatCode, parseCode } from '../index.ts';

interface Step {
  readonly from: string;
  /** Method or response code. */
  readonly code: number;
  readonly path: string;
  readonly block1: string | undefined;
  readonly block2: string | undefined;
}

/** Reads `C CON 1234 PUT /options 1:0/1/128`; undefined for `...`. */
function parseStep(text: string): Step | undefined {
  const match = /^([CS]) (?:CON|ACK) \d+ (\S+)(?: \/(\w+))?((?: [12]:\d+\/[01]\/\d+)*)$/.exec(text);
  if (match === null) return undefined;
  const [, from, code, resource = '', blocks = ''] = match;
  const block = (kind: string): string | undefined => new RegExp(` ${kind}:(\\S+)`).exec(blocks)?.[1];
  const number = parseCode(code!) ?? Code[code as keyof typeof Code];
  return { from: from!, code: number, path: resource, block1: block('1'), block2: block('2') };
}

const flows = new Map(
  vectors<{ flows: { fig: number; steps: string[] }[] }>('rfc7959-block').flows.map(({ fig, steps }) => [
    fig,
    steps.map(parseStep).filter((step) => step !== undefined),
  ]),
);

/** What a message says in the notation of the flows. */
function notation(of: CoapMessage): string {
  const block = (number: number): string => {
    const found = blockOption(of, number);
    return found === undefined ? '' : ` ${number === OptionNumber.BLOCK1 ? 1 : 2}:${found.num}/${Number(found.more)}/${16 << found.szx}`;
  };
  return formatCode(of.code) + block(OptionNumber.BLOCK1) + block(OptionNumber.BLOCK2);
}

function expected({ code, block1, block2 }: Step): string {
  return formatCode(code) + (block1 === undefined ? '' : ` 1:${block1}`) + (block2 === undefined ? '' : ` 2:${block2}`);
}

function parts(block: string): { num: number; more: boolean; size: number } {
  const [num, more, size] = block.split('/').map(Number) as [number, number, number];
  return { num, more: more === 1, size };
}

function options({ block1, block2 }: Step): CoapOption[] {
  const one = (number: number, block: string | undefined): CoapOption[] => {
    if (block === undefined) return [];
    const { num, more, size } = parts(block);
    return [encodeBlock(number, { num, more, szx: Math.log2(size) - 4 })];
  };
  return [...one(OptionNumber.BLOCK2, block2), ...one(OptionNumber.BLOCK1, block1)];
}

/** The length of the body whose last block is the last with this kind of option: that block is half full. */
function bodyLength(steps: readonly Step[], from: string, kind: 'block1' | 'block2'): number {
  const last = steps.findLast((step) => step.from === from && step[kind] !== undefined)?.[kind];
  return last === undefined ? 0 : parts(last).num * parts(last).size + parts(last).size / 2;
}

/** One block of a body. */
function payload(block: string | undefined, length: number): Uint8Array {
  if (block === undefined) return body(0);
  const { num, size } = parts(block);
  return body(length).subarray(num * size, (num + 1) * size);
}

describe('flows of RFC 7959 §3', () => {
  it.each([
    [2, 128],
    [3, 1_024],
    [4, 128],
    [7, 128],
    [9, 32],
    [13, 128],
  ])('figure %i as the server, with blocks of %i', (figure, blockSize) => {
    const steps = flows.get(figure)!;
    const under = engine({ parameters: { blockSize } });
    const uploadLength = bodyLength(steps, 'C', 'block1');
    const code = steps.findLast(({ from }) => from === 'S')!.code;
    let messageId = 1_234;
    for (const [index, step] of steps.entries()) {
      if (step.from !== 'C') continue;
      const own = { code: step.code, messageId: messageId++, options: [...path(step.path), ...options(step)] };
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
    [2, 1_024],
    [4, 64],
    [7, 128],
    [8, 128],
    [9, 128],
    [13, 128],
  ])('figure %i as the client, with blocks of %i', (figure, blockSize) => {
    const steps = flows.get(figure)!;
    const under = engine();
    const [first] = steps;
    const [up, down] = [bodyLength(steps, 'C', 'block1'), bodyLength(steps, 'S', 'block2')];
    under.request(0, outgoing({ code: first!.code, messageId: 1_234, options: path(first!.path), payload: body(up), blockSize }));
    for (const [index, step] of steps.entries()) {
      if (step.from !== 'C') continue;
      const [request] = sent(under);
      expect(notation(request!)).toBe(expected(step));
      const reply = steps[index + 1]!;
      const { messageId, token } = request!;
      const fields = { type: MessageType.ACK, code: reply.code, messageId, token, options: [option(OptionNumber.ETAG, 'v'), ...options(reply)] };
      feed(under, 0, message({ ...fields, payload: payload(reply.block2, down) }));
    }
    expect(under.poll().events).toMatchObject([{ kind: 'response', message: { payload: body(down) } }]);
  });
});
