/** What the REST face needs of the use cases for northbound callers. */
import type { Northbound } from '@cluster/session';

export type NorthboundPort = Pick<
  Northbound,
  | 'endpoint' | 'submit' | 'commands' | 'command' | 'cancel' | 'drop' | 'observations' | 'setObservations' | 'profile'
  | 'setProfile' | 'forget'
>;
