/** The embedded adapter of the session ports: one SQLite file, one process. */
import type { UpdateStores } from '@cluster/firmware';
import type { CampaignStore, GroupStore, JobStore } from '@cluster/fleet';
import type { CertificateStore } from '@cluster/pki';
import type { AssociationStore, BootstrapSessionStore, ClusterStore, CredentialStore, ReadModelStore, SessionStore } from '@cluster/session';
import { DatabaseSync } from 'node:sqlite';
import { alarmClock } from './alarms.ts';
import { associationKeeper, purgeAssociations } from './associations.ts';
import { certificateKeeper } from './certificates.ts';
import { bootstrapSessionKeeper } from './bootstrap-sessions.ts';
import { credentialKeeper } from './credentials.ts';
import { Database } from './database.ts';
import { documentSets } from './documents.ts';
import { names } from './endpoints.ts';
import { fleetKeeper, purgeJobs } from './fleet.ts';
import { readModel } from './read-model.ts';
import { recordKeeper } from './records.ts';
import { migrate } from './schema.ts';
import { tenantAccounts } from './waiting.ts';
import { updateKeeper } from './updates.ts';
import { workers } from './workers.ts';

const BUSY_TIMEOUT_MS = 5_000;
const PURGE_EVERY_MS = 60_000;
/** So that clearing up never holds other work for long. */
const PURGE_AT_MOST = 1_000;

export interface EmbeddedStoreOptions {
  /** Made if it isn't there. `:memory:` keeps nothing. */
  readonly file: string;
}

export interface EmbeddedStore extends SessionStore, ClusterStore, ReadModelStore, CredentialStore, AssociationStore, JobStore, GroupStore, CampaignStore, BootstrapSessionStore, UpdateStores, CertificateStore {}

/**
 * Opens the file, which other parts of the process may have open too for tables of their own. What a call has
 * acknowledged is on the disk.
 * @throws {StoreTooNew} when a later version wrote the file
 */
export function openEmbeddedStore({ file }: EmbeddedStoreOptions): EmbeddedStore {
  const database = new Database(openFile(file));
  const now = Date.now;
  let closed = false;
  const purge = setInterval(() => void purgeExpired(database, now()).catch(() => {}), PURGE_EVERY_MS).unref();
  return {
    ...names(database, now),
    ...recordKeeper(database, now),
    ...credentialKeeper(database),
    ...certificateKeeper(database),
    ...associationKeeper(database, now),
    ...alarmClock(database),
    ...tenantAccounts(database),
    ...workers(database, now, () => closed),
    ...documentSets(database),
    ...readModel(database),
    ...bootstrapSessionKeeper(database),
    ...fleetKeeper(database, now),
    ...updateKeeper(database, 'firmware_updates'),
    software: updateKeeper(database, 'software_updates'),
    timeMs: () => database.read(now),
    async close() {
      closed = true;
      clearInterval(purge);
      database.close();
    },
  };
}

function openFile(file: string): DatabaseSync {
  const sqlite = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    migrate(sqlite);
    return sqlite;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/** Removes what has outlived its time; until then it is only not found. */
export function purgeExpired(database: Database, nowMs: number): Promise<void> {
  return database.write(() => {
    purgeJobs(database, nowMs);
    purgeAssociations(database, nowMs, PURGE_AT_MOST);
    database.run(
      'DELETE FROM store_sessions WHERE number IN (SELECT number FROM store_sessions WHERE expires_ms <= ? LIMIT ?)', nowMs, PURGE_AT_MOST);
    database.run(
      'DELETE FROM store_addresses WHERE peer IN (SELECT peer FROM store_addresses WHERE expires_ms <= ? LIMIT ?)', nowMs, PURGE_AT_MOST);
  });
}
