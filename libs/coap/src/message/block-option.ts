/** The value of Block1 and Block2: block number, whether more follow, size exponent (RFC 7959 §2.2). */
import type { CoapMessage, CoapOption } from './message.ts';
import { optionValue, readUint, uintValue } from './options.ts';

/** One block: `num` counts blocks of 2^(szx+4) bytes. */
export interface Block {
  readonly num: number;
  readonly more: boolean;
  /** 0 to 6 over datagrams; 7 is reserved there (BERT of RFC 8323 on streams). */
  readonly szx: number;
}

const MAX_SZX = 6;
export const RESERVED_SZX = 7;
export const MAX_BLOCK_NUM = 0xf_ffff;

/** Bytes in a block of a size exponent. */
export function blockSize(szx: number): number {
  return 16 << szx;
}

/** The largest size exponent whose blocks are not larger than `bytes` (16 at least, 1024 at most). */
export function szxFor(bytes: number): number {
  let szx = MAX_SZX;
  while (szx > 0 && blockSize(szx) > bytes) szx--;
  return szx;
}

/** The Block option of a number; undefined if it is absent or longer than three bytes. */
export function blockOption(message: Pick<CoapMessage, 'options'>, number: number): Block | undefined {
  const value = optionValue(message, number);
  return value === undefined || value.length > 3 ? undefined : decodeBlock(value);
}

/** Reads a Block value of at most three bytes. */
function decodeBlock(value: Uint8Array): Block {
  const bits = readUint(value);
  return { num: bits >>> 4, more: (bits & 0x08) !== 0, szx: bits & 0x07 };
}

/** Writes a Block option. */
export function encodeBlock(number: number, block: Block): CoapOption {
  return { number, value: uintValue((block.num << 4) | (block.more ? 0x08 : 0) | block.szx) };
}
