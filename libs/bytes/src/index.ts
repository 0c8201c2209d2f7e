/** Byte helpers that the codecs share. */
export { EMPTY_BYTES, concatBytes, equalBytes } from './arrays.ts';
export { fromHex, hex, toHex } from './hex.ts';
export { partOf } from './part-of.ts';
export { decodeUtf8, decodeUtf8Strict, encodeUtf8 } from './text.ts';
