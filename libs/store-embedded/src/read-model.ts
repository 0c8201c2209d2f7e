/** What readers are shown: the directory of endpoints and their last values. */
import type { ReadModelStore } from '@cluster/session';
import type { Database } from './database.ts';
import { directory } from './directory.ts';

export function readModel(database: Database): ReadModelStore {
  return { ...directory(database), ...lastValues(database) };
}

type LastValues = Pick<ReadModelStore, 'putValues' | 'values' | 'forgetValues'>;

function lastValues(database: Database): LastValues {
  const put = (endpoint: string, values: Parameters<LastValues['putValues']>[0][number]['values'], maxPaths: number): void => {
    let paths = Number(database.get('SELECT count(*) AS paths FROM store_values WHERE endpoint = ?', endpoint)?.['paths']);
    for (const { path, atMs, json } of values) {
      const held = database.get('SELECT at_ms FROM store_values WHERE endpoint = ? AND path = ?', endpoint, path);
      if (held === undefined ? paths >= maxPaths : Number(held['at_ms']) > atMs) continue;
      if (held === undefined) paths++;
      database.run('INSERT OR REPLACE INTO store_values VALUES (?, ?, ?, ?)', endpoint, path, atMs, json);
    }
  };
  return {
    putValues: (values, maxPaths) =>
      database.write(() => values.forEach((one) => put(one.endpoint, one.values, maxPaths))),
    values: (endpoint) =>
      database.read(() =>
        database.all('SELECT path, at_ms, json FROM store_values WHERE endpoint = ? ORDER BY path', endpoint).map((row) => ({
          path: String(row['path']),
          atMs: Number(row['at_ms']),
          json: String(row['json']),
        })),
      ),
    forgetValues: (endpoint) => database.write(() => database.run('DELETE FROM store_values WHERE endpoint = ?', endpoint)),
  };
}
