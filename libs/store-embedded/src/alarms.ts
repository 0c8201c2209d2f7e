/** When each device's state has to be looked at again. One process needs one shard. */
import type { Alarm, DeviceNumber, SessionStore } from '@cluster/session';
import type { Database, Row } from './database.ts';

export function alarmClock(database: Database): Pick<SessionStore, 'schedule' | 'due' | 'alarmsAfter' | 'settle' | 'shards'> {
  return {
    shards: 1,
    schedule: (alarms) =>
      database.write(() => {
        for (const { number, atMs } of alarms) setAlarm(database, number, atMs);
      }),
    due: (shard, nowMs, limit) =>
      database.read(() => {
        const sql = 'SELECT number, at_ms FROM store_alarms WHERE at_ms <= ? ORDER BY at_ms, number LIMIT ?';
        return shard === 0 ? database.all(sql, nowMs, limit).map(toAlarm) : [];
      }),
    alarmsAfter: (shard, afterMs, limit) =>
      database.read(() => {
        const page = 'SELECT at_ms FROM store_alarms WHERE at_ms > ? ORDER BY at_ms, number LIMIT ?';
        const sql = `SELECT number, at_ms FROM store_alarms WHERE at_ms > ? AND at_ms <= (SELECT max(at_ms) FROM (${page})) ORDER BY at_ms, number`;
        return shard === 0 ? database.all(sql, afterMs, afterMs, limit).map(toAlarm) : [];
      }),
    settle: (alarms) =>
      database.write(() => {
        for (const { number, atMs, nextMs } of alarms) {
          if (nextMs === undefined) database.run('DELETE FROM store_alarms WHERE number = ? AND at_ms = ?', number, atMs);
          else database.run('UPDATE store_alarms SET at_ms = ? WHERE number = ? AND at_ms = ?', nextMs, number, atMs);
        }
      }),
  };
}

function toAlarm(row: Row): Alarm {
  return { number: String(row['number']), atMs: Number(row['at_ms']) };
}

/** Sets an alarm, or brings it forward, within a transaction. */
export function setAlarm(database: Database, number: DeviceNumber, atMs: number): void {
  const sql = 'INSERT INTO store_alarms VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET at_ms = min(at_ms - 1, excluded.at_ms)';
  database.run(sql, number, atMs);
}
