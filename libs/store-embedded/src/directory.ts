/** The directory of endpoints: their states and labels, each as the newest event told them. */
import type { DirectoryChange, DirectoryEntry, DirectoryFilter, ReadModelStore } from '@cluster/session';
import type { Database } from './database.ts';

type Labels = Readonly<Record<string, string>>;

export function directory(database: Database): Pick<ReadModelStore, 'putEntries' | 'list'> {
  return {
    putEntries: (entries) => database.write(() => entries.forEach((entry) => put(database, entry))),
    list: (options) => database.read(() => list(database, options)),
  };
}

function put(database: Database, { endpoint, state, changedAtMs, labelled }: DirectoryChange): void {
  database.run(
    `INSERT INTO store_directory VALUES (?, ?, ?) ON CONFLICT (endpoint) DO UPDATE
      SET state = excluded.state, changed_ms = excluded.changed_ms WHERE changed_ms <= excluded.changed_ms`,
    endpoint, state, changedAtMs,
  );
  if (labelled === undefined) return;
  const held = database.get('SELECT at_ms, json FROM store_labelled WHERE endpoint = ?', endpoint);
  if (held !== undefined && Number(held['at_ms']) > labelled.atMs) return;
  const former = held === undefined ? {} : (JSON.parse(String(held['json'])) as Labels);
  for (const label of textsOf(former)) database.run('DELETE FROM store_labels WHERE label = ? AND endpoint = ?', label, endpoint);
  for (const label of textsOf(labelled.labels)) database.run('INSERT INTO store_labels VALUES (?, ?)', label, endpoint);
  database.run('INSERT OR REPLACE INTO store_labelled VALUES (?, ?, ?)', endpoint, labelled.atMs, JSON.stringify(labelled.labels));
}

function list(database: Database, { after, limit, states, labels = {} }: DirectoryFilter & { after?: string; limit: number }): DirectoryEntry[] {
  const wanted = textsOf(labels);
  const conditions = [
    ...(after === undefined ? [] : ['d.endpoint > ?']),
    ...(states === undefined ? [] : [`d.state IN (${states.map(() => '?').join(', ')})`]),
    ...wanted.map(() => 'EXISTS (SELECT 1 FROM store_labels l WHERE l.label = ? AND l.endpoint = d.endpoint)'),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const bound = [after, ...(states ?? [])].filter((value) => value !== undefined);
  const sql = `SELECT d.endpoint, d.state, d.changed_ms, n.json FROM store_directory d
    LEFT JOIN store_labelled n ON n.endpoint = d.endpoint ${where} ORDER BY d.endpoint LIMIT ?`;
  return database.all(sql, ...bound, ...wanted, limit).map((row) => {
    const json = row['json'];
    return {
      endpoint: String(row['endpoint']),
      state: String(row['state']),
      changedAtMs: Number(row['changed_ms']),
      ...(typeof json !== 'string' || json === '{}' ? {} : { labels: JSON.parse(json) as Labels }),
    };
  });
}

/** No key of a label holds '='. */
function textsOf(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}
