/** A few kills of the bootstrap service under devices that bootstrap; many are in `bootstrap-kills.long.ts`. */
import { bootstrapKills } from './bootstraps/bootstrap-kills.ts';

bootstrapKills({ devices: 20, rounds: ['psk', 'est'], kills: 1, withinMs: 1_000 });
