/** The messages that the benchmark's devices send, and the values in them. */
import { Code, encodeMessage, MessageType, OptionNumber, uintValue, type CoapOption } from '@cluster/coap';
import { ContentFormat, encodeContent, type ResourceValue } from '@cluster/lwm2m';

/** The resource that is observed, read and sent: the value of a temperature sensor. */
export const RESOURCE = [3303, 0, 5700] as const;
export const RESOURCE_PATH = '/3303/0/5700';

const LINKS =
  '</>;rt="oma.lwm2m";ct="60 110 112 11542 11544",</1>;ver=1.1,</1/0>,</3>;ver=1.1,</3/0>,</4/0>,</5/0>,</3303/0>';
const LIFETIME_S = 86_400;
const DIFFERENT_VALUES = 64;
const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();
const text = (number: number, value: string): CoapOption => ({ number, value: encoder.encode(value) });
const uint = (number: number, value: number): CoapOption => ({ number, value: uintValue(value) });

const RD = text(OptionNumber.URI_PATH, 'rd');
const DP = text(OptionNumber.URI_PATH, 'dp');
const LINK_FORMAT = uint(OptionNumber.CONTENT_FORMAT, ContentFormat.LINK);
const SENML_CBOR = uint(OptionNumber.CONTENT_FORMAT, ContentFormat.SENML_CBOR);
const PARAMETERS = [`lt=${LIFETIME_S}`, 'lwm2m=1.1', 'b=U'].map((value) => text(OptionNumber.URI_QUERY, value));
const LINKS_PAYLOAD = encoder.encode(LINKS);

/** The name of a device, as long as real ones are. */
export function endpointOf(index: number): string {
  return `urn:imei:${String(356_000_000_000_000 + index)}`;
}

/** An address of its own for each device, in 127.0.0.0/8. */
export function addressOf(index: number): string {
  return `127.${10 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;
}

export function registerMessage(index: number, messageId: number, token: Uint8Array): Uint8Array {
  const options = [RD, LINK_FORMAT, text(OptionNumber.URI_QUERY, `ep=${endpointOf(index)}`), ...PARAMETERS];
  return encodeMessage({ type: MessageType.CON, code: Code.POST, messageId, token, options, payload: LINKS_PAYLOAD });
}

/** An Update that says nothing new: by far the most frequent one. */
export function updateMessage(locationId: string, messageId: number, token: Uint8Array): Uint8Array {
  const options = [RD, text(OptionNumber.URI_PATH, locationId)];
  return encodeMessage({ type: MessageType.CON, code: Code.POST, messageId, token, options, payload: EMPTY });
}

export function sendMessage(messageId: number, token: Uint8Array): Uint8Array {
  const payload = payloadOf(ContentFormat.SENML_CBOR, messageId);
  return encodeMessage({ type: MessageType.CON, code: Code.POST, messageId, token, options: [DP, SENML_CBOR], payload });
}

/** A notification, or with type ACK the answer to the request that began the observation. */
export function contentMessage(
  type: MessageType, messageId: number, token: Uint8Array, format: number, observe: number | undefined,
): Uint8Array {
  const options = [uint(OptionNumber.CONTENT_FORMAT, format)];
  if (observe !== undefined) options.unshift(uint(OptionNumber.OBSERVE, observe));
  return encodeMessage({ type, code: Code.CONTENT, messageId, token, options, payload: payloadOf(format, messageId) });
}

/** The answer to a Write. */
export function changedMessage(messageId: number, token: Uint8Array): Uint8Array {
  return encodeMessage({ type: MessageType.ACK, code: Code.CHANGED, messageId, token, options: [], payload: EMPTY });
}

const payloads = new Map<number, Uint8Array[]>();

/** One of a few readings, encoded once for each content format. */
function payloadOf(format: number, n: number): Uint8Array {
  let encoded = payloads.get(format);
  if (encoded === undefined) {
    encoded = Array.from({ length: DIFFERENT_VALUES }, (_, i) => encodeReading(format, 20 + i / 8));
    payloads.set(format, encoded);
  }
  return encoded[n % DIFFERENT_VALUES] ?? EMPTY;
}

function encodeReading(format: number, value: number): Uint8Array {
  const reading: ResourceValue = { path: RESOURCE, type: 'float', value };
  return encodeContent(format, [reading], format === ContentFormat.SENML_CBOR ? [] : RESOURCE, () => undefined);
}
