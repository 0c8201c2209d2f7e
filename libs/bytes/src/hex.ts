/** Hexadecimal text of bytes, both ways. */

const DIGITS = '0123456789abcdef';

/** Lower-case hexadecimal text, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += DIGITS[byte >> 4]! + DIGITS[byte & 0x0f]!;
  return text;
}

/** The bytes that hexadecimal text stands for; undefined if it has an odd length or anything but hex digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    const high = digit(text.charCodeAt(index * 2));
    const low = digit(text.charCodeAt(index * 2 + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[index] = (high << 4) | low;
  }
  return bytes;
}

/** Bytes written as a hexadecimal literal, for constants and tests: throws a RangeError where {@link fromHex} gives undefined. */
export function hex(literal: string): Uint8Array {
  const bytes = fromHex(literal);
  if (bytes === undefined) throw new RangeError(`not hexadecimal: ${literal}`);
  return bytes;
}

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
