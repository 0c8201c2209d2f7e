/** Option numbers and what reads or writes their values (RFC 7252 §5.10 and the RFCs that added to it). */
import { EMPTY_BYTES, decodeUtf8 } from '@cluster/bytes';
import type { CoapMessage, CoapOption } from './message.ts';

/** Option numbers by name; an odd number is critical (RFC 7252 §5.4.1). */
export const OptionNumber = {
  IF_MATCH: 1,
  URI_HOST: 3,
  ETAG: 4,
  IF_NONE_MATCH: 5,
  OBSERVE: 6,
  URI_PORT: 7,
  LOCATION_PATH: 8,
  OSCORE: 9,
  URI_PATH: 11,
  CONTENT_FORMAT: 12,
  MAX_AGE: 14,
  URI_QUERY: 15,
  HOP_LIMIT: 16,
  ACCEPT: 17,
  LOCATION_QUERY: 20,
  BLOCK2: 23,
  BLOCK1: 27,
  SIZE2: 28,
  PROXY_URI: 35,
  PROXY_SCHEME: 39,
  SIZE1: 60,
  ECHO: 252,
  NO_RESPONSE: 258,
  REQUEST_TAG: 292,
} as const;

type HasOptions = Pick<CoapMessage, 'options'>;

/** The value of the first option of a number. */
export function optionValue(message: HasOptions, number: number): Uint8Array | undefined {
  const { options } = message;
  for (let index = 0; index < options.length; index++) {
    const option = options[index]!;
    if (option.number === number) return option.value;
  }
  return undefined;
}

/** The first option of a number as an unsigned integer of at most four bytes; undefined if it is absent or longer. */
export function uintOption(message: HasOptions, number: number): number | undefined {
  const value = optionValue(message, number);
  return value === undefined || value.length > 4 ? undefined : readUint(value);
}

/** Big-endian unsigned integer of up to four bytes; leading zeros are accepted (RFC 7252 §3.2). */
export function readUint(value: Uint8Array): number {
  let result = 0;
  for (let index = 0; index < value.length; index++) result = result * 256 + value[index]!;
  return result;
}

/** The shortest bytes of an unsigned integer below 2^32: zero is no byte at all (RFC 7252 §3.2). */
export function uintValue(value: number): Uint8Array {
  if (value === 0) return EMPTY_BYTES;
  const length = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value < 0x100_0000 ? 3 : 4;
  const bytes = new Uint8Array(length);
  for (let index = length - 1, rest = value; index >= 0; index--, rest >>>= 8) bytes[index] = rest;
  return bytes;
}

/** The texts of all options of a number, in order. */
export function textOptions(message: HasOptions, number: number): string[] {
  const texts: string[] = [];
  for (const option of message.options) {
    if (option.number === number) texts.push(decodeUtf8(option.value));
  }
  return texts;
}

/** The segments of the Uri-Path. */
export function uriPath(message: HasOptions): string[] {
  return textOptions(message, OptionNumber.URI_PATH);
}

/** The arguments of the Uri-Query, each as it came: `lt=60`, `Q`. */
export function uriQuery(message: HasOptions): string[] {
  return textOptions(message, OptionNumber.URI_QUERY);
}

/** The segments of the Location-Path. */
export function locationPath(message: HasOptions): string[] {
  return textOptions(message, OptionNumber.LOCATION_PATH);
}

/** The Content-Format number. */
export function contentFormat(message: HasOptions): number | undefined {
  return uintOption(message, OptionNumber.CONTENT_FORMAT);
}

/** The Observe value: 0 or 1 in a request, a 24-bit sequence number in a notification (RFC 7641 §2). */
export function observeValue(message: HasOptions): number | undefined {
  return uintOption(message, OptionNumber.OBSERVE);
}

/** The options without those of some numbers; the same array if there are none of them. */
export function withoutOptions(options: readonly CoapOption[], ...numbers: readonly number[]): readonly CoapOption[] {
  return options.some((option) => numbers.includes(option.number))
    ? options.filter((option) => !numbers.includes(option.number))
    : options;
}
