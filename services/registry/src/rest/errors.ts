/** Errors that several routes answer with. */
import { ApiError } from '@cluster/nest-kit';

export function endpointUnknown(endpoint: string): ApiError {
  return new ApiError(404, 'ENDPOINT_UNKNOWN', 'No such endpoint is known', { detail: endpoint });
}

/** Nothing was started: whoever asks takes another request for the same one. */
export function keyReused(detail: string): ApiError {
  return new ApiError(422, 'IDEMPOTENCY_KEY_REUSED', 'The idempotency key was used for another request', { detail });
}
