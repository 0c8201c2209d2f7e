/** What makes blocks belong together: the method and the options that name the resource and the operation. */
import type { CoapMessage } from '../message/message.ts';
import { OptionNumber } from '../message/options.ts';

const NAMING: readonly number[] = [OptionNumber.URI_HOST, OptionNumber.URI_PORT, OptionNumber.URI_PATH, OptionNumber.URI_QUERY];
/** RFC 9175 §3.3: blocks of different Request-Tags are of different bodies. */
const NAMING_UPLOAD: readonly number[] = [...NAMING, OptionNumber.REQUEST_TAG];
/** Without Request-Tag, which belongs to the body of the request: not every client repeats it with the blocks of the response. */
const NAMING_BODY: readonly number[] = [...NAMING, OptionNumber.ACCEPT];

/** The key of a body that comes by Block1, within its peer. */
export function uploadKey(message: CoapMessage): string {
  return key(message, NAMING_UPLOAD);
}

/** The key of a body that goes by Block2, within its peer. */
export function bodyKey(message: CoapMessage): string {
  return key(message, NAMING_BODY);
}

function key(message: CoapMessage, numbers: readonly number[]): string {
  let text = String(message.code);
  for (const { number, value } of message.options) {
    if (!numbers.includes(number)) continue;
    // The length stands before the value, so that no two lists of options have one key.
    text += `|${number},${value.length}:`;
    for (const byte of value) text += String.fromCharCode(byte);
  }
  return text;
}
