/** Errors of the REST face as RFC 9457 problem documents, each with a stable `code`. */
import type { Problem } from '@cluster/contracts';

export type Fault = NonNullable<Problem['faults']>[number];

export interface ApiErrorDetails {
  readonly detail?: string;
  readonly faults?: readonly Fault[];
  /** Seconds after which the caller may try again; becomes `Retry-After`. */
  readonly retryAfterS?: number;
  readonly cause?: unknown;
}

/** What a request ends with instead of its answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly faults: readonly Fault[] | undefined;
  readonly detail: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: string, title: string, details: ApiErrorDetails = {}) {
    super(title, { cause: details.cause });
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = details.detail;
    this.faults = details.faults;
    this.retryAfterS = details.retryAfterS;
  }

  /** The problem document: RFC 9457 §3.1. */
  toProblem(): Problem {
    return {
      type: `urn:lwm2m:problem:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title: this.title,
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(this.faults === undefined ? {} : { faults: [...this.faults] }),
    };
  }
}

/** 400 with everything that is wrong with the request. */
export function malformed(faults: readonly Fault[], title = 'The request is malformed'): ApiError {
  return new ApiError(400, 'REQUEST_MALFORMED', title, { faults });
}

/** 503 for a store or broker that did not answer: nothing is known about the step. */
export function unavailable(code: string, cause: unknown, detail = 'Nothing is known about the request: repeat it.'): ApiError {
  // Spread, so that callers do not come back in one wave.
  const retryAfterS = 1 + Math.floor(Math.random() * 5);
  return new ApiError(503, code, 'A part that the answer depends on is away', { detail, retryAfterS, cause });
}

const BY_STATUS: Readonly<Record<number, readonly [code: string, title: string]>> = {
  400: ['REQUEST_MALFORMED', 'The request is malformed'],
  404: ['ROUTE_UNKNOWN', 'There is nothing at this address'],
  405: ['METHOD_UNKNOWN', 'The address does not know this method'],
  408: ['REQUEST_TIMEOUT', 'The request took too long to arrive'],
  413: ['BODY_TOO_LARGE', 'The body is too large'],
  414: ['URL_TOO_LONG', 'The address is too long'],
  415: ['MEDIA_TYPE_UNSUPPORTED', 'The body must be application/json'],
  431: ['HEADERS_TOO_LARGE', 'The headers are too large'],
  503: ['UNAVAILABLE', 'The service is not ready'],
};

const UNAVAILABLE_CODES = new Set(['STORE_UNAVAILABLE', 'STORAGE_UNAVAILABLE', 'EVENTS_UNAVAILABLE', 'CONTENDED']);

/** Any error as an {@link ApiError}; what is not known becomes a 500 that tells nothing of its inside. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, status: named, message } = error instanceof Error ? (error as Error & { code?: unknown; status?: unknown }) : {};
  if (typeof code === 'string' && UNAVAILABLE_CODES.has(code)) return unavailable(code, error);
  const status = named ?? statusOf(error);
  const known = typeof status === 'number' ? BY_STATUS[status] : undefined;
  if (known !== undefined && status !== 500) {
    const detail = status === 400 && message !== undefined ? { detail: message } : {};
    return new ApiError(status as number, known[0], known[1], { ...detail, cause: error });
  }
  return new ApiError(500, 'INTERNAL', 'The server failed', { cause: error });
}

/** The status of framework errors: Fastify's `statusCode`, Nest's `getStatus()`. */
function statusOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('statusCode' in error) return error.statusCode;
  return 'getStatus' in error && typeof error.getStatus === 'function' ? error.getStatus() : undefined;
}
