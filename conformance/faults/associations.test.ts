/** Associations outlive the edges that hold them. */
import { associationKills } from './association-kills.ts';

associationKills({ devices: 50, edges: 2, forS: 20, notifyS: 0.5, everyS: 4 });
