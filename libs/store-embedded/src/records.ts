/** Session records and downlink queues, changed by version. */
import type { CommitResult, DeviceNumber, DeviceWrite, SessionStore, StoredEntry, StoredSession } from '@cluster/session';
import { setAlarm } from './alarms.ts';
import type { Database } from './database.ts';

const LIVE = 'number = ? AND (expires_ms IS NULL OR expires_ms > ?)';
const COUNT = 'SELECT count(*) AS entries, total(length(record)) AS bytes FROM store_entries WHERE number = ?';

export function recordKeeper(
  database: Database,
  now: () => number,
): Pick<SessionStore, 'load' | 'loadEntries' | 'loadQueues' | 'commit'> {
  const load = (number: DeviceNumber): StoredSession | undefined => {
    const row = database.get(`SELECT version, record FROM store_sessions WHERE ${LIVE}`, number, now());
    if (row === undefined) return undefined;
    const entries = Number(database.get(COUNT, number)?.['entries']);
    return { version: Number(row['version']), record: row['record'] as Uint8Array, entries };
  };
  const queue = (number: DeviceNumber): StoredEntry[] =>
    database.all('SELECT id, version, record FROM store_entries WHERE number = ? ORDER BY id', number).map((row) => ({
      id: String(row['id']),
      version: Number(row['version']),
      record: row['record'] as Uint8Array,
    }));
  return {
    load: (numbers) => database.read(() => numbers.map(load)),
    loadEntries: (number) => database.read(() => queue(number)),
    loadQueues: (numbers) => database.read(() => numbers.map(queue)),
    commit: (writes) => database.write(() => writes.map((write) => commit(database, write, now()))),
  };
}

/** Decides everything before it changes anything: a refused write leaves no trace in the shared transaction. */
function commit(database: Database, write: DeviceWrite, nowMs: number): CommitResult {
  if (write.alarmMs !== undefined) setAlarm(database, write.number, write.alarmMs);
  if (conflicts(database, write, nowMs)) return 'conflict';
  if (passesLimit(database, write)) return 'full';
  const { number, session, entries = [] } = write;
  for (const { id, expected, record } of entries) {
    if (record === undefined) database.run('DELETE FROM store_entries WHERE number = ? AND id = ?', number, id);
    else database.run('INSERT OR REPLACE INTO store_entries VALUES (?, ?, ?, ?)', number, id, expected + 1, record);
  }
  if (session?.record !== undefined) {
    const expiresMs = session.ttlMs === undefined ? null : nowMs + session.ttlMs;
    database.run('INSERT OR REPLACE INTO store_sessions VALUES (?, ?, ?, ?)', number, session.expected + 1, session.record, expiresMs);
  }
  return 'committed';
}

function conflicts(database: Database, { number, session, entries = [] }: DeviceWrite, nowMs: number): boolean {
  if (session) {
    const row = database.get(`SELECT version FROM store_sessions WHERE ${LIVE}`, number, nowMs);
    if (Number(row?.['version'] ?? 0) !== session.expected) return true;
  }
  const sql = 'SELECT version FROM store_entries WHERE number = ? AND id = ?';
  return entries.some(({ id, expected }) => Number(database.get(sql, number, id)?.['version'] ?? 0) !== expected);
}

function passesLimit(database: Database, { number, entries = [], limit }: DeviceWrite): boolean {
  if (limit === undefined || entries.length === 0) return false;
  const held = database.get(COUNT, number);
  let [count, bytes] = [Number(held?.['entries']), Number(held?.['bytes'])];
  for (const { id, expected, record } of entries) {
    if (expected > 0) {
      count--;
      bytes -= Number(database.get('SELECT length(record) AS bytes FROM store_entries WHERE number = ? AND id = ?', number, id)?.['bytes']);
    }
    if (record !== undefined) {
      count++;
      bytes += record.length;
    }
  }
  return count > limit.entries || bytes > limit.bytes;
}
