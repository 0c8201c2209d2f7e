/** Whose endpoints are, for what is listed of many. */
import type { SessionStore } from './ports.ts';
import { decodeSession } from './record.ts';

/** Tenants by endpoint, in two round trips; an endpoint that the cluster does not know has none. */
export async function tenantsOf(sessions: Pick<SessionStore, 'resolve' | 'load'>, endpoints: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const asked = [...new Set(endpoints)];
  const numbers = (await sessions.resolve(asked)).filter((number) => number !== undefined);
  const stored = numbers.length === 0 ? [] : await sessions.load(numbers);
  const records = stored.flatMap((session) => (session === undefined ? [] : [decodeSession(session.record)]));
  return new Map(records.map(({ endpoint, tenant }) => [endpoint, tenant]));
}
