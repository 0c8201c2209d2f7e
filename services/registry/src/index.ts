/** The registry service, for a process that embeds it. */
export { createRegistry, type Registry } from './app.ts';
export { type DeadLetter, type DeadLetterSink } from './consumers/dead-letters.ts';
export type { NorthboundPort } from './northbound-port.ts';
export { defaultOptions, type RegistryDeps, type RegistryOptions } from './options.ts';
export { type RegistryPorts, type RunningRegistry, startRegistry } from './start.ts';
export { wireRegistry, type WiredRegistry } from './wire.ts';
