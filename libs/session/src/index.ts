/** Endpoint state: sessions, ownership, downlink queues and observations, and the ports that keep them. */
export * from './commands.ts';
export * from './entry.ts';
export * from './identifiers.ts';
export * from './northbound.ts';
export * from './observations.ts';
export * from './ports.ts';
export * from './queue.ts';
export * from './record.ts';
export * from './registration.ts';
