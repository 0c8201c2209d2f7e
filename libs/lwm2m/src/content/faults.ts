/** What can be wrong with a payload, a peer's or our own, and the limits that every codec keeps. */

/** Largest payload that is decoded, in bytes. */
export const MAX_PAYLOAD_BYTES = 1_048_576;
/** Most values, paths or records in one payload. */
export const MAX_VALUES = 16_384;

/** Why a payload was refused; stable, for counters and events. */
export type ContentFault =
  | 'FORMAT_UNSUPPORTED'
  | 'TOO_LARGE'
  | 'TOO_MANY_VALUES'
  | 'TOO_DEEP'
  | 'TRUNCATED'
  | 'TRAILING_BYTES'
  | 'MALFORMED'
  | 'NOT_UTF8'
  | 'DUPLICATE'
  | 'BAD_PATH'
  | 'OUTSIDE_BASE'
  | 'BASE_NEEDED'
  | 'VALUE_MISSING'
  | 'VERSION_UNSUPPORTED';

/** A peer's payload is wrong. Thrown inside the codecs only: `decodeContent` and `decodePaths` turn it into a value. */
export class Malformed extends Error {
  readonly code: ContentFault;

  constructor(code: ContentFault, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** `FORMAT`: can't be written in this format · `VALUE`: does not fit its type · `PATH`: outside the base, twice, or at a wrong level. */
export type ContentErrorCode = 'CONTENT_FORMAT' | 'CONTENT_VALUE' | 'CONTENT_PATH';

/** Values that our own caller gave can't be expressed as asked. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
  readonly code: ContentErrorCode;

  constructor(code: ContentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
