/** Credentials: one record for each device, changed by version, and the names that lead to a device. */
import type { CredentialStore, DeviceNumber } from '@cluster/session';
import type { Database } from './database.ts';

const FIND = 'SELECT number FROM store_credential_names WHERE name = ?';
const LOAD = 'SELECT version, record FROM store_credentials WHERE number = ?';

export function credentialKeeper(database: Database): CredentialStore {
  const find = (name: string): DeviceNumber | undefined => {
    const row = database.get(FIND, name);
    return row === undefined ? undefined : String(row['number']);
  };
  return {
    loadCredentials: (numbers) =>
      database.read(() =>
        numbers.map((number) => {
          const row = database.get(LOAD, number);
          return row && { version: Number(row['version']), record: row['record'] as Uint8Array };
        }),
      ),
    commitCredentials: (number, expected, record) =>
      database.write(() => {
        if (Number(database.get(LOAD, number)?.['version'] ?? 0) !== expected) return false;
        if (record === undefined) database.run('DELETE FROM store_credentials WHERE number = ?', number);
        else database.run('INSERT OR REPLACE INTO store_credentials VALUES (?, ?, ?)', number, expected + 1, record);
        return true;
      }),
    findNames: (names) => database.read(() => names.map(find)),
    claimNames: (claims) =>
      database.write(() =>
        claims.map(({ name, number, replaces }) => {
          const held = find(name);
          if (held !== undefined && held !== replaces) return held;
          database.run('INSERT OR REPLACE INTO store_credential_names VALUES (?, ?)', name, number);
          return number;
        }),
      ),
    releaseNames: (claims) =>
      database.write(() => {
        for (const { name, number } of claims) database.run('DELETE FROM store_credential_names WHERE name = ? AND number = ?', name, number);
      }),
  };
}
