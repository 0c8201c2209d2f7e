/** The file of the embedded store: versions, company, closing, clearing up. */
import { StoreUnavailable } from '@cluster/session';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database } from './database.ts';
import { openEmbeddedStore, StoreTooNew } from './index.ts';
import { migrate } from './schema.ts';
import { purgeExpired } from './store.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
  file = join(directory, 'store.db');
});
afterEach(() => rm(directory, { recursive: true }));

const commit = (number: string) => [{ number, session: { expected: 0, record: Uint8Array.of(1) } }];

test('a file of a later version is refused and left as it is', async () => {
  await openEmbeddedStore({ file }).close();
  const sqlite = new DatabaseSync(file);
  sqlite.exec('UPDATE store_schema SET version = 99');
  expect(() => openEmbeddedStore({ file })).toThrow(StoreTooNew);
  expect(() => openEmbeddedStore({ file })).toThrow(/version 99/);
  expect(sqlite.prepare('SELECT version FROM store_schema').all()).toEqual([{ version: 99 }]);
  sqlite.close();
});

test('a file that is no database is refused', () => {
  expect(() => openEmbeddedStore({ file: directory })).toThrow();
});

test('migrating twice changes nothing', async () => {
  const store = openEmbeddedStore({ file });
  await store.commit(commit('keep0001'));
  await store.close();
  const again = openEmbeddedStore({ file });
  expect((await again.load(['keep0001']))[0]?.version).toBe(1);
  await again.close();
});

test('the file can be shared with a connection that has tables of its own', async () => {
  const store = openEmbeddedStore({ file });
  const other = new DatabaseSync(file, { timeout: 5_000 });
  other.exec('CREATE TABLE other (n INTEGER)');
  for (let round = 0; round < 50; round++) {
    const committed = store.commit(commit(`share${String(round).padStart(3, '0')}`));
    other.prepare('INSERT INTO other VALUES (?)').run(round);
    expect(await committed).toEqual(['committed']);
  }
  expect(other.prepare('SELECT count(*) AS n FROM other').get()).toEqual({ n: 50 });
  other.close();
  await store.close();
});

test('a write that a lock held by another process prevents is unavailable, and nothing of its group is kept', async () => {
  const sqlite = new DatabaseSync(file, { timeout: 10 });
  migrate(sqlite);
  sqlite.exec('PRAGMA journal_mode = WAL');
  const database = new Database(sqlite);
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  await expect(database.write(() => database.run("INSERT INTO store_alarms VALUES ('a', 1)"))).rejects.toThrow(StoreUnavailable);
  other.exec('ROLLBACK');
  const good = database.write(() => database.run("INSERT INTO store_alarms VALUES ('b', 1)"));
  const bad = database.write(() => database.run('INSERT INTO no_such_table VALUES (1)'));
  await expect(good).rejects.toThrow(StoreUnavailable);
  await expect(bad).rejects.toThrow(StoreUnavailable);
  await database.write(() => database.run("INSERT INTO store_alarms VALUES ('c', 1)"));
  expect(database.all('SELECT number FROM store_alarms')).toEqual([{ number: 'c' }]);
  other.close();
  database.close();
});

test('calls of one turn share one transaction', async () => {
  const sqlite = new DatabaseSync(':memory:');
  migrate(sqlite);
  const begun: string[] = [];
  const exec = sqlite.exec.bind(sqlite);
  sqlite.exec = (sql) => (begun.push(sql), exec(sql));
  const database = new Database(sqlite);
  const insert = (number: string) => database.write(() => database.run('INSERT INTO store_alarms VALUES (?, 1)', number));
  await Promise.all([insert('a'), insert('b'), insert('c')]);
  expect(begun).toEqual(['BEGIN IMMEDIATE', 'COMMIT']);
  database.close();
});

test('a closed store keeps what was asked before and refuses what comes after', async () => {
  const store = openEmbeddedStore({ file });
  const last = store.commit(commit('last0001'));
  await store.close();
  expect(await last).toEqual(['committed']);
  await expect(store.commit(commit('late0001'))).rejects.toThrow(StoreUnavailable);
  await expect(store.load(['last0001'])).rejects.toThrow(StoreUnavailable);
  await expect(store.renewLease('w', 1_000)).rejects.toThrow(StoreUnavailable);
  await store.close();
  const again = openEmbeddedStore({ file });
  expect((await again.load(['last0001']))[0]?.version).toBe(1);
  await again.close();
});

test('clearing up removes what ran out and nothing else', async () => {
  const sqlite = new DatabaseSync(':memory:');
  migrate(sqlite);
  const database = new Database(sqlite);
  await database.write(() => {
    database.run("INSERT INTO store_sessions VALUES ('ended', 1, x'', 100), ('ending', 1, x'', 200), ('stays', 1, x'', NULL)");
    database.run("INSERT INTO store_addresses VALUES ('old', 'n', 100), ('new', 'n', 200)");
  });
  await purgeExpired(database, 150);
  expect(database.all('SELECT number FROM store_sessions ORDER BY number').map((row) => row['number'])).toEqual(['ending', 'stays']);
  expect(database.all('SELECT peer FROM store_addresses').map((row) => row['peer'])).toEqual(['new']);
  database.close();
});
