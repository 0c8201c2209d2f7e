/** Bodies that callers serve and send block by block: the engine keeps nothing of them, and its peers see a transfer as any other. */
import { describe, expect, it } from 'vitest';
import { Code, CoapEngine, OptionNumber, blockOption, blockSize, decodeMessage, optionValue, uintOption, type CoapMessage, type Datagram } from '../index.ts';

const IMAGE = Uint8Array.from({ length: 5_000 }, (_, i) => i * 7);
const engine = (seed: number): CoapEngine => new CoapEngine({ rng: { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) } });
const ETAG = { number: OptionNumber.ETAG, value: Uint8Array.of(1, 2, 3) };

/** Lets two engines talk until neither has more to say; `serve` answers requests at the second. */
function talk(client: CoapEngine, server: CoapEngine, serve: (exchange: number, message: CoapMessage) => void): { events: ReturnType<CoapEngine['poll']>['events']; sent: CoapMessage[] } {
  const events: ReturnType<CoapEngine['poll']>['events'] = [];
  const sent: CoapMessage[] = [];
  const pass = (datagrams: readonly Datagram[], to: CoapEngine, from: string): number => {
    for (const { bytes } of datagrams) {
      const decoded = decodeMessage(bytes);
      if (decoded.ok) sent.push(decoded.message);
      to.handle(0, { peer: from, bytes });
    }
    return datagrams.length;
  };
  for (;;) {
    const ours = client.poll();
    events.push(...ours.events);
    const passed = pass(ours.datagrams, server, 'client');
    const theirs = server.poll();
    const earlier = [...theirs.datagrams];
    for (const event of theirs.events) if (event.kind === 'request') serve(event.exchange, event.message);
    if (passed + pass([...earlier, ...server.poll().datagrams], client, 'server') === 0) break;
  }
  return { events, sent };
}

describe('a response of one block', () => {
  it('is put together by a client that asks for each, and kept by nobody', () => {
    const [client, server] = [engine(1), engine(2)];
    let mid = 0;
    client.request(0, { peer: 'server', token: Uint8Array.of(1), messageId: 7, nextMessageId: () => 100 + mid++, code: Code.GET, options: [], blockSize: 512 });
    const { events, sent } = talk(client, server, (exchange, message) => {
      const { num, szx } = blockOption(message, OptionNumber.BLOCK2) ?? { num: 0, szx: 5 };
      const start = num * blockSize(szx);
      const payload = IMAGE.subarray(start, start + blockSize(szx));
      const block2 = { num, szx, more: start + payload.length < IMAGE.length, size: IMAGE.length };
      server.respond(0, exchange, { code: Code.CONTENT, options: [ETAG], payload, block2 });
      expect(server.usage.bodies).toBe(0);
    });
    const [response] = events;
    expect(response?.kind === 'response' && response.message.payload).toEqual(IMAGE);
    const blocks = sent.filter(({ code }) => code === Code.CONTENT);
    expect(blocks).toHaveLength(10);
    expect(blocks.map((one) => uintOption(one, OptionNumber.SIZE2))).toEqual([5_000, ...Array.from({ length: 9 }, () => undefined)]);
  });
});

describe('a request of one block', () => {
  it('is put together by a server, and its answers are told one by one', () => {
    const [client, server] = [engine(3), engine(4)];
    const tag = Uint8Array.of(9, 9);
    const codes: number[] = [];
    let whole: Uint8Array | undefined;
    for (let num = 0; num < 5; num++) {
      const payload = IMAGE.subarray(num * 1_024, (num + 1) * 1_024);
      const block1 = { num, szx: 6, more: num < 4, size: IMAGE.length, tag };
      client.request(0, { peer: 'server', token: Uint8Array.of(num), messageId: num, nextMessageId: () => 999, code: Code.PUT, options: [], payload, block1 });
      const { events, sent } = talk(client, server, (exchange, message) => {
        whole = message.payload;
        server.respond(0, exchange, { code: Code.CHANGED });
      });
      expect(uintOption(sent[0]!, OptionNumber.SIZE1)).toBe(num === 0 ? 5_000 : undefined);
      expect(optionValue(sent[0]!, OptionNumber.REQUEST_TAG)).toEqual(tag);
      for (const event of events) if (event.kind === 'response') codes.push(event.message.code);
    }
    expect(codes).toEqual([Code.CONTINUE, Code.CONTINUE, Code.CONTINUE, Code.CONTINUE, Code.CHANGED]);
    expect(whole).toEqual(IMAGE);
  });

  it('refused as too large is told as that, with the block size that the server would take', () => {
    const [client, server] = [engine(5), engine(6)];
    const block1 = { num: 0, szx: 6, more: true, size: 5_000, tag: Uint8Array.of(1) };
    client.request(0, { peer: 'server', token: Uint8Array.of(1), messageId: 1, nextMessageId: () => 2, code: Code.PUT, options: [], payload: IMAGE.subarray(0, 1_024), block1 });
    const refusing = new CoapEngine({ rng: { uint32: () => 1 }, limits: { maxBodyBytes: 2_048 } });
    const { events } = talk(client, refusing, () => undefined);
    expect(events).toMatchObject([{ kind: 'response', message: { code: Code.REQUEST_ENTITY_TOO_LARGE } }]);
    expect(server.usage.uploads).toBe(0);
  });
});
