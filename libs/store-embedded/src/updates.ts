/** Updates of firmware: their records, and when each is due. */
import type { UpdateStore } from '@cluster/firmware';
import type { Database } from './database.ts';

export function updateKeeper(database: Database): UpdateStore {
  const load = (endpoint: string) => {
    const row = database.get('SELECT version, record FROM firmware_updates WHERE endpoint = ?', endpoint);
    return row && { endpoint, version: Number(row['version']), record: String(row['record']) };
  };
  return {
    loadUpdates: (endpoints) => database.read(() => endpoints.map(load)),
    changeUpdate: (endpoint, expected, record, dueMs) =>
      database.write(() => {
        if ((load(endpoint)?.version ?? 0) !== expected) return false;
        database.run('INSERT OR REPLACE INTO firmware_updates VALUES (?, ?, ?, ?)', endpoint, expected + 1, record, dueMs ?? null);
        return true;
      }),
    takeDueUpdates: (nowMs, againMs, limit) =>
      database.write(() => {
        const sql = 'SELECT endpoint FROM firmware_updates WHERE due_ms <= ? ORDER BY due_ms LIMIT ?';
        const due = database.all(sql, nowMs, limit).map((row) => String(row['endpoint']));
        for (const endpoint of due) database.run('UPDATE firmware_updates SET due_ms = ? WHERE endpoint = ?', nowMs + againMs, endpoint);
        return due;
      }),
  };
}
