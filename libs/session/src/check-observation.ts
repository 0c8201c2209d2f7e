/** Rules of one desired observation, for an endpoint's own list and for templates alike. */
import type { DesiredObservation } from '@cluster/contracts';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { COMPOSITE_ATTRIBUTES } from './observations.ts';

/** All faults of one observation; `at` is its place in what was sent. */
export function checkObservation({ attributes, ...observe }: DesiredObservation, at: string): CommandFault[] {
  const { path, paths } = observe;
  const faults = checkCommand({ op: paths === undefined ? 'observe' : 'observe-composite', ...observe });
  if (attributes !== undefined && path !== undefined) faults.push(...checkCommand({ op: 'write-attributes', path, attributes }));
  if (attributes !== undefined && paths !== undefined) {
    for (const name of Object.keys(attributes) as (keyof typeof attributes)[]) {
      if (COMPOSITE_ATTRIBUTES.includes(name)) continue;
      faults.push({ path: `attributes.${name}`, message: `a composite observation takes ${COMPOSITE_ATTRIBUTES.join(', ')} only` });
    }
  }
  return faults.map(({ path: field, message }) => ({ path: `${at}.${field}`, message }));
}
