/** What the REST face needs of the use cases for northbound callers. */
import type { CredentialDesk, Northbound, TemplateDesk } from '@cluster/session';

export type NorthboundPort = Pick<
  Northbound,
  | 'endpoint' | 'submit' | 'commands' | 'command' | 'cancel' | 'drop' | 'observations' | 'setObservations' | 'profile'
  | 'setProfile' | 'forget' | 'traits' | 'observedFor' | 'faultsOf' | 'tenantOf' | 'setTenant'
>;

/** What the REST face needs of observation templates. */
export type TemplatePort = Pick<TemplateDesk, 'list' | 'get' | 'put' | 'remove'>;

/** Credentials, for which the server needs its secrets. */
export type CredentialsPort = Pick<CredentialDesk, 'list' | 'set' | 'remove' | 'erase'>;
