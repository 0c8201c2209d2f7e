/** Associations outlive the edges that hold them: behind a balancer, and where edges share a port while Redis fails over. */
import { describe } from 'vitest';
import { associationKills } from './kills/association-kills.ts';

const few = { devices: 50, newcomers: 10, sleepers: 6, edges: 3, forS: 12, notifyS: 0.5, everyS: 4 } as const;

describe('behind a balancer', () => {
  associationKills({ ...few, scandium: 0, way: 'balancer', redis: 'frozen' });
});
describe('on one port', () => {
  associationKills({ ...few, scandium: 5, everyS: 6, way: 'shared-port', redis: 'failover' });
});
