/** The bootstrap service, for a process that embeds it. */
export type { DeviceSideDeps } from './device/device-side.ts';
export { authorityMounts, type Bootstrap, type BootstrapDeps, type BootstrapPorts, runBootstrap, type RunningBootstrap, startBootstrap, withProvisioning } from './start.ts';
export { wireBootstrap } from './wire.ts';
