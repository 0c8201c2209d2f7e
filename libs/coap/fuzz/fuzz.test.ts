/** Hostile datagrams: the committed corpus and seeded mutations of it. No exception escapes, nothing grows beyond its bound. */
import { readFileSync, readdirSync } from 'node:fs';
import { EMPTY_BYTES, hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { CoapEngine, Code, decodeMessage } from '../src/index.ts';
import type { CoapEvent, Rng } from '../src/index.ts';
import { body, outgoing, seededRng } from '../test/fixtures.ts';

const CORPUS = new URL('corpus/', import.meta.url);

/** Each file is one sequence of datagrams, one a line; `#` begins a comment, `-` is an empty datagram. */
const sequences = readdirSync(CORPUS).map((file) => ({
  file,
  datagrams: readFileSync(new URL(file, CORPUS), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => (line === '-' ? EMPTY_BYTES : hex(line))),
}));
const seeds = sequences.flatMap(({ datagrams }) => datagrams);

const LIMITS = {
  maxPeers: 20,
  exchangesPerPeer: 4,
  maxAnswerBytes: 3_000,
  queuedRequestsPerPeer: 3,
  maxRequests: 30,
  maxBodyBytes: 2_000,
  uploadsPerPeer: 2,
  maxUploads: 10,
  maxUploadBytes: 8_000,
  bodiesPerPeer: 2,
  maxBodies: 10,
  maxStoredBodyBytes: 8_000,
};

const below = (rng: Rng, bound: number): number => rng.uint32() % bound;

/** One to four small changes: bytes flipped, set, cut out, doubled, or another seed's end put on. */
function mutate(rng: Rng, original: Uint8Array): Uint8Array {
  let bytes = [...original];
  for (let changes = 1 + below(rng, 4); changes > 0; changes--) {
    const at = below(rng, bytes.length + 1);
    const kinds = [
      () => (bytes[at] = (bytes[at] ?? 0) ^ (1 << below(rng, 8))),
      () => (bytes[at] = [0x00, 0xff, 0x0d, 0xd0, 0xdd, 0xee, 0x7f, 0x80][below(rng, 8)]!),
      () => bytes.splice(at, 1 + below(rng, 4)),
      () => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + below(rng, 16))),
      () => (bytes = [...bytes.slice(0, at), ...seeds[below(rng, seeds.length)]!.subarray(-below(rng, 20))]),
      () => (bytes[2 + below(rng, 2)] = below(rng, 4)),
    ];
    kinds[below(rng, kinds.length)]!();
  }
  return Uint8Array.from(bytes.slice(0, 1_500), (byte) => byte ?? 0);
}

/** A caller that does anything a caller may do. */
function act(under: CoapEngine, rng: Rng, nowMs: number, event: CoapEvent): void {
  if (event.kind !== 'request' && event.kind !== 'unsolicited') return;
  const { exchange } = event;
  const choices = [
    () => under.respond(nowMs, exchange, { code: Code.CONTENT, payload: body(below(rng, 3_000)) }),
    () => under.respond(nowMs, exchange, { code: Code.CHANGED }),
    () => under.acknowledge(nowMs, exchange),
    () => under.reject(nowMs, exchange),
    () => under.abandon(exchange),
    () => {},
    () => under.acknowledge(nowMs, below(rng, 2 ** 30)),
  ];
  choices[below(rng, choices.length)]!();
}

function request(under: CoapEngine, rng: Rng, nowMs: number, peer: string): void {
  const token = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1);
  const code = [Code.GET, Code.PUT, Code.FETCH][below(rng, 3)]!;
  const sizes = { blockSize: 32, ...(below(rng, 2) === 0 && { responseBlockSize: 16 }) };
  const payload = body(below(rng, 200));
  const id = under.request(nowMs, outgoing({ peer, token, code, ...sizes, payload, confirmable: below(rng, 4) > 0 }));
  if (below(rng, 8) === 0) under.cancel(id);
}

describe('hostile datagrams', () => {
  it.each(sequences)('$file as it stands', ({ datagrams }) => {
    const under = new CoapEngine({ rng: seededRng(), limits: LIMITS });
    for (const [index, bytes] of datagrams.entries()) under.handle(index, { peer: 'peer', bytes });
    expect(under.counters.datagramsIn).toBe(datagrams.length);
    expect(under.poll().datagrams.length).toBeLessThanOrEqual(datagrams.length);
  });

  it('as mutations of the corpus raise nothing and leave every bound kept', () => {
    const rng = seededRng(20_251);
    const under = new CoapEngine({ rng, limits: LIMITS, parameters: { separateAfterMs: 1_000 } });
    let nowMs = 0;
    for (let round = 0; round < 30_000; round++) {
      nowMs += below(rng, 400);
      const peer = `peer ${below(rng, 30)}`;
      const seed = seeds[below(rng, seeds.length)]!;
      under.handle(nowMs, { peer, bytes: below(rng, 3) === 0 ? seed : mutate(rng, seed) });
      if (below(rng, 10) === 0) request(under, rng, nowMs, peer);
      if (below(rng, 3) === 0) under.timeout(nowMs);
      for (const event of under.poll().events) act(under, rng, nowMs, event);
      const { usage } = under;
      expect(usage.peers).toBeLessThanOrEqual(LIMITS.maxPeers);
      expect(usage.answerBytes).toBeLessThanOrEqual(LIMITS.maxAnswerBytes);
      expect(usage.requests).toBeLessThanOrEqual(LIMITS.maxRequests);
      expect(usage.uploads).toBeLessThanOrEqual(LIMITS.maxUploads);
      expect(usage.uploadBytes).toBeLessThanOrEqual(LIMITS.maxUploadBytes);
      expect(usage.bodies).toBeLessThanOrEqual(LIMITS.maxBodies);
      expect(usage.bodyBytes).toBeLessThanOrEqual(LIMITS.maxStoredBodyBytes);
      expect(usage.timers).toBeLessThanOrEqual(300);
    }
    expect(Object.values(under.counters.malformed).every((count) => count > 0)).toBe(true);
    for (let quiet = 0; quiet < 1_000 && under.usage.timers > 0; quiet++) under.timeout((nowMs += 1_000));
    expect(under.usage).toEqual({ peers: 0, answerBytes: 0, requests: 0, timers: 0, uploads: 0, uploadBytes: 0, bodies: 0, bodyBytes: 0 });
  });

  it('get no answer from the engine itself that is larger than they are', () => {
    const rng = seededRng(4_711);
    const under = new CoapEngine({ rng, limits: LIMITS });
    for (let round = 0; round < 20_000; round++) {
      const bytes = mutate(rng, seeds[below(rng, seeds.length)]!);
      under.handle(round * 50, { peer: `peer ${below(rng, 50)}`, bytes });
      under.timeout(round * 50);
      const { datagrams, events } = under.poll();
      for (const event of events) if ('exchange' in event) under.abandon(event.exchange);
      expect(datagrams.reduce((sum, datagram) => sum + datagram.bytes.length, 0)).toBeLessThanOrEqual(bytes.length);
      for (const answer of datagrams) expect(decodeMessage(answer.bytes).ok).toBe(true);
    }
  });
});
