/** Groups and jobs. One process carries on all jobs, so who has which is kept in memory. */
import type { CampaignStore, DeviceMove, GroupStore, JobStore, StoredJob } from '@cluster/fleet';
import type { Database, Row } from './database.ts';

/** Jobs and campaigns of firmware are kept alike, in tables of their own. */
const SETS = ['fleet', 'campaign'] as const;
type JobSet = (typeof SETS)[number];

export function fleetKeeper(database: Database, now: () => number): JobStore & GroupStore & CampaignStore {
  return { ...jobKeeper(database, now, 'fleet'), ...groups(database), campaigns: jobKeeper(database, now, 'campaign') };
}

function jobKeeper(database: Database, now: () => number, set: JobSet): JobStore {
  return { ...jobs(database, now, set), ...running(database, now, set), ...devices(database, set) };
}

function jobs(database: Database, now: () => number, set: JobSet): Pick<JobStore, 'createJob' | 'loadJob' | 'changeJob' | 'advanceJob' | 'jobs'> {
  const load = (id: string): StoredJob | undefined => {
    const row = database.get(`SELECT * FROM ${set}_jobs WHERE id = ? AND (expires_ms IS NULL OR expires_ms > ?)`, id, now());
    return row && toJob(row);
  };
  return {
    createJob: (id, createdAtMs, record) =>
      database.write(() => {
        if (load(id) !== undefined) return false;
        database.run(`INSERT OR REPLACE INTO ${set}_jobs VALUES (?, ?, 1, ?, 1, NULL)`, id, createdAtMs, record);
        return true;
      }),
    loadJob: (id) => database.read(() => load(id)),
    changeJob: (id, expected, record) =>
      database.write(() => {
        if (load(id)?.version !== expected) return false;
        database.run(`UPDATE ${set}_jobs SET version = version + 1, record = ? WHERE id = ?`, record, id);
        return true;
      }),
    advanceJob: (id, expected, record, moves) =>
      database.write(() => {
        const stands = moves.map(({ endpoint }) => heldBy(database, set, id, endpoint));
        if (load(id)?.version !== expected || moves.some((one, i) => one.expected !== stands[i])) return false;
        moves.forEach((one, i) => move(database, set, id, one, stands[i]));
        database.run(`UPDATE ${set}_jobs SET version = version + 1, record = ? WHERE id = ?`, record, id);
        return true;
      }),
    jobs: ({ before, limit }) =>
      database.read(() => {
        const [createdMs, id = ''] = before?.split(' ', 2) ?? [];
        const rows = database.all(
          `SELECT * FROM ${set}_jobs WHERE (created_ms, id) < (?, ?) AND (expires_ms IS NULL OR expires_ms > ?)
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

function running(database: Database, now: () => number, set: JobSet): Running {
  const leases = new Map<string, { worker: string; untilMs: number }>();
  return {
    activeJobs: () =>
      database.read(() => database.all(`SELECT id FROM ${set}_jobs WHERE active = 1 ORDER BY created_ms`).map((row) => String(row['id']))),
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
        database.run(`UPDATE ${set}_jobs SET active = 0, expires_ms = ? WHERE id = ?`, now() + keepMs, id);
      }),
  };
}

type Devices = Pick<JobStore, 'moveDevices' | 'loadDevices' | 'listDevices' | 'countDevices'>;

function heldBy(database: Database, set: JobSet, id: string, endpoint: string): string | undefined {
  const value = database.get(`SELECT value FROM ${set}_devices WHERE job = ? AND endpoint = ?`, id, endpoint)?.['value'];
  return value === undefined ? undefined : String(value);
}

function devices(database: Database, set: JobSet): Devices {
  const held = (id: string, endpoint: string) => heldBy(database, set, id, endpoint);
  return {
    moveDevices: (id, moves) => database.write(() => moves.map((one) => move(database, set, id, one, held(id, one.endpoint)))),
    loadDevices: (id, endpoints) => database.read(() => endpoints.map((endpoint) => held(id, endpoint))),
    listDevices: (id, { bucket, after = '', limit }) =>
      database.read(() =>
        database
          .all(`SELECT endpoint, value FROM ${set}_devices WHERE job = ? AND bucket = ? AND endpoint > ? ORDER BY endpoint LIMIT ?`, id, bucket, after, limit)
          .map((row) => ({ endpoint: String(row['endpoint']), value: String(row['value']) })),
      ),
    countDevices: (id) =>
      database.read(() =>
        Object.fromEntries(
          database.all(`SELECT bucket, devices FROM ${set}_counts WHERE job = ?`, id).map((row) => [String(row['bucket']), Number(row['devices'])]),
        ),
      ),
  };
}

function move(database: Database, set: JobSet, id: string, { endpoint, expected, next }: DeviceMove, held: string | undefined): boolean {
  if (held !== expected) return false;
  const count = (bucket: string, change: number): void =>
    database.run(
      `INSERT INTO ${set}_counts VALUES (?, ?, ?) ON CONFLICT (job, bucket) DO UPDATE SET devices = devices + excluded.devices`, id, bucket, change);
  if (held !== undefined) {
    count(bucketOf(held), -1);
    database.run(`DELETE FROM ${set}_counts WHERE job = ? AND bucket = ? AND devices <= 0`, id, bucketOf(held));
  }
  count(bucketOf(next), 1);
  database.run(`INSERT OR REPLACE INTO ${set}_devices VALUES (?, ?, ?, ?)`, id, endpoint, bucketOf(next), next);
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

/** Removes jobs and campaigns that were kept long enough, a few at a time, and their devices. */
export function purgeJobs(database: Database, nowMs: number): void {
  for (const set of SETS) {
    for (const row of database.all(`SELECT id FROM ${set}_jobs WHERE expires_ms <= ? LIMIT 1`, nowMs)) {
      const id = String(row['id']);
      for (const table of ['devices', 'counts']) database.run(`DELETE FROM ${set}_${table} WHERE job = ?`, id);
      database.run(`DELETE FROM ${set}_jobs WHERE id = ?`, id);
    }
  }
}
