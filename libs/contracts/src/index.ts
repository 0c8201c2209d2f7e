/** The contracts of the cluster: one schema for each event and REST body, from which types, validation and documents come. */
export * from './advice.ts';
export * from './values.ts';
export * from './bootstrap-sessions.ts';
export * from './commands.ts';
export * from './credentials.ts';
export * from './same-json.ts';
export * from './states.ts';
export * from './profile.ts';
export * from './events.ts';
export * from './endpoints.ts';
export * from './observation-templates.ts';
export * from './fleet.ts';
export * from './fleet-examples.ts';
export * from './rest.ts';
export * from './rest-examples.ts';
export * from './rest-routes.ts';
export * from './openapi.ts';
