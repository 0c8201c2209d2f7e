/** The bootstrap service is killed again and again. BOOTSTRAP_KILL_DEVICES, BOOTSTRAP_KILL_ROUNDS and BOOTSTRAP_KILLS (in a round) change how much of it there is. */
import { bootstrapKills } from './bootstraps/bootstrap-kills.ts';

const told = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

const rounds = Array.from({ length: told('BOOTSTRAP_KILL_ROUNDS', 10) }, (_, i) => (i % 3 === 1 ? 'est' as const : 'psk' as const));
bootstrapKills({ devices: told('BOOTSTRAP_KILL_DEVICES', 200), rounds, kills: told('BOOTSTRAP_KILLS', 6), withinMs: 2_000 });
