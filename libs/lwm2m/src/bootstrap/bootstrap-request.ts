/**
 * Bootstrap-Request and Bootstrap-Pack-Request: what a client says of itself when it asks for its configuration. Decides
 * nothing about who may have one. OMA LwM2M Core 1.1 §6.1.7.1, Core 1.2 §6.1.7.7, Transport 1.1.1 §6.4.2.
 *
 * Pinned where the sources leave it open: `ep` may be missing where the security layer names the device · parameters that
 * are unknown are ignored · a `pct` that is no number gets 4.00, one that can't be written 4.15.
 */
import { Code } from '@cluster/coap';
import { ContentFormat, contentFormatName } from '../content/format.ts';
import { fault, isFault, parseEndpoint, splitQueries, type Parameters, type RegistrationFault } from '../registration/parameters.ts';

export interface BootstrapAsked {
  /** Missing: the security layer is to tell. */
  readonly endpoint?: string;
  /** `pct`: the format that the client wants to be written in. */
  readonly preferredFormat?: number;
}

export type BootstrapRequestResult = ({ readonly ok: true } & BootstrapAsked) | RegistrationFault;

/** Formats that hold an object instance, so that a Bootstrap-Write or a pack can be written in them. */
const WRITTEN: readonly number[] = [
  ContentFormat.SENML_JSON, ContentFormat.SENML_CBOR, ContentFormat.TLV, ContentFormat.LWM2M_JSON, ContentFormat.LWM2M_CBOR,
];
/** OMA LwM2M Core 1.2 §6.1.7.7: a pack names its objects, so TLV can't be one. */
const PACKED: readonly number[] = [ContentFormat.SENML_CBOR, ContentFormat.SENML_JSON, ContentFormat.LWM2M_CBOR];

/** Parses the queries of POST /bs. */
export function parseBootstrapRequest(queries: readonly string[]): BootstrapRequestResult {
  const parameters = splitQueries(queries);
  if (isFault(parameters)) return parameters;
  const endpoint = askedEndpoint(parameters);
  if (isFault(endpoint)) return endpoint;
  const told = parameters.get('pct');
  if (told === undefined) return { ok: true, ...endpoint };
  if (!/^\d{1,5}$/.test(told)) return fault('PREFERRED_FORMAT_INVALID', 'pct is no content format');
  const preferredFormat = Number(told);
  if (!WRITTEN.includes(preferredFormat)) return unsupported(preferredFormat, Code.UNSUPPORTED_CONTENT_FORMAT);
  return { ok: true, ...endpoint, preferredFormat };
}

/** Parses GET /bspack; `accept`: its Accept option. Without one the pack is SenML CBOR. */
export function parsePackRequest(queries: readonly string[], accept: number | undefined): BootstrapRequestResult {
  const parameters = splitQueries(queries);
  if (isFault(parameters)) return parameters;
  const endpoint = askedEndpoint(parameters);
  if (isFault(endpoint)) return endpoint;
  const preferredFormat = accept ?? ContentFormat.SENML_CBOR;
  if (!PACKED.includes(preferredFormat)) return unsupported(preferredFormat, Code.NOT_ACCEPTABLE);
  return { ok: true, ...endpoint, preferredFormat };
}

function askedEndpoint(parameters: Parameters): Pick<BootstrapAsked, 'endpoint'> | RegistrationFault {
  return parameters.get('ep') ? parseEndpoint(parameters, undefined) : {};
}

function unsupported(format: number, code: number): RegistrationFault {
  return fault('PREFERRED_FORMAT_UNSUPPORTED', `${contentFormatName(format)} is not written`, code);
}
