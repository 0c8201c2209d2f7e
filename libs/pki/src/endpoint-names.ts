/**
 * How a certificate names an endpoint, so that a server finds the endpoint by it (OMA Transport 1.1.1 §5.2.6): a URN as a
 * URI of subjectAltName, any name as the common name of the subject.
 */

export interface EndpointNames {
  /** Undefined: the name is too long for one. */
  readonly commonName: string | undefined;
  readonly uri: string | undefined;
}

/** X.520 ub-common-name. RFC 5280 Appendix A.1 */
const MAX_COMMON_NAME = 64;
/** What a URI may have in it (RFC 3986 §2), beside letters and digits. */
const URN = /^urn:[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/;

/** Undefined: a certificate can not name this endpoint. */
export function endpointNames(endpoint: string): EndpointNames | undefined {
  const commonName = endpoint.length > 0 && endpoint.length <= MAX_COMMON_NAME ? endpoint : undefined;
  const uri = URN.test(endpoint) ? endpoint : undefined;
  return commonName === undefined && uri === undefined ? undefined : { commonName, uri };
}
