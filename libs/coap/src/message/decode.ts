/** The strict decoder of CoAP datagrams: RFC 7252 §3 to the letter, faults as values. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { Code, isRequest, isResponse } from './codes.ts';
import { MessageType, NO_OPTIONS } from './message.ts';
import type { CoapMessage, CoapOption } from './message.ts';

/** Every way in which bytes can fail to be a CoAP message. */
export const DECODE_FAULTS = [
  'too-short',
  'version',
  'token-length',
  'code-class',
  'type-code',
  'not-empty',
  'option-delta',
  'option-length',
  'option-number',
  'option-truncated',
  'too-many-options',
  'empty-payload',
] as const;
export type DecodeFault = (typeof DECODE_FAULTS)[number];

/** What of a malformed message can be told for sure: a CON with a format error is rejected by RST (RFC 7252 §4.2). */
export interface MalformedHeader {
  readonly type: MessageType;
  readonly messageId: number;
}

export type Decoded =
  | { readonly ok: true; readonly message: CoapMessage }
  | { readonly ok: false; readonly fault: DecodeFault; readonly header?: MalformedHeader };

/** Options in one message; more than any use of CoAP asks for, few enough that none can be built to be slow. */
export const MAX_OPTIONS = 128;

const HEADER_LENGTH = 4;
const MAX_TOKEN_LENGTH = 8;
const PAYLOAD_MARKER = 0xff;

/** Reads one datagram. The message's byte arrays are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): Decoded {
  if (bytes.length < HEADER_LENGTH) return { ok: false, fault: 'too-short' };
  const first = bytes[0]!;
  // RFC 7252 §3: messages with unknown version numbers are silently ignored, so no header is told.
  if (first >> 6 !== 1) return { ok: false, fault: 'version' };
  const type = ((first >> 4) & 0x03) as MessageType;
  const tokenLength = first & 0x0f;
  const code = bytes[1]!;
  const messageId = (bytes[2]! << 8) | bytes[3]!;
  const fault = headerFault(type, code, tokenLength, bytes.length);
  if (fault !== undefined) return malformed(fault, type, messageId);

  const optionsStart = HEADER_LENGTH + tokenLength;
  const token = tokenLength === 0 ? EMPTY_BYTES : view(bytes, HEADER_LENGTH, optionsStart);
  if (optionsStart === bytes.length) {
    return { ok: true, message: { type, code, messageId, token, options: NO_OPTIONS, payload: EMPTY_BYTES } };
  }
  const options: CoapOption[] = [];
  const end = readOptions(bytes, optionsStart, options);
  if (typeof end === 'string') return malformed(end, type, messageId);
  const payload = end === bytes.length ? EMPTY_BYTES : view(bytes, end, bytes.length);
  return { ok: true, message: { type, code, messageId, token, options, payload } };
}

function headerFault(type: MessageType, code: number, tokenLength: number, length: number): DecodeFault | undefined {
  // RFC 7252 §3: lengths 9-15 are reserved and must be processed as a message format error.
  if (tokenLength > MAX_TOKEN_LENGTH) return 'token-length';
  if (code === Code.EMPTY) {
    // RFC 7252 §4.1: the Token Length field of an Empty message is 0 and nothing follows the message id.
    if (tokenLength !== 0 || length > HEADER_LENGTH) return 'not-empty';
    // RFC 7252 §4.3: a NON must not be Empty.
    return type === MessageType.NON ? 'type-code' : undefined;
  }
  const request = isRequest(code);
  if (!request && !isResponse(code)) return 'code-class';
  // RFC 7252 §4.2: an ACK carries a response or is Empty, a RST is Empty.
  if (type === MessageType.RST || (type === MessageType.ACK && request)) return 'type-code';
  return HEADER_LENGTH + tokenLength > length ? 'token-length' : undefined;
}

/** As `subarray`, but twice as fast where the bytes are a Buffer. */
function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

function malformed(fault: DecodeFault, type: MessageType, messageId: number): Decoded {
  return { ok: false, fault, header: { type, messageId } };
}

/** Fills `options` and returns where the payload begins (the end of the bytes if there is none), or the fault. */
function readOptions(bytes: Uint8Array, start: number, options: CoapOption[]): number | DecodeFault {
  const end = bytes.length;
  let position = start;
  let number = 0;
  while (position < end) {
    const head = bytes[position++]!;
    // RFC 7252 §3: a marker followed by a zero-length payload is a message format error.
    if (head === PAYLOAD_MARKER) return position === end ? 'empty-payload' : position;
    let delta = head >> 4;
    let length = head & 0x0f;
    // RFC 7252 §3.1: 15 is reserved for the payload marker.
    if (delta === 15) return 'option-delta';
    if (length === 15) return 'option-length';
    if (delta >= 13) {
      const wide = delta - 12;
      if (position + wide > end) return 'option-truncated';
      delta = wide === 1 ? bytes[position]! + 13 : ((bytes[position]! << 8) | bytes[position + 1]!) + 269;
      position += wide;
    }
    if (length >= 13) {
      const wide = length - 12;
      if (position + wide > end) return 'option-truncated';
      length = wide === 1 ? bytes[position]! + 13 : ((bytes[position]! << 8) | bytes[position + 1]!) + 269;
      position += wide;
    }
    number += delta;
    if (number > 0xffff) return 'option-number';
    if (position + length > end) return 'option-truncated';
    if (options.length === MAX_OPTIONS) return 'too-many-options';
    options.push({ number, value: length === 0 ? EMPTY_BYTES : view(bytes, position, position + length) });
    position += length;
  }
  return end;
}
