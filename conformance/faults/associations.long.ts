/** Thousands of associations outlive the edges that hold them, for minutes. KILL_DEVICES, KILL_EDGES, KILL_S and KILL_NOTIFY_S change how many and how long, KILL_NAT=on puts them behind a NAT. */
import { associationKills } from './association-kills.ts';

const told = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

associationKills({
  devices: told('KILL_DEVICES', 5_000), edges: told('KILL_EDGES', 3), forS: told('KILL_S', 240), notifyS: told('KILL_NOTIFY_S', 10), everyS: 20,
  nat: process.env['KILL_NAT'] === 'on',
});
