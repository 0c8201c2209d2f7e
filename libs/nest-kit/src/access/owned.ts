/** What belongs to one tenant, or to all: who sees it, and who changes it. */
import type { Access } from '@cluster/contracts';
import { ApiError } from '../problem.ts';
import type { Caller } from './caller.ts';

interface Owned {
  readonly tenant?: string | undefined;
}

/** What one may see: one's own, and what is there for all tenants. */
export function sees(caller: Caller, { tenant }: Owned): boolean {
  return tenant === undefined || caller.may('view', tenant);
}

/** What is another tenant's is as if it were not there; what is everybody's is changed by those who may at every tenant. */
export function checkChange(caller: Caller, access: Access, { tenant }: Owned, unknown: () => ApiError): void {
  if (caller.may(access, tenant)) return;
  if (tenant !== undefined && !caller.may('view', tenant)) throw unknown();
  throw new ApiError(403, 'ACCESS_DENIED', 'The caller may not do this', { detail: `It takes a grant to ${access} at ${tenant ?? 'every tenant'}.` });
}

/** The owner of what the caller makes under a name, which may be there already. */
export function ownerOf(caller: Caller, access: Access, present: Owned | undefined, name: string): { tenant?: string } {
  if (present !== undefined && !caller.may(access, present.tenant)) {
    throw new ApiError(409, 'NAME_TAKEN', 'Another tenant has something of this name', { detail: name });
  }
  const tenant = present === undefined ? caller.tenantFor(access) : present.tenant;
  return tenant === undefined ? {} : { tenant };
}
