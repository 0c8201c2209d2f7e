/** Who makes a request, and what the grants of that caller allow. */
import { type Access, accessOfRole, ALL_TENANTS, type Grant, type Operation } from '@cluster/contracts';

/** What a command asks of a device, as far as a grant may be limited to it. */
export interface CommandScope {
  readonly op: Operation;
  readonly paths: readonly string[];
}

export class Caller {
  /** As the audit log names it. */
  readonly name: string;
  readonly grants: readonly Grant[];

  constructor(name: string, grants: readonly Grant[]) {
    this.name = name;
    this.grants = grants;
  }

  /** Where the caller may do this: the tenants, or all of them. `limited`: also by grants for some operations or paths alone. */
  tenants(access: Access, { limited }: { limited: boolean }): ReadonlySet<string> | typeof ALL_TENANTS {
    const names = this.#that(access).filter((grant) => limited || !isLimited(grant)).map(({ tenant }) => tenant);
    return names.includes(ALL_TENANTS) ? ALL_TENANTS : new Set(names);
  }

  /** Whether the caller may do this to what belongs to a tenant; undefined: to all tenants. */
  may(access: Access, tenant: string | undefined): boolean {
    const tenants = this.tenants(access, { limited: access === 'view' });
    return tenants === ALL_TENANTS || (tenant !== undefined && tenants.has(tenant));
  }

  /** Whose the things are that the caller makes for more than one endpoint; undefined: for all tenants. */
  get ownTenant(): string | undefined {
    return this.tenantFor('operate');
  }

  /** The same of what takes another access. */
  tenantFor(access: Access): string | undefined {
    const tenants = this.tenants(access, { limited: false });
    return tenants === ALL_TENANTS ? undefined : tenants.values().next().value;
  }

  /** Whether the caller may give this command to a device of the tenant. */
  mayCommand(tenant: string, { op, paths }: CommandScope): boolean {
    return this.#at(tenant, 'operate').some(
      (grant) => (grant.operations?.includes(op) ?? true) && paths.every((path) => covers(grant, path)),
    );
  }

  /** Whether the caller may see what a device of the tenant has at this path. */
  maySee(tenant: string, path: string): boolean {
    return this.#at(tenant, 'view').some((grant) => covers(grant, path));
  }

  /** Whether the caller may see that there are devices of this tenant, and how they are. */
  maySeeTenant(tenant: string): boolean {
    return this.#at(tenant, 'view').length > 0;
  }

  /** Whether the caller may see all that devices have, of every tenant. */
  get seesAll(): boolean {
    return this.#that('view').some((grant) => grant.tenant === ALL_TENANTS && grant.paths === undefined);
  }

  /** Whether the caller may give every command to every device. */
  get givesAll(): boolean {
    return this.#that('operate').some((grant) => grant.tenant === ALL_TENANTS && !isLimited(grant));
  }

  #that(access: Access): readonly Grant[] {
    return this.grants.filter(({ role }) => accessOfRole[role].includes(access));
  }

  #at(tenant: string, access: Access): readonly Grant[] {
    return this.#that(access).filter((grant) => grant.tenant === ALL_TENANTS || grant.tenant === tenant);
  }
}

/** Whoever asks, where the configuration names neither keys nor a provider. */
export const anybody = new Caller('anybody', [{ role: 'admin', tenant: ALL_TENANTS }]);

function isLimited({ operations, paths }: Grant): boolean {
  return operations !== undefined || paths !== undefined;
}

/** A path covers itself and what is below it. */
function covers({ paths }: Grant, asked: string): boolean {
  return paths?.some((path) => path === '/' || asked === path || asked.startsWith(`${path}/`)) ?? true;
}
