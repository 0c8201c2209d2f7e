/** Groups and jobs. One process carries on all jobs, so who has which is kept in memory. */
import type { DeviceMove, GroupStore, JobStore, StoredJob } from '@cluster/fleet';
import type { Database, Row } from './database.ts';

export function fleetKeeper(database: Database, now: () => number): JobStore & GroupStore {
  return { ...jobs(database, now), ...running(database, now), ...devices(database), ...groups(database) };
}

function jobs(database: Database, now: () => number): Pick<JobStore, 'createJob' | 'loadJob' | 'changeJob' | 'jobs'> {
  const load = (id: string): StoredJob | undefined => {
    const row = database.get('SELECT * FROM fleet_jobs WHERE id = ? AND (expires_ms IS NULL OR expires_ms > ?)', id, now());
    return row && toJob(row);
  };
  return {
    createJob: (id, createdAtMs, record) =>
      database.write(() => {
        if (load(id) !== undefined) return false;
        database.run('INSERT OR REPLACE INTO fleet_jobs VALUES (?, ?, 1, ?, 1, NULL)', id, createdAtMs, record);
        return true;
      }),
    loadJob: (id) => database.read(() => load(id)),
    changeJob: (id, expected, record) =>
      database.write(() => {
        if (load(id)?.version !== expected) return false;
        database.run('UPDATE fleet_jobs SET version = version + 1, record = ? WHERE id = ?', record, id);
        return true;
      }),
    jobs: ({ before, limit }) =>
      database.read(() => {
        const [createdMs, id = ''] = before?.split(' ', 2) ?? [];
        const rows = database.all(
          `SELECT * FROM fleet_jobs WHERE (created_ms, id) < (?, ?) AND (expires_ms IS NULL OR expires_ms > ?)
            ORDER BY created_ms DESC, id DESC LIMIT ?`,
          createdMs === undefined ? Number.MAX_VALUE : Number(createdMs), id, now(), limit,
        );
        const last = rows.at(-1);
        const next = rows.length < limit || last === undefined ? undefined : `${String(last['created_ms'])} ${String(last['id'])}`;
        return { jobs: rows.map(toJob), next };
      }),
  };
}

function toJob(row: Row): StoredJob {
  return { id: String(row['id']), version: Number(row['version']), record: String(row['record']) };
}

type Running = Pick<JobStore, 'activeJobs' | 'takeJob' | 'giveJob' | 'retireJob'>;

function running(database: Database, now: () => number): Running {
  const leases = new Map<string, { worker: string; untilMs: number }>();
  return {
    activeJobs: () =>
      database.read(() => database.all('SELECT id FROM fleet_jobs WHERE active = 1 ORDER BY created_ms').map((row) => String(row['id']))),
    async takeJob(id, worker, ttlMs) {
      const lease = leases.get(id);
      if (lease !== undefined && lease.worker !== worker && lease.untilMs > now()) return false;
      leases.set(id, { worker, untilMs: now() + ttlMs });
      return true;
    },
    async giveJob(id, worker) {
      if (leases.get(id)?.worker === worker) leases.delete(id);
    },
    retireJob: (id, keepMs) =>
      database.write(() => {
        leases.delete(id);
        database.run('UPDATE fleet_jobs SET active = 0, expires_ms = ? WHERE id = ?', now() + keepMs, id);
      }),
  };
}

type Devices = Pick<JobStore, 'moveDevices' | 'loadDevices' | 'listDevices' | 'countDevices'>;

function devices(database: Database): Devices {
  const held = (id: string, endpoint: string): string | undefined => {
    const value = database.get('SELECT value FROM fleet_devices WHERE job = ? AND endpoint = ?', id, endpoint)?.['value'];
    return value === undefined ? undefined : String(value);
  };
  return {
    moveDevices: (id, moves) => database.write(() => moves.map((one) => move(database, id, one, held(id, one.endpoint)))),
    loadDevices: (id, endpoints) => database.read(() => endpoints.map((endpoint) => held(id, endpoint))),
    listDevices: (id, { bucket, after = '', limit }) =>
      database.read(() =>
        database
          .all('SELECT endpoint, value FROM fleet_devices WHERE job = ? AND bucket = ? AND endpoint > ? ORDER BY endpoint LIMIT ?', id, bucket, after, limit)
          .map((row) => ({ endpoint: String(row['endpoint']), value: String(row['value']) })),
      ),
    countDevices: (id) =>
      database.read(() =>
        Object.fromEntries(
          database.all('SELECT bucket, devices FROM fleet_counts WHERE job = ?', id).map((row) => [String(row['bucket']), Number(row['devices'])]),
        ),
      ),
  };
}

function move(database: Database, id: string, { endpoint, expected, next }: DeviceMove, held: string | undefined): boolean {
  if (held !== expected) return false;
  const count = (bucket: string, change: number): void =>
    database.run(
      'INSERT INTO fleet_counts VALUES (?, ?, ?) ON CONFLICT (job, bucket) DO UPDATE SET devices = devices + excluded.devices', id, bucket, change);
  if (held !== undefined) count(bucketOf(held), -1);
  count(bucketOf(next), 1);
  database.run('INSERT OR REPLACE INTO fleet_devices VALUES (?, ?, ?, ?)', id, endpoint, bucketOf(next), next);
  return true;
}

function bucketOf(value: string): string {
  return value.split(' ', 1)[0] ?? '';
}

function groups(database: Database): GroupStore {
  return {
    putGroup: (name, record) => database.write(() => database.run('INSERT OR REPLACE INTO fleet_groups VALUES (?, ?)', name, record)),
    group: (name) =>
      database.read(() => {
        const record = database.get('SELECT record FROM fleet_groups WHERE name = ?', name)?.['record'];
        return record === undefined ? undefined : String(record);
      }),
    deleteGroup: (name) =>
      database.write(() => {
        const found = database.get('SELECT name FROM fleet_groups WHERE name = ?', name) !== undefined;
        database.run('DELETE FROM fleet_groups WHERE name = ?', name);
        return found;
      }),
    groups: () =>
      database.read(() =>
        database.all('SELECT name, record FROM fleet_groups ORDER BY name').map((row) => ({ name: String(row['name']), record: String(row['record']) })),
      ),
  };
}

/** Removes jobs that were kept long enough, a few at a time, and their devices. */
export function purgeJobs(database: Database, nowMs: number): void {
  for (const row of database.all('SELECT id FROM fleet_jobs WHERE expires_ms <= ? LIMIT 1', nowMs)) {
    const id = String(row['id']);
    for (const table of ['fleet_devices', 'fleet_counts']) database.run(`DELETE FROM ${table} WHERE job = ?`, id);
    database.run('DELETE FROM fleet_jobs WHERE id = ?', id);
  }
}
