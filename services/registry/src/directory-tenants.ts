/**
 * Whose the endpoints of the directory are. An entry keeps its tenant as a label of a key that no operator can write; one
 * without it is the default tenant's.
 */
import { ALL_TENANTS, DEFAULT_TENANT, type Labels } from '@cluster/contracts';
import type { DirectoryEntry, DirectoryFilter, ReadModelStore } from '@cluster/session';

const TENANT = '$tenant';
/** Entries looked at in one go, where those of a tenant have no index of their own. */
const CHUNK = 500;

export type Tenants = ReadonlySet<string> | typeof ALL_TENANTS;

/** Labels as the directory keeps them. */
export function withTenant(labels: Labels, tenant: string): Labels {
  return tenant === DEFAULT_TENANT ? labels : { ...labels, [TENANT]: tenant };
}

/** What an entry says of its endpoint: the tenant, and the labels that operators wrote. */
export function ofTenant({ labels: kept = {} }: DirectoryEntry): { tenant: string; labels?: Labels } {
  const { [TENANT]: tenant = DEFAULT_TENANT, ...labels } = kept;
  return { tenant, ...(Object.keys(labels).length === 0 ? {} : { labels }) };
}

type ListOptions = DirectoryFilter & { readonly after?: string; readonly limit: number };

/** {@link ReadModelStore.list} of the endpoints of some tenants. */
export async function listOf(model: Pick<ReadModelStore, 'list'>, tenants: Tenants, options: ListOptions): Promise<DirectoryEntry[]> {
  if (tenants === ALL_TENANTS) return model.list(options);
  const [only] = tenants;
  if (tenants.size === 1 && only !== undefined && only !== DEFAULT_TENANT) return model.list({ ...options, labels: withTenant(options.labels ?? {}, only) });
  const found: DirectoryEntry[] = [];
  const chunk = Math.max(options.limit, CHUNK);
  for (let next: ListOptions = { ...options, limit: chunk }; ; ) {
    const entries = await model.list(next);
    found.push(...entries.filter((entry) => tenants.has(ofTenant(entry).tenant)));
    const last = entries.at(-1);
    if (found.length >= options.limit || entries.length < chunk || last === undefined) return found.slice(0, options.limit);
    next = { ...next, after: last.endpoint };
  }
}
