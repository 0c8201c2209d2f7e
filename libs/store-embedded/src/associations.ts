/** DTLS associations: sealed records by name, and what moves by device, changed by version. */
import type { AssociationStore, SlotWrite } from '@cluster/session';
import type { Database } from './database.ts';

const SEALED = 'SELECT record FROM store_sealed WHERE name = ? AND expires_ms > ?';
const SLOT = 'SELECT version, record FROM store_association_slots WHERE number = ? AND expires_ms > ?';

export function associationKeeper(database: Database, now: () => number): AssociationStore {
  return {
    putSealed: (records) =>
      database.write(() => {
        for (const { name, record, ttlMs } of records) database.run('INSERT OR REPLACE INTO store_sealed VALUES (?, ?, ?)', name, record, now() + ttlMs);
      }),
    loadSealed: (names) => database.read(() => names.map((name) => database.get(SEALED, name, now())?.['record'] as Uint8Array | undefined)),
    extendSealed: (names, ttlMs) =>
      database.write(() => {
        const nowMs = now();
        for (const name of names) database.run('UPDATE store_sealed SET expires_ms = ? WHERE name = ? AND expires_ms > ?', nowMs + ttlMs, name, nowMs);
      }),
    removeSealed: (names) =>
      database.write(() => {
        for (const name of names) database.run('DELETE FROM store_sealed WHERE name = ?', name);
      }),
    loadSlots: (numbers) =>
      database.read(() =>
        numbers.map((number) => {
          const row = database.get(SLOT, number, now());
          return row && { version: Number(row['version']), record: row['record'] as Uint8Array };
        }),
      ),
    commitSlots: (writes) => database.write(() => writes.map((write) => commit(database, write, now()))),
  };
}

function commit(database: Database, { number, expected, version, record, ttlMs }: SlotWrite, nowMs: number): boolean {
  if (Number(database.get(SLOT, number, nowMs)?.['version'] ?? 0) !== expected) return false;
  database.run('INSERT OR REPLACE INTO store_association_slots VALUES (?, ?, ?, ?)', number, version, record, nowMs + ttlMs);
  return true;
}

/** Removes what has outlived its time, so many of each kind at most. */
export function purgeAssociations(database: Database, nowMs: number, atMost: number): void {
  database.run('DELETE FROM store_sealed WHERE name IN (SELECT name FROM store_sealed WHERE expires_ms <= ? LIMIT ?)', nowMs, atMost);
  database.run(
    'DELETE FROM store_association_slots WHERE number IN (SELECT number FROM store_association_slots WHERE expires_ms <= ? LIMIT ?)', nowMs, atMost);
}
