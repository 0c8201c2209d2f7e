/** Bootstrap sessions: one row each, and the oldest beyond the bounds are deleted. Those under way have a table of their own. */
import type { BootstrapSessionStore } from '@cluster/session';
import type { Database } from './database.ts';

const PUT = 'INSERT OR REPLACE INTO store_bootstrap_sessions VALUES (?, ?, ?, ?, ?)';
/** The summary stays listed; an endpoint keeps only its newest records. */
const STRIP = `UPDATE store_bootstrap_sessions SET record = NULL WHERE endpoint = ?1 AND record IS NOT NULL AND id NOT IN (
  SELECT id FROM store_bootstrap_sessions WHERE endpoint = ?1 AND record IS NOT NULL ORDER BY id DESC LIMIT ?2)`;
const CUT = `DELETE FROM store_bootstrap_sessions WHERE outcome = ?1 AND record IS NULL AND id NOT IN (
  SELECT id FROM store_bootstrap_sessions WHERE outcome = ?1 ORDER BY id DESC LIMIT ?2)`;

const CUT_OPEN = 'DELETE FROM store_bootstrap_open WHERE id NOT IN (SELECT id FROM store_bootstrap_open ORDER BY id DESC LIMIT ?)';

export function bootstrapSessionKeeper(database: Database): BootstrapSessionStore {
  return {
    openBootstrapSession: ({ id, record }, atMost) =>
      database.write(() => {
        database.run('INSERT OR REPLACE INTO store_bootstrap_open VALUES (?, ?)', id, record);
        database.run(CUT_OPEN, atMost);
      }),
    openBootstrapSessions: ({ before = '~', limit }) =>
      database.read(() => database
        .all('SELECT id, record FROM store_bootstrap_open WHERE id < ? ORDER BY id DESC LIMIT ?', before, limit)
        .map((row) => ({ id: String(row['id']), record: String(row['record']) }))),
    putBootstrapSession: ({ id, endpoint, outcome, record, summary }, { perEndpoint, inAll }) =>
      database.write(() => {
        database.run('DELETE FROM store_bootstrap_open WHERE id = ?', id);
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
