/** How the directory keeps the state and the presence of an endpoint as one word, by which it can list them. */
import type { EndpointsQuery, EndpointState, EndpointSummary } from '@cluster/contracts';

/** State of a directory entry: that of the endpoint, or a word of its own for one that sleeps, or is disabled before or after it de-registered. */
export type DirectoryState = EndpointState | 'asleep' | 'disabled' | 'left-disabled';

/** The words that a query asks for; undefined: all. */
export function directoryStates({ state, presence }: Pick<EndpointsQuery, 'state' | 'presence'>): DirectoryState[] | undefined {
  if (state === undefined && presence === undefined) return undefined;
  return ALL.filter((word) => {
    const summary = summaryState(word);
    return (state === undefined || summary.state === state) && (presence === undefined || summary.presence === presence);
  });
}

const ALL: readonly DirectoryState[] = ['registered', 'asleep', 'disabled', 'left-disabled', 'deregistered', 'expired', 'removed', 'provisioned'];

/** What an entry's word says. */
export function summaryState(word: string): Pick<EndpointSummary, 'state' | 'presence'> {
  if (word === 'asleep') return { state: 'registered', presence: 'asleep' };
  if (word === 'disabled') return { state: 'registered', presence: 'disabled' };
  if (word === 'left-disabled') return { state: 'deregistered', presence: 'disabled' };
  if (word === 'registered') return { state: 'registered', presence: 'awake' };
  return { state: word as EndpointState, presence: 'unknown' };
}
