/** Opens what callers are asked for, as the configuration says: static keys, an OpenID provider, both or neither. */
import { type Config, openApiKeys } from '@cluster/config';
import type { Logger } from '@cluster/telemetry';
import type { AccessDeps } from './access-control.ts';
import { ApiKeys } from './api-keys.ts';
import { Tokens } from './tokens.ts';

export interface OpenAccess extends Pick<AccessDeps, 'keys' | 'tokens'> {
  close(): void;
}

type Settings = Pick<Config, 'apiKeysFile' | 'oidcIssuer' | 'oidcAudience' | 'oidcRolesClaim' | 'oidcTenantClaim'>;

/** The provider need not be there yet; the file of keys must be. */
export async function openAccess(config: Settings, log: Pick<Logger, 'info' | 'error'>): Promise<OpenAccess> {
  const { oidcIssuer: issuer, oidcAudience: audience, oidcRolesClaim: rolesClaim, oidcTenantClaim: tenantClaim } = config;
  const keys = new ApiKeys([]);
  const file = await openApiKeys(config, (read) => keys.replace(read), log);
  keys.replace(file?.keys ?? []);
  return {
    ...(file === undefined ? {} : { keys }),
    ...(issuer === undefined ? {} : { tokens: new Tokens({ issuer, audience, rolesClaim, tenantClaim }) }),
    close: () => file?.close(),
  };
}
