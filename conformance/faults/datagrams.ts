/** Hostile datagrams, the same for the same seed: mutations of what devices really send and of the codec's corpus. */
import { readdirSync, readFileSync } from 'node:fs';
import { Code, encodeBlock, OptionNumber } from '@cluster/coap';
import { datagramOf } from '../src/raw-peer.ts';

const CORPUS = new URL('../../libs/coap/fuzz/corpus/', import.meta.url);

/** Draws a whole number below `bound`. */
export type Draw = (bound: number) => number;

/** Mulberry32. */
export function seeded(seed: number): Draw {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

/** Lines of the corpus: hex, `#` begins a comment, `-` is an empty datagram. */
function corpus(): Uint8Array[] {
  const lines = readdirSync(CORPUS).flatMap((file) => readFileSync(new URL(file, CORPUS), 'utf8').split('\n'));
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => Buffer.from(line === '-' ? '' : line, 'hex'));
}

const firstBlock = encodeBlock(OptionNumber.BLOCK1, { num: 0, more: true, szx: 0 });

/** What a registered device sends, and the corpus. */
export function seedsOf(location: readonly string[]): Uint8Array[] {
  const post = { code: Code.POST, messageId: 1 };
  const query = ['ep=mutant', 'lt=60', 'lwm2m=1.1', 'b=U'];
  return [
    datagramOf({ ...post, path: ['rd'], query, payload: '</>;rt="oma.lwm2m";ct=110,</1/0>,</3/0>', contentFormat: 40 }),
    datagramOf({ ...post, path: location, query: ['lt=60'] }),
    datagramOf({ ...post, path: ['dp'], payload: '[{"n":"/3/0/9","v":50}]', contentFormat: 110 }),
    datagramOf({ ...post, path: ['rd'], query, payload: '</1/0>,</3/0>   ', options: [firstBlock] }),
    ...corpus(),
  ];
}

/** One to four small changes: bytes flipped, set, cut out, doubled, another seed's end put on, a new message id. */
export function mutate(draw: Draw, seeds: readonly Uint8Array[]): Uint8Array {
  let bytes = [...seeds[draw(seeds.length)]!];
  for (let changes = 1 + draw(4); changes > 0; changes--) {
    const at = draw(bytes.length + 1);
    const kinds = [
      () => (bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8))),
      () => (bytes[at] = [0x00, 0xff, 0x0d, 0xd0, 0xdd, 0xee, 0x7f, 0x80][draw(8)]!),
      () => bytes.splice(at, 1 + draw(4)),
      () => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + draw(16))),
      () => (bytes = [...bytes.slice(0, at), ...seeds[draw(seeds.length)]!.subarray(-draw(20))]),
      () => (bytes[2 + draw(2)] = draw(256)),
    ];
    kinds[draw(kinds.length)]!();
  }
  return Uint8Array.from(bytes.slice(0, 1_400), (byte) => byte ?? 0);
}
