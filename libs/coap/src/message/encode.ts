/** The encoder of CoAP messages (RFC 7252 §3): one pass for the size, one for the bytes. */
import { MessageType } from './message.ts';
import type { CoapMessage, CoapOption } from './message.ts';

/** A message that cannot be written: a fault of the caller, never of a peer. */
export class CoapEncodeError extends Error {
  readonly code = 'COAP_ENCODE';
}

const MAX_EXTENDED = 0xffff + 269;
/** Up to here a loop is faster than `set`. */
const SHORT = 24;

/** Writes one message. Throws {@link CoapEncodeError} for a token, number or length that the format cannot hold. */
export function encodeMessage(message: CoapMessage): Uint8Array {
  const { token, payload } = message;
  if (token.length > 8) throw new CoapEncodeError(`token of ${token.length} bytes`);
  const options = ascending(message.options);
  const length = 4 + token.length + optionsLength(options) + (payload.length === 0 ? 0 : 1 + payload.length);
  const bytes = new Uint8Array(length);
  bytes[0] = 0x40 | (message.type << 4) | token.length;
  bytes[1] = message.code;
  bytes[2] = message.messageId >> 8;
  bytes[3] = message.messageId;
  let position = copy(token, bytes, 4);
  position = writeOptions(options, bytes, position);
  if (payload.length > 0) {
    bytes[position++] = 0xff;
    copy(payload, bytes, position);
  }
  return bytes;
}

/** Writes an Empty ACK or RST, the shortest answers there are. */
export function encodeEmpty(type: typeof MessageType.ACK | typeof MessageType.RST, messageId: number): Uint8Array {
  const bytes = new Uint8Array(4);
  bytes[0] = 0x40 | (type << 4);
  bytes[2] = messageId >> 8;
  bytes[3] = messageId;
  return bytes;
}

function ascending(options: readonly CoapOption[]): readonly CoapOption[] {
  for (let index = 1; index < options.length; index++) {
    if (options[index]!.number < options[index - 1]!.number) {
      return options.toSorted((left, right) => left.number - right.number);
    }
  }
  return options;
}

function optionsLength(options: readonly CoapOption[]): number {
  let length = 0;
  let previous = 0;
  for (let index = 0; index < options.length; index++) {
    const { number, value } = options[index]!;
    if (number < 0 || number > 0xffff || value.length > MAX_EXTENDED) {
      throw new CoapEncodeError(`option ${number} of ${value.length} bytes`);
    }
    length += 1 + extendedLength(number - previous) + extendedLength(value.length) + value.length;
    previous = number;
  }
  return length;
}

function writeOptions(options: readonly CoapOption[], bytes: Uint8Array, start: number): number {
  let position = start;
  let previous = 0;
  for (let index = 0; index < options.length; index++) {
    const { number, value } = options[index]!;
    const delta = number - previous;
    bytes[position++] = (nibble(delta) << 4) | nibble(value.length);
    position = writeExtended(delta, bytes, position);
    position = writeExtended(value.length, bytes, position);
    position = copy(value, bytes, position);
    previous = number;
  }
  return position;
}

// RFC 7252 §3.1: 13 stands for one byte more, 14 for two.
function nibble(value: number): number {
  return value < 13 ? value : value < 269 ? 13 : 14;
}

function extendedLength(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2;
}

function writeExtended(value: number, bytes: Uint8Array, position: number): number {
  if (value < 13) return position;
  if (value < 269) {
    bytes[position] = value - 13;
    return position + 1;
  }
  bytes[position] = (value - 269) >> 8;
  bytes[position + 1] = value - 269;
  return position + 2;
}

function copy(from: Uint8Array, to: Uint8Array, position: number): number {
  if (from.length > SHORT) {
    to.set(from, position);
  } else {
    for (let index = 0; index < from.length; index++) to[position + index] = from[index]!;
  }
  return position + from.length;
}
