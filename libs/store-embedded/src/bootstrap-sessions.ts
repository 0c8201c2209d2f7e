/** Bootstrap sessions: one row each, and the oldest beyond the bounds are deleted. */
import type { BootstrapSessionStore } from '@cluster/session';
import type { Database } from './database.ts';

const PUT = 'INSERT OR REPLACE INTO store_bootstrap_sessions VALUES (?, ?, ?, ?, ?)';
/** The summary stays listed; an endpoint keeps only its newest records. */
const STRIP = `UPDATE store_bootstrap_sessions SET record = NULL WHERE endpoint = ?1 AND record IS NOT NULL AND id NOT IN (
  SELECT id FROM store_bootstrap_sessions WHERE endpoint = ?1 AND record IS NOT NULL ORDER BY id DESC LIMIT ?2)`;
const CUT = `DELETE FROM store_bootstrap_sessions WHERE outcome = ?1 AND record IS NULL AND id NOT IN (
  SELECT id FROM store_bootstrap_sessions WHERE outcome = ?1 ORDER BY id DESC LIMIT ?2)`;

export function bootstrapSessionKeeper(database: Database): BootstrapSessionStore {
  return {
    putBootstrapSession: ({ id, endpoint, outcome, record, summary }, { perEndpoint, inAll }) =>
      database.write(() => {
        database.run(PUT, id, endpoint, outcome, perEndpoint === 0 ? null : record, summary);
        database.run(STRIP, endpoint, perEndpoint);
        database.run(CUT, outcome, inAll);
      }),
    bootstrapSessionsOf: (endpoint) =>
      database.read(() => database
        .all('SELECT record FROM store_bootstrap_sessions WHERE endpoint = ? AND record IS NOT NULL ORDER BY id DESC', endpoint)
        .map((row) => String(row['record']))),
    bootstrapSession: (endpoint, id) =>
      database.read(() => {
        const record = database.get('SELECT record FROM store_bootstrap_sessions WHERE endpoint = ? AND id = ?', endpoint, id)?.['record'];
        return record === undefined || record === null ? undefined : String(record);
      }),
    bootstrapSessions: ({ outcome, before = '~', limit }) =>
      database.read(() => database
        .all('SELECT id, summary FROM store_bootstrap_sessions WHERE id < ?1 AND (?2 IS NULL OR outcome = ?2) ORDER BY id DESC LIMIT ?3', before, outcome ?? null, limit)
        .map((row) => ({ id: String(row['id']), summary: String(row['summary']) }))),
  };
}
