/** Who may do what through REST: roles, the grants that callers hold, and what each route asks for. */
import { z } from 'zod';
import { operation } from './commands.ts';
import type { RestRoute } from './rest-routes.ts';

/** What a route lets its caller do. `open`: it asks nobody who they are. */
export type Access = 'open' | 'view' | 'operate' | 'provision' | 'administer';

export const role = z.enum(['viewer', 'operator', 'provisioner', 'admin']);
export type Role = z.infer<typeof role>;

/** What each role may do. */
export const accessOfRole: Readonly<Record<Role, readonly Access[]>> = {
  viewer: ['view'],
  operator: ['view', 'operate'],
  provisioner: ['view', 'provision'],
  admin: ['view', 'operate', 'provision', 'administer'],
};

/** The tenant of every device that belongs to no other. */
export const DEFAULT_TENANT = 'default';
/** Instead of a tenant: all of them. */
export const ALL_TENANTS = '*';

export const tenantName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, ".", "_" or "-"');

const objectPath = z.string().regex(/^\/(\d{1,5}(\/\d{1,5}){0,3})?$/, 'expected /, /object, /object/instance or a path below');

/** Body and answer of an endpoint's tenant. */
export const tenantOfEndpoint = z.strictObject({ tenant: tenantName });
export type TenantOfEndpoint = z.infer<typeof tenantOfEndpoint>;

/** One role at one tenant, perhaps limited to some operations and paths (OMA LwM2M: authorization of commands by resource). */
export const grant = z.strictObject({
  role,
  tenant: z.union([tenantName, z.literal(ALL_TENANTS)]).default(DEFAULT_TENANT).describe('* for every tenant'),
  operations: z.array(operation).min(1).max(20).optional().describe('the only commands that may be given; all unless told'),
  paths: z.array(objectPath).min(1).max(100).optional().describe('the only paths, with what is below them; all unless told'),
});
export type Grant = z.infer<typeof grant>;

/** One static key. The key itself stands nowhere: only its digest. */
export const apiKey = z.strictObject({
  name: z.string().min(1).max(64).describe('tells in the audit log who it was'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the key as 64 hexadecimal digits'),
  grants: z.array(grant).min(1).max(20),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});
export type ApiKey = z.infer<typeof apiKey>;

/** The file of static keys. */
export const apiKeyFile = z.strictObject({ keys: z.array(apiKey).max(1_000) });

/** What provisioners write, beside credentials. */
const PROVISIONED: readonly string[] = ['credentials', 'bootstrap', 'pki'];

/** What a route asks for, unless it says so itself: reading is viewing, and writing is what the tag is about. */
export function accessOf({ access, method, tag }: Pick<RestRoute, 'access' | 'method' | 'tag'>): Access {
  if (access !== undefined) return access;
  if (tag === 'operation') return 'open';
  if (method === 'get') return 'view';
  return PROVISIONED.includes(tag) ? 'provision' : 'operate';
}
