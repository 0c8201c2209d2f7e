/** What waits for the devices of each tenant: a row a device. */
import type { SessionStore } from '@cluster/session';
import type { Database } from './database.ts';

const SUM = 'SELECT total(entries) AS entries, total(bytes) AS bytes FROM store_waiting WHERE tenant = ?';
const ADD = `INSERT INTO store_waiting VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes`;

export function tenantAccounts(database: Database): Pick<SessionStore, 'reserve' | 'account'> {
  return {
    reserve: ({ tenant, number, entries, bytes }, limit) =>
      database.write(() => {
        const sum = database.get(SUM, tenant);
        if (Number(sum?.['entries']) + entries > limit.entries || Number(sum?.['bytes']) + bytes > limit.bytes) return false;
        database.run(ADD, tenant, number, entries, bytes);
        return true;
      }),
    account: (list) =>
      database.write(() => {
        for (const { tenant, number, entries, bytes } of list) {
          if (entries === 0) database.run('DELETE FROM store_waiting WHERE tenant = ? AND number = ?', tenant, number);
          else database.run('INSERT OR REPLACE INTO store_waiting VALUES (?, ?, ?, ?)', tenant, number, entries, bytes);
        }
      }),
  };
}
