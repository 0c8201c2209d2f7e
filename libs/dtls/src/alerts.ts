/** Alerts of TLS (RFC 5246 §7.2) and what a LwM2M client does on each (OMA Transport 1.1.1 §5.2.9). */

/** Alert descriptions by their RFC names. */
export const Alert = {
  CLOSE_NOTIFY: 0,
  UNEXPECTED_MESSAGE: 10,
  BAD_RECORD_MAC: 20,
  RECORD_OVERFLOW: 22,
  HANDSHAKE_FAILURE: 40,
  BAD_CERTIFICATE: 42,
  UNSUPPORTED_CERTIFICATE: 43,
  CERTIFICATE_REVOKED: 44,
  CERTIFICATE_EXPIRED: 45,
  CERTIFICATE_UNKNOWN: 46,
  ILLEGAL_PARAMETER: 47,
  UNKNOWN_CA: 48,
  ACCESS_DENIED: 49,
  DECODE_ERROR: 50,
  DECRYPT_ERROR: 51,
  PROTOCOL_VERSION: 70,
  INSUFFICIENT_SECURITY: 71,
  INTERNAL_ERROR: 80,
  USER_CANCELED: 90,
  NO_RENEGOTIATION: 100,
  UNSUPPORTED_EXTENSION: 110,
  CERTIFICATE_UNOBTAINABLE: 111,
  UNRECOGNIZED_NAME: 112,
  BAD_CERTIFICATE_STATUS_RESPONSE: 113,
  BAD_CERTIFICATE_HASH_VALUE: 114,
  UNKNOWN_PSK_IDENTITY: 115,
} as const;

const WARNING = 1;
const FATAL = 2;

/** A parsed alert record. */
export interface AlertMessage {
  readonly fatal: boolean;
  readonly description: number;
}

/** What the client does: `fail` sends it to its bootstrap server, `retry` makes it try again. */
export type AlertClass = 'fail' | 'retry';

// OMA Transport 1.1.1 §5.2.9
const FAIL: ReadonlySet<number> = new Set([42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115]);
const RETRY: ReadonlySet<number> = new Set([0, 10, 20, 21, 22, 40, 47, 50, 51, 70, 71, 86, 90, 100, 111]);

/** The class the OMA document puts an alert into; undefined for those it doesn't name, which a server shouldn't send. */
export function alertClass(description: number): AlertClass | undefined {
  if (FAIL.has(description)) return 'fail';
  return RETRY.has(description) ? 'retry' : undefined;
}

export function decodeAlert(bytes: Uint8Array): AlertMessage | undefined {
  if (bytes.length !== 2 || (bytes[0] !== WARNING && bytes[0] !== FATAL)) return undefined;
  return { fatal: bytes[0] === FATAL, description: bytes[1]! };
}

/** close_notify and no_renegotiation are warnings; all else ends the handshake. */
export function encodeAlert(description: number): Uint8Array {
  const warning = description === Alert.CLOSE_NOTIFY || description === Alert.NO_RENEGOTIATION;
  return Uint8Array.of(warning ? WARNING : FATAL, description);
}
