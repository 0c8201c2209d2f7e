/** Which endpoint a device may be that proved who it is. OMA Transport 1.1.1 §5.2.6: by table, else by equality. */

/** The endpoint, or why the device is none: 4.00 (Bad Request). */
export type EndpointBinding = { readonly ok: true; readonly endpoint: string } | { readonly ok: false; readonly reason: 'endpoint-differs' };

/** `proved` is the endpoint of the credential; `ep` what the device calls itself in Register or Bootstrap-Request, if it does. */
export function bindEndpoint(proved: string, ep: string | undefined): EndpointBinding {
  return ep === undefined || ep === proved ? { ok: true, endpoint: proved } : { ok: false, reason: 'endpoint-differs' };
}

/**
 * The endpoint that a certificate names, where no credential does: its first URI that is a URN, as endpoint names are
 * (OMA LwM2M Core 1.1 §7.4), else its common name, else its first other name.
 */
export function endpointOfNames(names: { readonly alternative: readonly string[]; readonly common: readonly string[] }): string | undefined {
  return names.alternative.find((name) => name.startsWith('urn:')) ?? names.common[0] ?? names.alternative[0];
}
