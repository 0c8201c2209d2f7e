/** Which endpoint a device may be that proved who it is. OMA Transport 1.1.1 §5.2.6: by equality or by table. */
import type { CertifiedNames, KnownDevice } from './credential-lookup.ts';

/** The endpoint, or why the device is none: 4.00 (Bad Request). */
export type EndpointBinding =
  | { readonly ok: true; readonly endpoint: string }
  | { readonly ok: false; readonly reason: 'endpoint-differs' | 'endpoint-missing' };

/** `ep` is what the device calls itself in Register or Bootstrap-Request; it may leave that out where it has one name alone. */
export function bindEndpoint(proved: KnownDevice | CertifiedNames, ep: string | undefined): EndpointBinding {
  const endpoints = 'endpoint' in proved ? [proved.endpoint] : proved.endpoints;
  const [only, ...others] = endpoints;
  if (ep === undefined) return only !== undefined && others.length === 0 ? { ok: true, endpoint: only } : { ok: false, reason: 'endpoint-missing' };
  return endpoints.includes(ep) ? { ok: true, endpoint: ep } : { ok: false, reason: 'endpoint-differs' };
}
