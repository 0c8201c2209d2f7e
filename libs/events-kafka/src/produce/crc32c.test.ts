import { hex } from '@cluster/bytes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

// Source: RFC 3720 §B.4, whose checks are in network byte order reversed; the last row is the usual check value.
test.each<[string, Uint8Array, number]>([
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a91_36aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ['32 incrementing bytes', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd_794e],
  ['32 decrementing bytes', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113f_db5c],
  ['123456789', hex('313233343536373839'), 0xe306_9283],
  ['nothing', new Uint8Array(), 0],
])('the check of %s', (_name, bytes, check) => {
  expect(crc32c(bytes, 0, bytes.length)).toBe(check);
});

/** Bit by bit, as the polynomial says. */
function slowly(bytes: Uint8Array): number {
  let check = 0xffff_ffff;
  for (const byte of bytes) {
    check ^= byte;
    for (let bit = 0; bit < 8; bit++) check = check & 1 ? (check >>> 1) ^ 0x82f6_3b78 : check >>> 1;
  }
  return ~check >>> 0;
}

test('any part of any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
    const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
    expect(crc32c(bytes, start, end)).toBe(slowly(bytes.subarray(start, end)));
  }));
});
