/** The file server at the end of an engine, as devices meet it. */
import { blockOption, Code, CoapEngine, decodeMessage, encodeMessage, MessageType, OptionNumber, optionValue, uintOption, type CoapMessage, type CoapOption } from '@cluster/coap';
import type { PackageReader } from '@cluster/firmware';
import { sealLink } from '@cluster/firmware';
import { CachedReader } from '@cluster/package-storage';
import { KeyRing } from '@cluster/secrets';
import { describe, expect, it } from 'vitest';
import { EchoValues } from './echo-values.ts';
import { FileServer } from './file-server.ts';

const RING = new KeyRing([{ id: 3, bytes: new Uint8Array(32).fill(5) }]);
const IMAGE = Uint8Array.from({ length: 150_000 }, (_, i) => (i * 31) >> 3);
const ID = 'pYw1kJx0Q2mG7nVbT4sZdA';
const DEVICE = 'AAECAwQF';
const HOME = 'udp:192.0.2.1:5000';
const SECURE = 'dtls:192.0.2.1:5000';
const AWAY = 'udp:198.51.100.1:5000';

interface World {
  nowS: number;
  ask(peer: string, link: string, options?: readonly CoapOption[], code?: number): Promise<CoapMessage & { bytes: number }>;
  fetch(peer: string, link: string, size: number): Promise<Uint8Array>;
}

function world(reader: Partial<PackageReader> = {}): World {
  const rng = { uint32: () => 1 };
  const engine = new CoapEngine({ rng });
  const storage: PackageReader = {
    size: (id) => Promise.resolve(id === ID ? IMAGE.length : undefined),
    read: (_id, offset, length) => Promise.resolve(IMAGE.slice(offset, offset + length)),
    ...reader,
  };
  const files = new FileServer({
    reader: new CachedReader(storage, { stretchBytes: 65_536, mostBytes: 131_072 }), ring: RING, rng, nowS: () => it.nowS,
    isAtHome: (device, peer) => Promise.resolve(device === DEVICE && [HOME, SECURE].includes(peer)),
    respond: (exchange, response) => engine.respond(0, exchange, response),
    counters: { served: () => undefined, refused: () => undefined },
  });
  let messageId = 0;
  const it: World = {
    nowS: 1_000,
    async ask(peer, link, options = [], code = Code.GET) {
      const path = ['fw', ...link.split('/')].map((segment) => ({ number: OptionNumber.URI_PATH, value: Buffer.from(segment) }));
      const all = [...path, ...options].sort((a, b) => a.number - b.number);
      engine.handle(0, { peer, bytes: encodeMessage({ type: MessageType.CON, code, messageId: ++messageId, token: Uint8Array.of(1), options: all, payload: new Uint8Array(0) }) });
      const { events, datagrams: [refusal] } = engine.poll();
      for (const event of events) if (event.kind === 'request') files.handle(event);
      for (;;) {
        const datagram = refusal ?? engine.poll().datagrams[0];
        if (datagram !== undefined) {
          const decoded = decodeMessage(datagram.bytes);
          if (decoded.ok) return { ...decoded.message, bytes: datagram.bytes.length };
        }
        await new Promise(setImmediate);
      }
    },
    async fetch(peer, link, szx) {
      const parts: Uint8Array[] = [];
      for (let num = 0; ; num++) {
        const answer = await it.ask(peer, link, [{ number: OptionNumber.BLOCK2, value: Buffer.from([num >> 12, num >> 4, ((num & 0xf) << 4) | szx]) }]);
        expect(answer.code).toBe(Code.CONTENT);
        parts.push(answer.payload);
        if (blockOption(answer, OptionNumber.BLOCK2)?.more !== true) return Buffer.concat(parts);
      }
    },
  };
  return it;
}

const link = (change: Partial<Parameters<typeof sealLink>[1]> = {}) => sealLink(RING, { package: ID, device: DEVICE, expiresAtS: 2_000, ...change });

describe('a package', () => {
  it.each([2, 5, 6])('is fetched in blocks of exponent %i', async (szx) => {
    expect(Buffer.from(await world().fetch(HOME, link(), szx)).equals(IMAGE)).toBe(true);
  });

  it('tells its size with the first block, one strong ETag with each, and its blocks in any order', async () => {
    const device = world();
    const first = await device.ask(HOME, link());
    expect([uintOption(first, OptionNumber.SIZE2), first.payload.length, uintOption(first, OptionNumber.CONTENT_FORMAT)]).toEqual([150_000, 1_024, 42]);
    const late = await device.ask(HOME, link(), [{ number: OptionNumber.BLOCK2, value: Uint8Array.of(0x08, 0x46) }]); // 132 of 1,024 bytes
    expect(Buffer.from(late.payload).equals(IMAGE.subarray(132 * 1_024, 133 * 1_024))).toBe(true);
    const etag = optionValue(first, OptionNumber.ETAG)!;
    expect([etag.length, Buffer.from(etag).equals(optionValue(late, OptionNumber.ETAG)!)]).toEqual([8, true]);
    expect((await device.ask(HOME, link(), [{ number: OptionNumber.ETAG, value: etag }])).code).toBe(Code.VALID);
    expect((await device.ask(HOME, link(), [{ number: OptionNumber.BLOCK2, value: Uint8Array.of(0xff, 0xff, 0xf6) }])).code).toBe(Code.BAD_REQUEST);
  });
});

describe('a block', () => {
  const asked = (num: number, szx: number): CoapOption => ({ number: OptionNumber.BLOCK2, value: Buffer.from([num >> 12, num >> 4, ((num & 0xf) << 4) | szx]) });

  it('of another size than those before it lies where its own size says', async () => {
    const device = world();
    await device.ask(HOME, link(), [asked(0, 6)]);
    const smaller = await device.ask(HOME, link(), [asked(4, 4)]); // RFC 7959 §2.3: byte 1,024 on
    expect(Buffer.from(smaller.payload).equals(IMAGE.subarray(1_024, 1_280))).toBe(true);
    expect(blockOption(smaller, OptionNumber.BLOCK2)).toEqual({ num: 4, szx: 4, more: true });
  });

  it.each<[string, CoapOption]>([
    ['one behind the end', asked(147, 6)],
    ['the reserved size', asked(0, 7)], // RFC 7959 §2.2
  ])('that can not be, %s, is refused by 4.00', async (_name, option) => {
    expect((await world().ask(HOME, link(), [option])).code).toBe(Code.BAD_REQUEST);
  });

  it('is the last one where the package ends', async () => {
    const last = await world().ask(HOME, link(), [asked(146, 6)]);
    expect([last.payload.length, blockOption(last, OptionNumber.BLOCK2)?.more]).toEqual([150_000 - 146 * 1_024, false]);
  });
});

describe('what a link opens', () => {
  it.each([
    ['nothing, made up', () => `${link().slice(0, 20)}${'A'.repeat(38)}`],
    ['nothing, when its time is over', () => link({ expiresAtS: 999 })],
    ['nothing, when the package is gone', () => link({ package: 'A'.repeat(22) })],
    ['nothing, with more behind it', () => `${link()}/x`],
  ])('%s', async (_name, text) => {
    expect((await world().ask(HOME, text())).code).toBe(Code.NOT_FOUND);
  });

  it('ends with its time for those who used it already', async () => {
    const device = world();
    expect((await device.ask(HOME, link())).code).toBe(Code.CONTENT);
    device.nowS = 2_000;
    expect((await device.ask(HOME, link())).code).toBe(Code.NOT_FOUND);
  });

  it('by GET alone', async () => {
    expect((await world().ask(HOME, link(), [], Code.PUT)).code).toBe(Code.METHOD_NOT_ALLOWED);
  });
});

describe('an address that is not the device\'s', () => {
  it('gets no more than a challenge, and the package once it sent that back', async () => {
    const device = world();
    const challenge = await device.ask(AWAY, link());
    expect([challenge.code, challenge.payload.length]).toEqual([Code.UNAUTHORIZED, 0]);
    expect(challenge.bytes).toBeLessThan(70);
    const echo = { number: OptionNumber.ECHO, value: optionValue(challenge, OptionNumber.ECHO)! };
    expect((await device.ask('udp:198.51.100.2:5000', link(), [echo])).code).toBe(Code.UNAUTHORIZED);
    expect((await device.ask(AWAY, link(), [echo])).code).toBe(Code.CONTENT);
    expect((await device.ask(AWAY, link(), [{ number: OptionNumber.BLOCK2, value: Uint8Array.of(0x16) }])).code).toBe(Code.CONTENT);
  });

  it('gets nothing at all with the security of another device, whatever it sends back', async () => {
    const device = world();
    const refused = await device.ask('dtls:198.51.100.1:5000', link());
    expect([refused.code, optionValue(refused, OptionNumber.ECHO)]).toEqual([Code.FORBIDDEN, undefined]);
    const echo = { number: OptionNumber.ECHO, value: new EchoValues(RING, () => device.nowS).make('dtls:198.51.100.1:5000') };
    expect((await device.ask('dtls:198.51.100.1:5000', link(), [echo])).code).toBe(Code.FORBIDDEN);
    expect((await device.ask(SECURE, link())).code).toBe(Code.CONTENT);
  });

  it('gets nothing for a challenge of long ago, or an altered one', async () => {
    const device = world();
    const value = Uint8Array.from(optionValue(await device.ask(AWAY, link()), OptionNumber.ECHO)!);
    const altered = Uint8Array.from(value);
    altered[11]! ^= 1;
    expect((await device.ask(AWAY, link(), [{ number: OptionNumber.ECHO, value: altered }])).code).toBe(Code.UNAUTHORIZED);
    device.nowS += 301;
    expect((await device.ask(AWAY, link(), [{ number: OptionNumber.ECHO, value }])).code).toBe(Code.UNAUTHORIZED);
  });
});

it('a package that is removed meanwhile goes on as far as it is in memory, and is not found then', async () => {
  let removed = false;
  const device = world({ read: (_id, offset, length) => Promise.resolve(removed ? undefined : IMAGE.slice(offset, offset + length)) });
  const block = (num: number): CoapOption => ({ number: OptionNumber.BLOCK2, value: Uint8Array.of(num << 4 | 6) });
  expect((await device.ask(HOME, link(), [block(0)])).code).toBe(Code.CONTENT);
  removed = true;
  expect((await device.ask(HOME, link(), [block(1)])).code).toBe(Code.CONTENT);
  expect((await device.ask(HOME, link(), [{ number: OptionNumber.BLOCK2, value: Uint8Array.of(0x04, 0x06) }])).code).toBe(Code.NOT_FOUND);
});

it('a storage that is away is told by 5.03, and asked again', async () => {
  let away = true;
  const device = world({ read: (_id, offset, length) => (away ? Promise.reject(new Error('away')) : Promise.resolve(IMAGE.slice(offset, offset + length))) });
  const refused = await device.ask(HOME, link());
  expect([refused.code, uintOption(refused, OptionNumber.MAX_AGE)]).toEqual([Code.SERVICE_UNAVAILABLE, 6]);
  away = false;
  expect((await device.ask(HOME, link())).code).toBe(Code.CONTENT);
});
