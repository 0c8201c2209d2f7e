/**
 * The tables of the embedded store and how a file of an older version becomes one of this. The version has a table of
 * its own, since other parts keep theirs in the same file.
 */
import type { DatabaseSync } from 'node:sqlite';

/** Each step leads from its index to the next version. Steps that were released are never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE store_endpoints (endpoint TEXT PRIMARY KEY, number TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE store_sessions (number TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL, expires_ms REAL) WITHOUT ROWID;
  CREATE INDEX store_sessions_expire ON store_sessions (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE TABLE store_entries (number TEXT, id TEXT, version INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (number, id)) WITHOUT ROWID;
  CREATE TABLE store_addresses (peer TEXT PRIMARY KEY, number TEXT NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_addresses_expire ON store_addresses (expires_ms);
  CREATE TABLE store_alarms (number TEXT PRIMARY KEY, at_ms REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_alarms_due ON store_alarms (at_ms, number);
  CREATE TABLE store_outages (to_ms REAL, from_ms REAL, PRIMARY KEY (to_ms, from_ms)) WITHOUT ROWID;
  CREATE TABLE store_directory (endpoint TEXT PRIMARY KEY, state TEXT NOT NULL, changed_ms REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_directory_state ON store_directory (state, endpoint);
  CREATE TABLE store_values (endpoint TEXT, path TEXT, at_ms REAL NOT NULL, json TEXT NOT NULL, PRIMARY KEY (endpoint, path)) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_credentials (number TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE store_credential_names (name TEXT PRIMARY KEY, number TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_labelled (endpoint TEXT PRIMARY KEY, at_ms REAL NOT NULL, json TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE store_labels (label TEXT, endpoint TEXT, PRIMARY KEY (label, endpoint)) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_documents (set_name TEXT, name TEXT, document TEXT NOT NULL, PRIMARY KEY (set_name, name)) WITHOUT ROWID;
  CREATE TABLE store_document_sets (set_name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
  `,
  `
  CREATE TABLE fleet_jobs (id TEXT PRIMARY KEY, created_ms REAL NOT NULL, version INTEGER NOT NULL, record TEXT NOT NULL, active INTEGER NOT NULL, expires_ms REAL) WITHOUT ROWID;
  CREATE INDEX fleet_jobs_created ON fleet_jobs (created_ms, id);
  CREATE INDEX fleet_jobs_active ON fleet_jobs (created_ms) WHERE active = 1;
  CREATE INDEX fleet_jobs_expire ON fleet_jobs (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE TABLE fleet_devices (job TEXT, endpoint TEXT, bucket TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, endpoint)) WITHOUT ROWID;
  CREATE INDEX fleet_devices_bucket ON fleet_devices (job, bucket, endpoint);
  CREATE TABLE fleet_counts (job TEXT, bucket TEXT, devices INTEGER NOT NULL, PRIMARY KEY (job, bucket)) WITHOUT ROWID;
  CREATE TABLE fleet_groups (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_waiting (tenant TEXT, number TEXT, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (tenant, number)) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_sealed (name TEXT PRIMARY KEY, record BLOB NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_sealed_expire ON store_sealed (expires_ms);
  CREATE TABLE store_association_slots (number TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_association_slots_expire ON store_association_slots (expires_ms);
  `,
  `
  CREATE TABLE firmware_updates (endpoint TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL, due_ms REAL) WITHOUT ROWID;
  CREATE INDEX firmware_updates_due ON firmware_updates (due_ms) WHERE due_ms IS NOT NULL;
  `,
  `
  CREATE TABLE store_certificates (serial TEXT PRIMARY KEY, endpoint TEXT NOT NULL, not_after_ms REAL NOT NULL, record TEXT NOT NULL, revocation TEXT) WITHOUT ROWID;
  CREATE INDEX store_certificates_end ON store_certificates (not_after_ms, serial);
  CREATE INDEX store_certificates_of ON store_certificates (endpoint, not_after_ms, serial);
  CREATE INDEX store_certificates_revoked ON store_certificates (serial) WHERE revocation IS NOT NULL;
  `,
  `
  CREATE TABLE store_bootstrap_sessions (id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, outcome TEXT NOT NULL, record TEXT, summary TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX store_bootstrap_sessions_endpoint ON store_bootstrap_sessions (endpoint, id);
  CREATE INDEX store_bootstrap_sessions_outcome ON store_bootstrap_sessions (outcome, id);
  `,
  `
  CREATE TABLE campaign_jobs (id TEXT PRIMARY KEY, created_ms REAL NOT NULL, version INTEGER NOT NULL, record TEXT NOT NULL, active INTEGER NOT NULL, expires_ms REAL) WITHOUT ROWID;
  CREATE INDEX campaign_jobs_created ON campaign_jobs (created_ms, id);
  CREATE INDEX campaign_jobs_active ON campaign_jobs (created_ms) WHERE active = 1;
  CREATE INDEX campaign_jobs_expire ON campaign_jobs (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE TABLE campaign_devices (job TEXT, endpoint TEXT, bucket TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (job, endpoint)) WITHOUT ROWID;
  CREATE INDEX campaign_devices_bucket ON campaign_devices (job, bucket, endpoint);
  CREATE TABLE campaign_counts (job TEXT, bucket TEXT, devices INTEGER NOT NULL, PRIMARY KEY (job, bucket)) WITHOUT ROWID;
  `,
  `
  CREATE TABLE store_bootstrap_open (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  ALTER TABLE firmware_updates ADD COLUMN stage TEXT;
  CREATE INDEX firmware_updates_stage ON firmware_updates (stage, endpoint) WHERE stage IS NOT NULL;
  CREATE TABLE software_updates (endpoint TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL, due_ms REAL, stage TEXT) WITHOUT ROWID;
  CREATE INDEX software_updates_due ON software_updates (due_ms) WHERE due_ms IS NOT NULL;
  `,
];

/** The file was written by a later version of this program; it was left as it is. */
export class StoreTooNew extends Error {
  readonly code = 'STORE_TOO_NEW';

  constructor(found: number) {
    super(`the store's file has schema version ${found}, this program knows up to ${MIGRATIONS.length}: start a newer program`);
  }
}

/** Brings the file to this version in one transaction. @throws {StoreTooNew} */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec('CREATE TABLE IF NOT EXISTS store_schema (version INTEGER NOT NULL)');
    const row = database.prepare('SELECT max(version) AS version FROM store_schema').get();
    const found = Number(row?.['version'] ?? 0);
    if (found > MIGRATIONS.length) throw new StoreTooNew(found);
    for (const migration of MIGRATIONS.slice(found)) database.exec(migration);
    if (found < MIGRATIONS.length) {
      database.exec('DELETE FROM store_schema');
      database.prepare('INSERT INTO store_schema VALUES (?)').run(MIGRATIONS.length);
    }
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
