/** What happens to Redis while edges are killed. */
import { execFile } from 'node:child_process';
import { setTimeout as elapse } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RedisHandle } from '@cluster/testing';

/** Longer than a command may take: workers do not know what became of their writes. */
const FROZEN_MS = 3_000;
/** Long enough that its replica has taken over; until it is back as a replica, writes of its part find none to wait for. */
const DEAD_MS = 4_000;

/** All of it is frozen for a while. */
export async function freeze(redis: RedisHandle): Promise<void> {
  redis.pause();
  await elapse(FROZEN_MS);
  redis.resume();
}

/** A master of the Cluster is killed, another one each time; it comes back as the replica of the one that took its place. */
export async function failOver(redis: RedisHandle, round: number): Promise<void> {
  const masters = await mastersOf(redis);
  const victim = masters[round % masters.length]!;
  await redis.stopOne(victim, 'SIGKILL');
  await elapse(DEAD_MS);
  await redis.startOne(victim);
}

/** Places of the nodes that are masters now. */
async function mastersOf(redis: RedisHandle): Promise<number[]> {
  const roles = await Promise.all(redis.urls.map(async (url) => (await promisify(execFile)('redis-cli', ['-u', url, 'role'])).stdout));
  return roles.flatMap((role, place) => (role.startsWith('master') ? [place] : []));
}

/** Memory of one association: its sealed keys, and what moves of it. */
export async function storedBytes(redisUrl: string): Promise<number> {
  const cli = async (...words: string[]): Promise<string> => (await promisify(execFile)('redis-cli', ['-u', redisUrl, ...words], { maxBuffer: 64 << 20 })).stdout.trim();
  const names = (await cli('--scan', '--pattern', '*')).split('\n');
  const one = (pattern: RegExp): string => names.find((name) => pattern.test(name)) ?? '';
  const sizes = await Promise.all([one(/:x:[\w-]{19}$/), one(/:y:\{/)].map((name) => cli('memory', 'usage', name)));
  return sizes.reduce((sum, size) => sum + Number(size), 0);
}
