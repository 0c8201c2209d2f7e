/**
 * Send: values that a device reports unasked, POST /dp (Transport 1.1.1 §6.4.5, Core 1.1 §6.4.6).
 *
 * Pinned where the sources leave it open: a missing content format is 4.00, another than SenML JSON, SenML CBOR or LwM2M
 * CBOR 4.15 · a payload without any value is 4.00 · a value of an object that isn't registered is 4.04, and so is one of an
 * instance that isn't among those that the object's registration lists; an object that was registered without instances
 * lets all of them pass. One bad value refuses the whole Send: the device keeps it and may repeat it.
 */
import { Code, contentFormat, type CoapMessage } from '@cluster/coap';
import type { ResourceValueJson } from '@cluster/contracts';
import { ContentFormat } from '../content/format.ts';
import type { RegisteredLink } from '../registration/object-links.ts';
import type { DeviceContext } from './device-context.ts';
import { readReport } from './report.ts';

export type SendResult =
  | { readonly ok: true; readonly contentFormat: number; readonly values: ResourceValueJson[] }
  | { readonly ok: false; readonly code: number; readonly detail: string };

const FORMATS: readonly number[] = [ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR, ContentFormat.LWM2M_CBOR];

/** Parses a Send; `nowS`: what relative times refer to. A refusal brings the code to answer with. */
export function parseSend(
  message: Pick<CoapMessage, 'options' | 'payload'>,
  device: DeviceContext & { readonly objectLinks: readonly RegisteredLink[] },
  nowS?: number,
): SendResult {
  const format = contentFormat(message);
  if (format === undefined) return { ok: false, code: Code.BAD_REQUEST, detail: 'Send needs a content format' };
  if (!FORMATS.includes(format)) {
    return { ok: false, code: Code.UNSUPPORTED_CONTENT_FORMAT, detail: `Send is not possible in format ${format}` };
  }
  const { values, decodeError } = readReport(message.payload, format, [], device, nowS);
  if (decodeError !== undefined) return { ok: false, code: Code.BAD_REQUEST, detail: decodeError };
  if (values.length === 0) return { ok: false, code: Code.BAD_REQUEST, detail: 'Send carries no value' };
  const stray = strayPath(values, device.objectLinks);
  if (stray !== undefined) return { ok: false, code: Code.NOT_FOUND, detail: `${stray} is not registered` };
  return { ok: true, contentFormat: format, values };
}

/** The first path that lies in no registered object or instance. */
function strayPath(values: readonly ResourceValueJson[], links: readonly RegisteredLink[]): string | undefined {
  const registered = new Set(links.map(({ path }) => path));
  const withInstances = new Set(links.map(({ path }) => INSTANCE.exec(path)?.[1]));
  return values.find(({ path }) => {
    const [, object = '', instance] = INSTANCE.exec(path) ?? [];
    return !(registered.has(`${object}${instance}`) || (registered.has(object) && !withInstances.has(object)));
  })?.path;
}

/** "/3/0" and what lies below: object and instance. */
const INSTANCE = /^(\/\d+)(\/\d+)/;
