/** What an association takes in Redis, keys and their overhead included: asked of Redis for each key. */
import { Redis } from 'ioredis';
import { TARGETS } from './report.ts';

const KINDS = { sealed: '*:x:*', slot: '*:y:*' } as const;
const FLIGHT = '.flight';
const AT_A_TIME = 1_000;

/** One line: the mean of all associations that are stored. */
export async function associationLine(redisUrl: string): Promise<string> {
  const redis = new Redis(redisUrl);
  try {
    const [sealed, slots] = await Promise.all([usage(redis, KINDS.sealed), usage(redis, KINDS.slot)]);
    const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / Math.max(1, values.length);
    const keys = mean(sealed.filter(([key]) => !key.endsWith(FLIGHT)).map(([, bytes]) => bytes));
    const flight = mean(sealed.filter(([key]) => key.endsWith(FLIGHT)).map(([, bytes]) => bytes));
    const slot = mean(slots.map(([, bytes]) => bytes));
    const whole = keys + slot;
    const parts = `sealed keys ${keys.toFixed(0)} + slot ${slot.toFixed(0)}; last flight, for two minutes, ${flight.toFixed(0)}`;
    return `bytes of Redis an association (${slots.length} of them): ${whole.toFixed(0)} (${parts})  ${whole <= TARGETS.associationBytes ? 'within' : 'OVER'} ${TARGETS.associationBytes}`;
  } finally {
    redis.disconnect();
  }
}

async function usage(redis: Redis, pattern: string): Promise<[key: string, bytes: number][]> {
  const found: [string, number][] = [];
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', AT_A_TIME);
    const bytes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
    keys.forEach((key, i) => found.push([key, bytes[i] ?? 0]));
    cursor = next;
  } while (cursor !== '0');
  return found;
}
