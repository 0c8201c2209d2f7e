/** Which endpoints a selector names. */
import type { Selector } from '@cluster/contracts';

/** What is known of an endpoint when it is asked whether it is selected. */
export interface Candidate {
  readonly endpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Paths of the objects and object instances that it registered. */
  readonly paths: readonly string[];
}

/** Whether all that the selector gives holds. */
export function isSelected(candidate: Candidate, { endpoints, endpointPattern, labels = {}, object }: Selector): boolean {
  return (
    (endpoints === undefined || endpoints.includes(candidate.endpoint)) &&
    (endpointPattern === undefined || matchesPattern(candidate.endpoint, endpointPattern)) &&
    Object.entries(labels).every(([key, value]) => candidate.labels[key] === value) &&
    (object === undefined || candidate.paths.some((path) => path === object || path.startsWith(`${object}/`)))
  );
}

/**
 * Whether a name matches: `*` stands for any text, `?` for one character. Takes at most |name| × |pattern| steps: after a
 * mismatch only the last star grows.
 */
export function matchesPattern(name: string, pattern: string): boolean {
  const [text, glob] = [[...name], [...pattern]];
  let at = 0;
  let place = 0;
  let star = -1;
  let grown = 0;
  while (at < text.length) {
    if (glob[place] === '*') {
      star = place++;
      grown = at;
    } else if (glob[place] === '?' || (glob[place] !== undefined && glob[place] === text[at])) {
      place++;
      at++;
    } else if (star >= 0) {
      place = star + 1;
      at = ++grown;
    } else return false;
  }
  while (glob[place] === '*') place++;
  return place === glob.length;
}

/** The text before the first wildcard: no name that matches comes before it. */
export function prefixOf(pattern: string): string {
  return pattern.split(/[*?]/, 1)[0] ?? '';
}
