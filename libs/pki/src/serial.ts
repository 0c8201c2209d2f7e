/** Serial numbers of certificates: random, so that nobody foresees what is signed. RFC 5280 §4.1.2.2, RFC 7925 §4.4 */
import type { RandomBytes } from '@cluster/dtls';

const SERIAL_BYTES = 16;

/** Content of a positive INTEGER with 126 random bits, in its shortest form. */
export function newSerial(random: RandomBytes): Uint8Array {
  const serial = Uint8Array.from(random(SERIAL_BYTES));
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}
