/** From a device's CoAP response to what the caller of the command sees. */
import { decodeUtf8Strict } from '@cluster/bytes';
import { Code, contentFormat, formatCode, locationPath, type CoapMessage } from '@cluster/coap';
import type { CommandRequest, CommandResponse } from '@cluster/contracts';
import { toBase64 } from '../content/base64.ts';
import { ContentFormat } from '../content/format.ts';
import { formatPath, parsePath } from '../path.ts';
import { targetPath } from './check-command.ts';
import type { DeviceContext } from './device-context.ts';
import { readReport } from './report.ts';

/**
 * Reads the response to a command. Any code is an answer; only content (2.05) is decoded, and what can't be decoded is
 * told by `decodeError` beside the raw payload. `nowS`: what relative times of SenML refer to.
 */
export function readResponse(command: CommandRequest, message: CoapMessage, device: DeviceContext, nowS?: number): CommandResponse {
  const { code, payload } = message;
  const format = contentFormat(message);
  return {
    code: formatCode(code),
    ...(format !== undefined && { contentFormat: format }),
    ...(payload.length > 0 && { payloadBase64: toBase64(payload) }),
    ...(code === Code.CONTENT && content(command, payload, format, device, nowS)),
    ...(code === Code.CREATED && command.op === 'create' && createdLocation(command, message, device)),
  };
}

type Content = Pick<CommandResponse, 'values' | 'links' | 'decodeError'>;

function content(command: CommandRequest, payload: Uint8Array, format: number | undefined, device: DeviceContext, nowS?: number): Content {
  if (command.op === 'discover' || format === ContentFormat.LINK) return discovered(payload, format);
  return readReport(payload, format, command.paths ? [] : [targetPath(command)], device, nowS);
}

function discovered(payload: Uint8Array, format: number | undefined): Content {
  if (format !== undefined && format !== ContentFormat.LINK) return { decodeError: `Discover answered in format ${format}` };
  const links = decodeUtf8Strict(payload);
  return links === undefined ? { decodeError: 'the links are not UTF-8' } : { links };
}

/** The new instance: Location-Path, else, where a client leaves that out, the id that we chose (row B89). */
function createdLocation(command: CommandRequest, message: CoapMessage, { rootPath }: DeviceContext): Pick<CommandResponse, 'location'> {
  const told = `/${locationPath(message).join('/')}`;
  const path = parsePath(rootPath !== '/' && told.startsWith(`${rootPath}/`) ? told.slice(rootPath.length) : told);
  if (path?.length === 2) return { location: formatPath(path) };
  const chosen = parsePath(command.values?.[0]?.path ?? command.path ?? '/') ?? [];
  return chosen.length < 2 ? {} : { location: formatPath(chosen.slice(0, 2)) };
}
