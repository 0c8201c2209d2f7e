/** Ten thousand devices lose their observations: all are restored, at a pace, by as few messages as there can be. */
import { observationLosses } from './observation-losses.ts';

observationLosses(10_000);
