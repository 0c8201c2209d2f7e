/**
 * Thousands of associations outlive the edges that hold them, for minutes. KILL_DEVICES, KILL_EDGES, KILL_S, KILL_EVERY_S and
 * KILL_NOTIFY_S change how many, how long and how often; KILL_WAY (balancer, shared-port, nat) and KILL_REDIS (frozen,
 * failover) choose one run instead of the two.
 */
import { describe } from 'vitest';
import { associationKills } from './kills/association-kills.ts';
import type { KillSettings } from './kills/kill-world.ts';

const told = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

const many = {
  devices: told('KILL_DEVICES', 5_000), newcomers: 200, sleepers: 20, edges: told('KILL_EDGES', 3), forS: told('KILL_S', 150),
  notifyS: told('KILL_NOTIFY_S', 30), everyS: told('KILL_EVERY_S', 30),
};
const runs: Pick<KillSettings, 'way' | 'redis'>[] = [{ way: 'shared-port', redis: 'failover' }, { way: 'balancer', redis: 'frozen' }];
const { KILL_WAY: way, KILL_REDIS: redis } = process.env;
const chosen = way === undefined ? runs : [{ way, redis: redis ?? 'failover' } as Pick<KillSettings, 'way' | 'redis'>];

describe.each(chosen)('$way, Redis $redis', (run) => {
  associationKills({ ...many, ...run, scandium: run.way === 'nat' ? 0 : 30 });
});
