/** Errors of the bootstrap routes as problem documents, by the codes of the contract. */
import { type ProblemCode, problemCodes } from '@cluster/contracts';
import { ApiError, type ApiErrorDetails } from '@cluster/nest-kit';

export function problem(code: ProblemCode, details: ApiErrorDetails = {}): ApiError {
  const { status, meaning } = problemCodes[code];
  return new ApiError(status, code, meaning, details);
}
