/** Thousands of devices bootstrap at once. BOOTSTRAP_DEVICES and BOOTSTRAP_PER_S change how many there are, and how many begin in one second. */
import { bootstrapAtScale } from './bootstraps/bootstrap-scale.ts';

const told = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

bootstrapAtScale({ devices: told('BOOTSTRAP_DEVICES', 5_000), startPerSecond: told('BOOTSTRAP_PER_S', 5_000) });
