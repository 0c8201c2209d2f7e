/** NOTIFICATION attributes: their consistency and their place in the query (OMA LwM2M Core 1.2 §5.1.2). */
import type { Attributes } from '@cluster/contracts';

/**
 * Why attributes contradict each other; undefined if they don't. Only what stands in one request can be judged here: the
 * device knows the rest. pmax below pmin is no fault: the device ignores pmax then.
 */
export function attributesFault({ lt, gt, st }: Attributes): string | undefined {
  if (typeof lt !== 'number' || typeof gt !== 'number') return undefined;
  if (!(lt < gt)) return 'lt must be less than gt';
  if (typeof st === 'number' && !(lt + 2 * st < gt)) return 'lt + 2 × st must be less than gt';
  return undefined;
}

/** One query for each attribute: `pmin=10`; a bare name unsets (Transport 1.1.1 §6.4.4). */
export function attributeQueries(attributes: Attributes): string[] {
  return Object.entries(attributes).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [value === null ? name : `${name}=${decimal(value)}`];
  });
}

/** Without exponent, which the ABNF of the values does not know. */
function decimal(value: number): string {
  return value.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 20 });
}
