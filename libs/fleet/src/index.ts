/** Groups of endpoints and jobs over them: what they are, how they change, and the ports that keep them. */
export * from './campaign/advance.ts';
export * from './campaign/campaign.ts';
export * from './campaign/device.ts';
export * from './campaign/outcome.ts';
export * from './campaign/request-faults.ts';
export * from './campaign/start.ts';
export * from './campaign/tally.ts';
export * from './campaign/update-id.ts';
export * from './campaign/view.ts';
export * from './campaign/windows.ts';
export * from './command-key.ts';
export * from './device.ts';
export * from './job.ts';
export * from './pace.ts';
export * from './ports.ts';
export * from './selection.ts';
export * from './selector.ts';
