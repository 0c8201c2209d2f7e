/** CoAP method and response codes (RFC 7252 §12.1, RFC 7959, RFC 8132, RFC 8516) and their dotted text. */

/** Codes by name; each is class << 5 | detail. */
export const Code = {
  EMPTY: 0x00,
  GET: 0x01,
  POST: 0x02,
  PUT: 0x03,
  DELETE: 0x04,
  FETCH: 0x05,
  PATCH: 0x06,
  IPATCH: 0x07,
  CREATED: 0x41,
  DELETED: 0x42,
  VALID: 0x43,
  CHANGED: 0x44,
  CONTENT: 0x45,
  CONTINUE: 0x5f,
  BAD_REQUEST: 0x80,
  UNAUTHORIZED: 0x81,
  BAD_OPTION: 0x82,
  FORBIDDEN: 0x83,
  NOT_FOUND: 0x84,
  METHOD_NOT_ALLOWED: 0x85,
  NOT_ACCEPTABLE: 0x86,
  REQUEST_ENTITY_INCOMPLETE: 0x88,
  CONFLICT: 0x89,
  PRECONDITION_FAILED: 0x8c,
  REQUEST_ENTITY_TOO_LARGE: 0x8d,
  UNSUPPORTED_CONTENT_FORMAT: 0x8f,
  UNPROCESSABLE_ENTITY: 0x96,
  TOO_MANY_REQUESTS: 0x9d,
  INTERNAL_SERVER_ERROR: 0xa0,
  NOT_IMPLEMENTED: 0xa1,
  BAD_GATEWAY: 0xa2,
  SERVICE_UNAVAILABLE: 0xa3,
  GATEWAY_TIMEOUT: 0xa4,
  PROXYING_NOT_SUPPORTED: 0xa5,
} as const;

/** A code as class and two-digit detail: 0x45 is `2.05`. */
export function formatCode(code: number): string {
  return `${code >> 5}.${String(code & 0x1f).padStart(2, '0')}`;
}

/** The code that a text such as `2.05` stands for; undefined if it is none. */
export function parseCode(text: string): number | undefined {
  const match = /^([0-7])\.([0-2][0-9]|3[01])$/.exec(text);
  return match === null ? undefined : (Number(match[1]) << 5) | Number(match[2]);
}

/** Whether a code is a method: 0.01 to 0.31. */
export function isRequest(code: number): boolean {
  return code > 0 && code < 0x20;
}

/** Whether a code is a response: class 2, 4 or 5. */
export function isResponse(code: number): boolean {
  const codeClass = code >> 5;
  return codeClass === 2 || codeClass === 4 || codeClass === 5;
}

/** Whether a response code tells success: class 2. */
export function isSuccess(code: number): boolean {
  return code >> 5 === 2;
}
