import { EMPTY_BYTES } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HandshakeFragment } from '../messages/handshake.ts';
import { Reassembly } from './reassembly.ts';

const LIMITS = { maxMessageBytes: 1_000, maxBytes: 2_000 };

function part(sequence: number, body: Uint8Array, offset = 0, end = body.length): HandshakeFragment {
  return { type: 1, sequence, length: body.length, offset, bytes: body.subarray(offset, end) };
}

describe('the reassembly of handshake messages (RFC 6347 §4.2.3)', () => {
  const cuts = fc.array(fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 60 })), { maxLength: 20 });

  it('gives each message once, in order, from overlapping fragments in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { minLength: 1, maxLength: 4 }), cuts, fc.infiniteStream(fc.nat()), (bodies, extra, order) => {
        const fragments = bodies.flatMap((body, sequence) => [
          part(sequence, body, 0, Math.ceil(body.length / 2)),
          ...extra.filter(([at]) => at < body.length).map(([at, size]) => part(sequence, body, at, Math.min(body.length, at + size))),
          ...(body.length > 1 ? [part(sequence, body, Math.ceil(body.length / 2))] : []),
        ]);
        const shuffled = fragments.map((fragment) => [order.next().value as number, fragment] as const).sort(([left], [right]) => left - right);
        const reassembly = new Reassembly(0, LIMITS);
        const whole: Uint8Array[] = [];
        for (const [, fragment] of shuffled) {
          reassembly.add(fragment);
          for (let message = reassembly.take(); message !== undefined; message = reassembly.take()) whole.push(message.body);
        }
        expect(whole).toEqual(bodies);
        expect(reassembly.bytes).toBe(0);
      }),
    );
  });

  it('tells fragments of messages that were taken: the peer sends its flight again', () => {
    const reassembly = new Reassembly(3, LIMITS);
    expect(reassembly.add(part(3, EMPTY_BYTES))).toBe('kept');
    expect(reassembly.take()).toEqual({ type: 1, sequence: 3, body: EMPTY_BYTES });
    expect(reassembly.add(part(3, EMPTY_BYTES))).toBe('old');
    expect(reassembly.nextSequence).toBe(4);
  });

  it.each<[string, HandshakeFragment]>([
    ['too far ahead', part(8, Uint8Array.of(1))],
    ['of a message that is too long', part(1, new Uint8Array(1_001), 0, 1)],
    ['of another type than the message had', { ...part(0, new Uint8Array(900), 4, 5), type: 2 }],
    ['of another length than the message had', part(0, new Uint8Array(901), 4, 5)],
    ['that would hold more than the bound', part(2, new Uint8Array(900), 0, 1)],
  ])('refuses a fragment %s', (_, fragment) => {
    const reassembly = new Reassembly(0, LIMITS);
    expect(reassembly.add(part(0, new Uint8Array(900), 0, 1))).toBe('kept');
    expect(reassembly.add(part(1, new Uint8Array(900), 0, 1))).toBe('kept');
    expect(reassembly.add(fragment)).toBe('refused');
    expect(reassembly.bytes).toBe(1_800);
  });

  it('refuses more than 64 holes', () => {
    const reassembly = new Reassembly(0, LIMITS);
    const body = new Uint8Array(1_000);
    const added = Array.from({ length: 100 }, (_, index) => reassembly.add(part(0, body, 2 * index, 2 * index + 1)));
    expect(added.filter((each) => each === 'kept')).toHaveLength(64);
  });
});
