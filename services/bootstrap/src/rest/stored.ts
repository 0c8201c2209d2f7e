/** What became of a configuration that was to be stored: how it is shown, or the problem. */
import type { ConfigurationPut } from '@cluster/session';
import { problem } from './problems.ts';

export function stored<View>(put: ConfigurationPut<View>, what: string): View {
  switch (put.outcome) {
    case 'stored':
      return put.view;
    case 'malformed':
      throw problem('BOOTSTRAP_CONFIGURATION_MALFORMED', { faults: put.faults });
    case 'full':
      throw problem('BOOTSTRAP_CONFIGURATIONS_FULL', { detail: what });
    case 'unknown-configuration':
      throw problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: what });
  }
}
