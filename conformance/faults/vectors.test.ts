/** Each bad row of the vectors, sent to a running edge: what a device gets for it, table by table. */
import { readFileSync } from 'node:fs';
import { Code, encodeBlock, OptionNumber, type CoapOption } from '@cluster/coap';
import { useBrokers } from '@cluster/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { brokersOf, Member } from '../src/member.ts';
import { RawPeer } from '../src/raw-peer.ts';

const MAX_BODY_BYTES = 16_384;
const BLOCK_BYTES = 1_024;
const LIST = '</1/0>,</3/0>';

let edge: Member;
let peer: RawPeer;
let messageId = 1;

beforeAll(async () => {
  const { redisUrls, kafkaBrokers } = await useBrokers();
  edge = await Member.start('edge', { ...brokersOf(redisUrls, kafkaBrokers), LWM2M_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
});
afterAll(() => edge.remove());
beforeEach(async () => (peer = await RawPeer.open()));
afterEach(() => peer.close());

function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../libs/${name}.json`, import.meta.url), 'utf8')) as T;
}

async function register(query: readonly string[], payload: string, options: readonly CoapOption[] = []): Promise<string | undefined> {
  const request = { code: Code.POST, path: ['rd'], query, payload, contentFormat: 40, messageId: messageId++, options };
  return (await peer.request(edge.coapPort, request))?.code;
}

/** A Register whose list goes block-wise where it is long. */
async function registerList(query: readonly string[], list: string): Promise<string | undefined> {
  if (list.length <= BLOCK_BYTES) return register(query, list);
  const last = Math.ceil(list.length / BLOCK_BYTES) - 1;
  for (let num = 0; ; num++) {
    const part = list.slice(num * BLOCK_BYTES, (num + 1) * BLOCK_BYTES);
    const code = await register(query, part, [encodeBlock(OptionNumber.BLOCK1, { num, more: num < last, szx: 6 })]);
    if (code !== '2.31') return code;
  }
}

describe('rfc7252-coap.json', () => {
  const { badInput } = vectors<{ badInput: { hex: string; why: string; expect: string }[] }>('coap/vectors/rfc7252-coap');

  it.each(badInput)('$why: $expect', async ({ hex, expect: expected }) => {
    await peer.send(edge.coapPort, Buffer.from(hex, 'hex'));
    expect(await peer.ping(edge.coapPort)).toBe(true);
    const answers = peer.received.slice(0, -1);
    const rejected = /RST|format error/.test(expected);
    expect(answers).toMatchObject(rejected ? [{ type: 3, code: 0, messageId: Number.parseInt(hex.slice(4, 8), 16) }] : []);
  });
});

describe('lwm2m-register-query.json', () => {
  const { cases } = vectors<{ cases: { query: string; expect: string; note: string }[] }>('lwm2m/vectors/lwm2m-register-query');
  /** Rows that are refused, with the code where the row leaves a choice or adds words. */
  const refused: Readonly<Record<string, string>> = {
    'ep=node1&lwm2m=1.1': '4.00',
    'lt=300&lwm2m=1.1': '4.00',
    'ep=&lt=300&lwm2m=1.1': '4.00',
    'ep=node1&lt=abc&lwm2m=1.1': '4.00',
    'ep=node1&lt=-1&lwm2m=1.1': '4.00',
    'ep=node1&lt=0&lwm2m=1.1': '4.00',
    'ep=node1&lt=4294967296&lwm2m=1.1': '4.00',
    'ep=node1&lt=300&lwm2m=2.0': '4.12',
    'ep=node1&lt=300&lwm2m=1.9': '4.12',
    'ep=node1&lt=300&lwm2m=x': '4.00',
    'ep=node1&lt=300&lwm2m=1.1&b=X': '4.00',
    'ep=a&ep=b&lt=300&lwm2m=1.1': '4.00',
    'ep=<300 bytes>&lt=300': '4.02', // too long for the option, which is critical (RFC 7252 §5.4.3)
    'ep=node1&lt=300&lwm2m=1.2&pid=6:27354b9a': '4.09',
    'ep=node1&lt=300&lwm2m=1.2&pid="6:27354b9a,v:acme-1"': '4.09',
  };

  it.each(cases)('$query: $expect', async ({ query }) => {
    const parameters = query.replace('<300 bytes>', 'x'.repeat(300)).split('&');
    expect(await register(parameters, query.includes('pid=') ? '' : LIST)).toBe(refused[query] ?? '2.01');
  });

  it('refuses each row that the table names', () => {
    expect(cases.map(({ query }) => query)).toEqual(expect.arrayContaining(Object.keys(refused)));
  });
});

describe('lwm2m-linkformat.json', () => {
  type Row = { payload: string; accept: boolean; expect: unknown; note: string };
  const { register: rows } = vectors<{ register: Row[] }>('lwm2m/vectors/lwm2m-linkformat');
  const bad = rows.filter(({ accept }) => !accept).map((row) => ({ ...row, name: row.note || row.payload }));

  it.each(bad)('$name: $expect', async ({ payload }) => {
    expect(await registerList(['ep=links', 'lt=300', 'lwm2m=1.1'], payload)).toBe('4.00');
  });
});

describe('rfc7959-block.json', () => {
  const { badInput } = vectors<{ badInput: { input: string; expect: string }[] }>('coap/vectors/rfc7959-block');
  const query = ['ep=blocks', 'lt=300', 'lwm2m=1.1'];
  const block = (number: number, value: string): CoapOption => ({ number, value: Buffer.from(value, 'latin1') });

  /** One block of a Register; `text` fills it, unless it is told to be shorter. */
  function block1(num: number, more: boolean, size: number, content: { text?: string; length?: number; options?: CoapOption[] } = {}) {
    const { text = LIST, length = size, options = [] } = content;
    const payload = text.padEnd(length, ' ').slice(0, length);
    return register(query, payload, [encodeBlock(OptionNumber.BLOCK1, { num, more, szx: Math.log2(size) - 4 }), ...options]);
  }

  const plays: Readonly<Record<string, { play: () => Promise<string | undefined>; codes: readonly string[] }>> = {
    'Block1 num gap (0 then 2)': {
      play: async () => (await block1(0, true, 64), block1(2, true, 64)),
      codes: ['4.08'],
    },
    'Block1 size change upward mid-transfer': {
      play: async () => (await block1(0, true, 64), await block1(1, true, 64), block1(1, true, 128)),
      codes: ['4.00', '4.08'],
    },
    'Block1 M=1 with payload != size': { play: () => block1(0, true, 64, { length: 50 }), codes: ['4.00'] },
    'Block2 num past end': {
      // Nothing of the edge is longer than a block, so that there is no end to be past: what can't be read at all, says so.
      play: async () => {
        const options = [encodeBlock(OptionNumber.BLOCK2, { num: 2, more: false, szx: 2 })];
        return (await peer.request(edge.coapPort, { code: Code.GET, path: ['rd'], messageId: messageId++, options }))?.code;
      },
      codes: ['4.05'],
    },
    'Block option length > 3': { play: () => register(query, LIST, [block(OptionNumber.BLOCK1, 'abcd')]), codes: ['4.02'] },
    'SZX=7 over UDP': { play: () => register(query, LIST, [block(OptionNumber.BLOCK1, '\u000f')]), codes: ['4.00'] },
    'body over limit': {
      play: () => block1(0, true, 64, { options: [block(OptionNumber.SIZE1, '\u0040\u0001')] }),
      codes: ['4.13'],
    },
    'second transfer same (endpoint,path) num 0': {
      play: async () => {
        await block1(0, true, 64, { text: 'no list at all' });
        await block1(0, true, 64);
        return block1(1, false, 64, { text: ',</5/0>' });
      },
      codes: ['2.01'],
    },
    'different Request-Tag': {
      play: async () => {
        const tag = (value: string) => ({ options: [block(OptionNumber.REQUEST_TAG, value)] });
        await block1(0, true, 64, tag('a'));
        await block1(0, true, 64, { text: 'no list at all', ...tag('b') });
        return block1(1, false, 64, { text: ',</5/0>', ...tag('a') });
      },
      codes: ['2.01'],
    },
    'Content-Format differs between blocks': {
      play: async () => {
        await block1(0, true, 64);
        const options = [encodeBlock(OptionNumber.BLOCK1, { num: 1, more: true, szx: 2 })];
        const request = { code: Code.POST, path: ['rd'], query, payload: ' '.repeat(64), messageId: messageId++, options };
        return (await peer.request(edge.coapPort, { ...request, contentFormat: 0 }))?.code;
      },
      codes: ['4.08'],
    },
  };

  it.each(badInput)('$input: $expect', async ({ input }) => {
    expect(plays[input]?.codes).toContain(await plays[input]?.play());
  });
});
