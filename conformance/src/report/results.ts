/** Results of test cases in the vocabulary of OMA's test events, from what the tests left behind. */
import type { TestCase } from 'vitest/node';
import type { CasePlay } from '../test-case.ts';

export const verdicts = ['Pass', 'Fail', 'Inconclusive', 'Not Applicable', 'Out of Time'] as const;
/**
 * Fail: the server did not show what it must. Inconclusive: the client or the server did not start. Not Applicable: no
 * client can play the case, or the server lacks what it is about. Out of Time: the case did not end in the time it has.
 */
type Verdict = (typeof verdicts)[number];

/** One case as one client played it. */
export interface CaseResult extends CasePlay {
  readonly verdict: Verdict;
  /** Why it is no Pass. */
  readonly reason?: string;
  readonly durationMs: number;
}

/** A case that nobody plays, and why. */
export interface NotApplicable {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

/** The result of a test that plays a case; undefined for any other test. */
export function resultOf(test: TestCase): CaseResult | undefined {
  const { testCase } = test.meta();
  if (testCase === undefined) return undefined;
  const { state, errors = [] } = test.result();
  const durationMs = Math.round(test.diagnostic()?.duration ?? 0);
  if (state === 'passed') return { ...testCase, verdict: 'Pass', durationMs };
  const [error] = errors;
  const reason = error?.message ?? 'the server did not start';
  return { ...testCase, verdict: verdictOf(error), reason, durationMs };
}

function verdictOf(error: { name?: string; message: string } | undefined): Verdict {
  if (error === undefined || error.name === 'Inconclusive') return 'Inconclusive';
  return error.message.startsWith('Test timed out') ? 'Out of Time' : 'Fail';
}

/** By the numbers of the cases, then by clients. */
export function inOrder<T extends { readonly id: string; readonly client?: string }>(entries: readonly T[]): T[] {
  const numberOf = ({ id }: T): number => Number(/\d+$/.exec(id)?.[0] ?? 0);
  return entries.toSorted((a, b) => numberOf(a) - numberOf(b) || (a.client ?? '').localeCompare(b.client ?? ''));
}
