/** The message flows of RFC 7959 §3, read from the vectors' notation: `C CON 1234 PUT /options 1:0/1/128`. */
import { Code, MessageType, OptionNumber, blockOption, encodeBlock, formatCode, observeValue, parseCode } from '../src/index.ts';
import type { CoapMessage, CoapOption } from '../src/index.ts';
import { body, vectors } from './fixtures.ts';

/** One message of a flow. What the figure leaves open is undefined. */
export interface Step {
  readonly from: string;
  readonly type: MessageType;
  readonly messageId: number | undefined;
  /** A name: other names are other tokens. */
  readonly token: string | undefined;
  /** Method or response code; 0.00 of an empty message. */
  readonly code: number;
  readonly path: string;
  readonly observe: number | undefined;
  readonly block1: string | undefined;
  readonly block2: string | undefined;
}

/** A block in the notation of the flows: `num/more/size`. */
interface Part {
  readonly num: number;
  readonly more: boolean;
  readonly size: number;
}

/** The steps of a figure. */
export function flow(figure: number): Step[] {
  const { flows } = vectors<{ flows: { fig: number; steps: string[] }[] }>('rfc7959-block');
  return expand(flows.find(({ fig }) => fig === figure)!.steps.map(parseStep));
}

/** What a message says in the notation of the flows. */
export function notation(of: CoapMessage): string {
  return written(of.code, observeValue(of), block(of, OptionNumber.BLOCK1), block(of, OptionNumber.BLOCK2));
}

/** Block1 or Block2 of a message as `num/more/size`. */
export function block(of: CoapMessage, number: number): string | undefined {
  const found = blockOption(of, number);
  return found && `${found.num}/${Number(found.more)}/${16 << found.szx}`;
}

/** The option that such a text stands for. */
export function blockOf(number: number, text: string): CoapOption {
  const { num, more, size } = parts(text);
  return encodeBlock(number, { num, more, szx: Math.log2(size) - 4 });
}

/** What a step says, to be compared with {@link notation}. */
export function expected({ code, observe, block1, block2 }: Step): string {
  return written(code, observe, block1, block2);
}

/** The Block options of a step. */
export function blockOptions({ block1, block2 }: Step): CoapOption[] {
  const one = (number: number, text: string | undefined): CoapOption[] => (text === undefined ? [] : [blockOf(number, text)]);
  return [...one(OptionNumber.BLOCK2, block2), ...one(OptionNumber.BLOCK1, block1)];
}

/** The length of the body whose last block is the last with this kind of option: that block is half full. */
export function bodyLength(steps: readonly Step[], from: string, kind: 'block1' | 'block2'): number {
  const last = steps.findLast((step) => step.from === from && step[kind] !== undefined)?.[kind];
  return last === undefined ? 0 : parts(last).num * parts(last).size + parts(last).size / 2;
}

/** One block of a body. */
export function payload(text: string | undefined, length: number): Uint8Array {
  if (text === undefined) return body(0);
  const { num, size } = parts(text);
  return body(length).subarray(num * size, (num + 1) * size);
}

/** Undefined for `...`. */
function parseStep(text: string): Step | undefined {
  if (text === '...') return undefined;
  const [from, type, ...words] = text.split(' ');
  const after = (word: string): string | undefined => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  const blockText = (kind: number): string | undefined =>
    words.find((word) => word.startsWith(`${kind}:`))?.slice(2) ?? after(`Block${kind}`);
  return {
    from: from!,
    type: MessageType[type as keyof typeof MessageType],
    messageId: integer(words[0]),
    token: after('tok'),
    code: words.map(codeOf).find((code) => code !== undefined) ?? Code.EMPTY,
    path: words.find((word) => word !== 'tok' && /^\/?[a-z-]+$/.test(word))?.replace('/', '') ?? '',
    observe: integer(after('Observe')),
    block1: blockText(1),
    block2: blockText(2),
  };
}

function integer(word = ''): number | undefined {
  return /^(0x[\da-f]+|\d+)$/.test(word) ? Number(word) : undefined;
}

/** `2.05` or `GET`. */
function codeOf(word: string): number | undefined {
  return parseCode(word) ?? Code[word as keyof typeof Code];
}

/** Puts in what `...` stands for: the exchanges between the one before and the one after. */
function expand(steps: readonly (Step | undefined)[]): Step[] {
  return steps.flatMap((step, index) => {
    if (step !== undefined) return [step];
    const [request, response, next] = [steps[index - 2]!, steps[index - 1]!, steps[index + 1]!];
    const { num, size } = parts(request.block2!);
    return Array.from({ length: parts(next.block2!).num - num - 1 }, (_, left) => [
      { ...request, messageId: request.messageId! + left + 1, block2: `${num + left + 1}/0/${size}` },
      { ...response, messageId: response.messageId! + left + 1, block2: `${num + left + 1}/1/${size}` },
    ]).flat();
  });
}

function written(code: number, observe: number | undefined, block1: string | undefined, block2: string | undefined): string {
  const fields = Object.entries({ Observe: observe, Block1: block1, Block2: block2 }).filter(([, value]) => value !== undefined);
  return [formatCode(code), ...fields.map(([name, value]) => `${name} ${value}`)].join(' ');
}

function parts(text: string): Part {
  const [num, more, size] = text.split('/').map(Number) as [number, number, number];
  return { num, more: more === 1, size };
}
