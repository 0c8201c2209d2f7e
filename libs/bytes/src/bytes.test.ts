import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, decodeUtf8, decodeUtf8Strict, encodeUtf8, equalBytes, fromHex, hex, toHex } from './index.ts';

const bytes = fc.uint8Array({ maxLength: 80 });

describe('hex', () => {
  it.each(['0', 'zz', '0g', ' 00', '0x12'])('refuses %j', (text) => {
    expect(fromHex(text)).toBeUndefined();
    expect(() => hex(text)).toThrow(RangeError);
  });

  it('reads both cases', () => {
    expect([...hex('00fFAb')]).toEqual([0x00, 0xff, 0xab]);
  });

  it('comes back as it went', () => {
    fc.assert(fc.property(bytes, (value) => equalBytes(hex(toHex(value)), value)));
  });
});

describe('arrays', () => {
  it('tells equal from unequal as the hexadecimal text does', () => {
    fc.assert(fc.property(bytes, bytes, (left, right) => equalBytes(left, right) === (toHex(left) === toHex(right))));
  });

  it('concatenates in order', () => {
    fc.assert(fc.property(fc.array(bytes), (parts) => toHex(concatBytes(parts)) === parts.map(toHex).join('')));
  });
});

describe('text', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string({ maxLength: 40 })), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
        expect(decodeUtf8Strict(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  it('keeps a byte order mark', () => {
    expect(decodeUtf8(hex('efbbbf61'))).toBe('\ufeffa');
  });

  it.each(['ff', 'c0af', 'eda080', '61c3'])('finds %s invalid', (text) => {
    expect(decodeUtf8Strict(hex(text))).toBeUndefined();
    expect(decodeUtf8(hex(text))).toContain('\ufffd');
  });
});
