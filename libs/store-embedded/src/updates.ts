/** Updates of firmware or software: their records, when each is due, and how they are listed. */
import type { StoredUpdate, UpdateStore } from '@cluster/firmware';
import type { Database } from './database.ts';

export function updateKeeper(database: Database, table: 'firmware_updates' | 'software_updates'): UpdateStore {
  const load = (endpoint: string) => {
    const row = database.get(`SELECT endpoint, version, record FROM ${table} WHERE endpoint = ?`, endpoint);
    return row && toUpdate(row);
  };
  return {
    loadUpdates: (endpoints) => database.read(() => endpoints.map(load)),
    changeUpdate: (endpoint, expected, record, dueMs, stage) =>
      database.write(() => {
        if ((load(endpoint)?.version ?? 0) !== expected) return false;
        database.run(
          `INSERT INTO ${table} (endpoint, version, record, due_ms, stage) VALUES (?, ?, ?, ?, ?) ON CONFLICT (endpoint) DO UPDATE
            SET version = excluded.version, record = excluded.record, due_ms = excluded.due_ms, stage = coalesce(excluded.stage, stage)`,
          endpoint, expected + 1, record, dueMs ?? null, stage ?? null,
        );
        return true;
      }),
    listUpdates: ({ limit, after = '', stages }) =>
      database.read(() => {
        const among = stages === undefined ? 'stage IS NOT NULL' : `stage IN (${stages.map(() => '?').join(', ')})`;
        const sql = `SELECT endpoint, version, record FROM ${table} WHERE endpoint > ? AND ${among} ORDER BY endpoint LIMIT ?`;
        return database.all(sql, after, ...(stages ?? []), limit).map(toUpdate);
      }),
    takeDueUpdates: (nowMs, againMs, limit) =>
      database.write(() => {
        const sql = `SELECT endpoint FROM ${table} WHERE due_ms <= ? ORDER BY due_ms LIMIT ?`;
        const due = database.all(sql, nowMs, limit).map((row) => String(row['endpoint']));
        for (const endpoint of due) database.run(`UPDATE ${table} SET due_ms = ? WHERE endpoint = ?`, nowMs + againMs, endpoint);
        return due;
      }),
  };
}

function toUpdate(row: Readonly<Record<string, unknown>>): StoredUpdate {
  return { endpoint: String(row['endpoint']), version: Number(row['version']), record: String(row['record']) };
}
