/** Devices lose their observations, in every way that there is. */
import { observationLosses } from './observation-losses.ts';

observationLosses(200);
