/** Errors that several routes answer with. */
import { ApiError } from '@cluster/nest-kit';

export function endpointUnknown(endpoint: string): ApiError {
  return new ApiError(404, 'ENDPOINT_UNKNOWN', 'No such endpoint is known', { detail: endpoint });
}
