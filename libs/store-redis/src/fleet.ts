/**
 * Groups and jobs. What belongs to one job lies in one slot: its record, its devices by name, and for each bucket an
 * ordered set of the devices in it. Two small indexes tell which jobs there are and which are active.
 */
import type { CampaignStore, DeviceMove, GroupStore, JobStore, StoredJob } from '@cluster/fleet';
import { command, script, type Reply, type Router } from './command.ts';
import { fields } from './fields.ts';
import type { JobKeys, Keys } from './keys.ts';
import * as scripts from './fleet-scripts.ts';

/** Longer than any job is kept, so that the index names no job for ever. */
const INDEX_MS = 60 * 86_400_000;
/** A job whose record is not there yet is being made, or its maker died. */
const MAKING_MS = 60_000;

export function fleetKeeper(router: Router, keys: Keys, now: () => Promise<number>): JobStore & GroupStore & CampaignStore {
  return { ...jobKeeper(router, keys, now), ...groups(router, keys), campaigns: jobKeeper(router, keys.campaigns, now) };
}

function jobKeeper(router: Router, keys: JobKeys, now: () => Promise<number>): JobStore {
  return { ...jobs(router, keys), ...running(router, keys, now), ...devices(router, keys) };
}

function jobs(router: Router, keys: JobKeys): Pick<JobStore, 'createJob' | 'loadJob' | 'changeJob' | 'advanceJob' | 'jobs'> {
  const one = async (run: ReturnType<typeof command>) => (await router.execute([run], 'durable'))[0];
  return {
    async createJob(id, createdAtMs, record) {
      // A crash in between leaves names without a job, which readers pass over; never a job that nobody carries on.
      await router.execute([
        command(keys.activeJobs(), 'zadd', 'NX', createdAtMs, id),
        command(keys.jobIndex(), 'zadd', 'NX', createdAtMs, id),
        command(keys.jobIndex(), 'zremrangebyscore', '-inf', createdAtMs - INDEX_MS),
      ], 'durable');
      return (await one(script(scripts.changeJob, [keys.job(id)], 0, record))) === 1;
    },
    async loadJob(id) {
      return toJob(id, (await router.getMany([keys.job(id)]))[0] ?? null);
    },
    async changeJob(id, expected, record) {
      return (await one(script(scripts.changeJob, [keys.job(id)], expected, record))) === 1;
    },
    async advanceJob(id, expected, record, moves) {
      return (await one(script(scripts.advanceJob, [keys.job(id), keys.jobDevices(id), keys.jobCounts(id)], expected, record, ...argsOf(moves)))) === 1;
    },
    async jobs({ before, limit }) {
      const [rank] = before === undefined ? [-1] : await router.execute([command(keys.jobIndex(), 'zrevrank', before)], 'plain');
      // A cursor that the index has forgotten stood before what it has forgotten too.
      if (typeof rank !== 'number') return { jobs: [], next: undefined };
      const range = command(keys.jobIndex(), 'zrevrange', rank + 1, rank + limit);
      const ids = ((await router.execute([range], 'plain'))[0] as readonly Buffer[]).map(String);
      const records = ids.length === 0 ? [] : await router.getMany(ids.map(keys.job));
      const found = ids.map((id, i) => toJob(id, records[i] ?? null)).filter((job) => job !== undefined);
      return { jobs: found, next: ids.length < limit ? undefined : ids.at(-1) };
    },
  };
}

function toJob(id: string, value: Buffer | null): StoredJob | undefined {
  return value === null ? undefined : { id, version: value.readUInt32BE(0), record: value.toString('utf8', 4) };
}

type Running = Pick<JobStore, 'activeJobs' | 'takeJob' | 'giveJob' | 'retireJob'>;

function running(router: Router, keys: JobKeys, now: () => Promise<number>): Running {
  return {
    async activeJobs() {
      const [reply] = await router.execute([command(keys.activeJobs(), 'zrange', 0, -1, 'WITHSCORES')], 'plain');
      const listed = pairs(reply!);
      if (listed.length === 0) return [];
      const records = await router.getMany(listed.map(([id]) => keys.job(id)));
      const missing = listed.filter((_, i) => records[i] === null);
      if (missing.length > 0) {
        const madeBefore = (await now()) - MAKING_MS;
        const dead = missing.filter(([, createdAtMs]) => createdAtMs < madeBefore).map(([id]) => id);
        if (dead.length > 0) await router.execute([command(keys.activeJobs(), 'zrem', ...dead)], 'durable');
      }
      return listed.flatMap(([id], i) => (records[i] === null ? [] : [id]));
    },
    async takeJob(id, worker, ttlMs) {
      return (await router.execute([script(scripts.takeJob, [keys.jobLease(id)], worker, ttlMs)], 'durable'))[0] === 1;
    },
    async giveJob(id, worker) {
      await router.execute([script(scripts.giveJob, [keys.jobLease(id)], worker)], 'durable');
    },
    async retireJob(id, keepMs) {
      await router.execute([script(scripts.retireJob, [keys.job(id), keys.jobDevices(id), keys.jobCounts(id)], keepMs)], 'durable');
      await router.execute([command(keys.activeJobs(), 'zrem', id)], 'durable');
    },
  };
}

function pairs(reply: Reply): [id: string, score: number][] {
  const flat = (reply as readonly Reply[]).flat() as Buffer[];
  return Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[i * 2]), Number(String(flat[i * 2 + 1]))]);
}

type Devices = Pick<JobStore, 'moveDevices' | 'loadDevices' | 'listDevices' | 'countDevices'>;

function argsOf(moves: readonly DeviceMove[]): string[] {
  return moves.flatMap(({ endpoint, expected, next }) => [endpoint, expected ?? '', next]);
}

function devices(router: Router, keys: JobKeys): Devices {
  const values = async (id: string, endpoints: readonly string[]): Promise<(string | undefined)[]> => {
    if (endpoints.length === 0) return [];
    const [reply] = await router.execute([command(keys.jobDevices(id), 'hmget', ...endpoints)], 'plain');
    return (reply as readonly (Buffer | null)[]).map((value) => value?.toString());
  };
  return {
    async moveDevices(id, moves) {
      if (moves.length === 0) return [];
      const [moved] = await router.execute([script(scripts.moveDevices, [keys.jobDevices(id), keys.jobCounts(id)], ...argsOf(moves))], 'durable');
      return (moved as readonly number[]).map((one) => one === 1);
    },
    loadDevices: values,
    async listDevices(id, { bucket, after, limit }) {
      const from = after === undefined ? '-' : `(${after}`;
      const range = command(keys.jobDevices(id, bucket), 'zrangebylex', from, '+', 'LIMIT', 0, limit);
      const endpoints = ((await router.execute([range], 'plain'))[0] as readonly Buffer[]).map(String);
      const held = await values(id, endpoints);
      return endpoints.map((endpoint, i) => ({ endpoint, value: held[i] ?? '' }));
    },
    async countDevices(id) {
      const [reply] = await router.execute([command(keys.jobCounts(id), 'hgetall')], 'plain');
      return Object.fromEntries(fields(reply!).map(([bucket, count]) => [bucket, Number(String(count))]));
    },
  };
}

function groups(router: Router, keys: Keys): GroupStore {
  return {
    async putGroup(name, record) {
      await router.execute([command(keys.groups(), 'hset', name, record)], 'durable');
    },
    async group(name) {
      const [record] = await router.execute([command(keys.groups(), 'hget', name)], 'plain');
      return record === null ? undefined : String(record);
    },
    async deleteGroup(name) {
      return (await router.execute([command(keys.groups(), 'hdel', name)], 'durable'))[0] === 1;
    },
    async groups() {
      const [reply] = await router.execute([command(keys.groups(), 'hgetall')], 'plain');
      return fields(reply!).map(([name, record]) => ({ name, record: record.toString() }));
    },
  };
}
