/** CRC-32C (Castagnoli), by which a record batch is checked. RFC 3720 §12.1; eight bytes at a time by tables. */

/** The polynomial 0x1edc6f41, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;

/** Table k holds the check of a byte that k more bytes follow. */
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables();

type Tables = [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

function tables(): Tables {
  const made: Int32Array[] = [Int32Array.from({ length: 256 }, (_, byte) => shifted(byte, 8))];
  while (made.length < 8) made.push(made.at(-1)!.map((check) => (check >>> 8) ^ made[0]![check & 0xff]!));
  return made as Tables;
}

function shifted(check: number, bits: number): number {
  let rest = check;
  for (let bit = 0; bit < bits; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
}

/** The check of `bytes` from `start` to `end`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let check = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    check ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    check =
      T7[check & 0xff]! ^ T6[(check >>> 8) & 0xff]! ^ T5[(check >>> 16) & 0xff]! ^ T4[check >>> 24]! ^
      T3[bytes[at + 4]!]! ^ T2[bytes[at + 5]!]! ^ T1[bytes[at + 6]!]! ^ T0[bytes[at + 7]!]!;
  }
  for (; at < end; at++) check = (check >>> 8) ^ T0[(check ^ bytes[at]!) & 0xff]!;
  return ~check >>> 0;
}
