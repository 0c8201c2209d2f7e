/** One block of a response's body, with the options that belong to it (RFC 7959 §2.4, server's side). */
import { blockSize, encodeBlock } from '../message/block-option.ts';
import { Code } from '../message/codes.ts';
import type { CoapOption } from '../message/message.ts';
import { OptionNumber, optionValue, uintValue } from '../message/options.ts';

/** A response whose payload is a whole body. */
export interface Body {
  readonly code: number;
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

/** The response that carries block `num`; 4.00 if the body ends before it. */
export function sliceBody(body: Body, num: number, szx: number): Body & { readonly more: boolean } {
  const start = num * blockSize(szx);
  const { length } = body.payload;
  if (num > 0 && start >= length) {
    return { code: Code.BAD_REQUEST, options: [], payload: body.payload.subarray(0, 0), more: false };
  }
  const end = Math.min(start + blockSize(szx), length);
  const more = end < length;
  const options = [...body.options, encodeBlock(OptionNumber.BLOCK2, { num, more, szx })];
  if (num === 0 && more) options.push({ number: OptionNumber.SIZE2, value: uintValue(length) });
  return { code: body.code, options, payload: body.payload.subarray(start, end), more };
}

/** The body with an ETag: its own, else one made of its bytes, by which a client notices a change between blocks. */
export function withETag(body: Body): Body {
  if (optionValue(body, OptionNumber.ETAG) !== undefined) return body;
  const etag = { number: OptionNumber.ETAG, value: digest(body.payload) };
  return { ...body, options: [...body.options, etag] };
}

/** FNV-1a, 32 bits: tells versions of a body apart, and protects nothing. */
function digest(bytes: Uint8Array): Uint8Array {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return Uint8Array.of(hash >>> 24, hash >>> 16, hash >>> 8, hash);
}
