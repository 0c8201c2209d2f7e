/** Endpoint state: sessions, ownership, downlink queues and observations, and the ports that keep them. */
export * from './commands.ts';
export * from './credentials/credential.ts';
export * from './credentials/credential-desk.ts';
export { CredentialLookup, isLive, MAX_CREDENTIAL_AGE_MS } from './credentials/credential-lookup.ts';
export type { CertifiedNames, KnownDevice, PresentedCertificate, PskCandidate } from './credentials/credential-lookup.ts';
export type { CredentialHead, LiveVersion } from './credentials/credential-record.ts';
export * from './credentials/endpoint-binding.ts';
export * from './credentials/store.ts';
export * from './entry.ts';
export * from './identifiers.ts';
export * from './northbound/northbound.ts';
export { endpointChangedValue, registrationValue } from './northbound/views.ts';
export * from './observations.ts';
export * from './ports.ts';
export * from './profile.ts';
export * from './queue.ts';
export * from './record.ts';
export * from './registration.ts';
