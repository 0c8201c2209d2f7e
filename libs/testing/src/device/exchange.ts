/** Between node-coap's messages and the device's own: options to fields, and answers onto the wire. */
import type { IncomingMessage, OutgoingMessage } from 'coap';
import { ECHO } from './coap-options.ts';
import { firstBlock } from './notifier.ts';
import type { DeviceRequest, DeviceResponse } from './operations.ts';

type Options = NonNullable<IncomingMessage['_packet']['options']>;

/** Reads a request, with the alternate path taken off; undefined where the request isn't under it. */
export function toDeviceRequest(message: IncomingMessage, rootPath: string): DeviceRequest | undefined {
  const options: Options = message._packet.options ?? [];
  const segments = strings(options, 'Uri-Path');
  const root = rootPath.split('/').filter((segment) => segment !== '');
  const isUnderRoot = root.every((segment, i) => segments[i] === segment);
  if (!isUnderRoot && segments.length > 0) return undefined;
  return {
    method: message.method,
    segments: isUnderRoot ? segments.slice(root.length) : segments,
    query: strings(options, 'Uri-Query'),
    contentFormat: number(message.headers['Content-Format']),
    accept: number(message.headers['Accept']),
    observe: number(message.headers['Observe']),
    token: message._packet.token ?? Buffer.alloc(0),
    payload: message.payload,
  };
}

/** Sends the answer to a request. An observation starts with node-coap's stream, whose first value is 1. */
export function respond(request: IncomingMessage, message: OutgoingMessage, response: DeviceResponse): void {
  const { code, content, location, observe } = response;
  message.code = message.statusCode = code;
  if (content !== undefined) message.setOption('Content-Format', content.contentFormat);
  if (location !== undefined) message.setOption('Location-Path', location.map((id) => Buffer.from(String(id))));
  const block1 = (request._packet.options as Options | undefined)?.find((option) => option.name === 'Block1');
  if (block1 !== undefined) message.setOption('Block1', block1.value); // RFC 7959 §2.9.1
  const payload = content === undefined ? undefined : Buffer.from(content.payload);
  if (observe === undefined || payload === undefined) {
    if (isObserveStream(message)) endWithoutObserving(message, payload);
    else message.end(payload);
    return;
  }
  const { options, body } = firstBlock(payload); // node-coap does no blocks on its observe stream
  for (const { name, value } of options) message.setOption(name, value);
  message.write(Buffer.from(body));
}

/** Whether a request carries this Echo. RFC 9175 §2.2 */
export function carriesEcho(request: IncomingMessage, echo: Buffer): boolean {
  const options: Options = request._packet.options ?? [];
  return options.some(({ name, value }) => String(name) === ECHO && echo.equals(value));
}

/** Answers a request by 4.01 with an Echo, which it has to come again with. RFC 9175 §2.3 */
export function challenge(message: OutgoingMessage, echo: Buffer): void {
  message.code = message.statusCode = '4.01';
  message.setOption(ECHO, [echo]);
  if (isObserveStream(message)) endWithoutObserving(message, undefined);
  else message.end();
}

/** Node-coap's observe stream adds Observe to all that is written: for an answer without it, send its packet ourselves. */
function endWithoutObserving(message: OutgoingMessage, payload: Buffer | undefined): void {
  message._packet.code = message.code;
  if (payload !== undefined) message._packet.payload = payload;
  message._send(message, message._packet);
}

function isObserveStream(message: OutgoingMessage): boolean {
  return '_counter' in message;
}

function strings(options: Options, name: string): string[] {
  return options.filter((option) => option.name === name).map((option) => option.value.toString());
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
