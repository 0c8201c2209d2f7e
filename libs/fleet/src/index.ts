/** Groups of endpoints and jobs over them: what they are, how they change, and the ports that keep them. */
export * from './campaign/update-id.ts';
export * from './campaign/windows.ts';
export * from './command-key.ts';
export * from './device.ts';
export * from './job.ts';
export * from './pace.ts';
export * from './ports.ts';
export * from './selection.ts';
export * from './selector.ts';
