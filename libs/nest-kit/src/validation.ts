/** Validates bodies, queries and parameters by the zod schema that a handler names: all faults at once. */
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { malformed } from './problem.ts';

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const MAX_FAULTS = 50;

/** What is at fault, by its names: "values.0.path"; the whole is "". */
function faultPath(issue: Issue): string {
  return (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.');
}

/** For `@Body({ schema })`, `@Query({ schema })` and `@Param(name, { schema })`. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      malformed(issues.slice(0, MAX_FAULTS).map((issue) => ({ path: faultPath(issue), message: issue.message }))),
  });
}
