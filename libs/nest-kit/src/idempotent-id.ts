/** Ids of what callers start: drawn, or made of the idempotency key that they gave. */
import { createHash, randomBytes } from 'node:crypto';

/** 24 characters of base64url. Keys of one tenant are not those of another. */
export function idempotentId(key: string | undefined, tenant: string | undefined): string {
  if (key === undefined) return randomBytes(18).toString('base64url');
  return createHash('sha256').update(tenant === undefined ? '' : `${tenant}/`).update(key).digest('base64url').slice(0, 24);
}
