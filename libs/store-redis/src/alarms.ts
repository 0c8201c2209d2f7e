/** When each device's state has to be looked at again: one sorted set for each shard. */
import type { Alarm, SessionStore } from '@cluster/session';
import { command, script, type Argument, type RedisCommand, type Router } from './command.ts';
import { partOf } from '@cluster/bytes';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

/** Makes the commands that set alarms or bring them forward. */
export function alarmSetter(keys: Keys, shards: number): (alarms: readonly Alarm[]) => RedisCommand[] {
  const add = (key: string, group: Alarm[]): RedisCommand => {
    const args: Argument[] = [];
    for (const { atMs, number } of group) args.push(atMs, number);
    return { key, run: scripts.schedule, keys: [key], args };
  };
  return (alarms) => (alarms.length === 0 ? [] : byShard(alarms, keys, shards, add));
}

function byShard<T extends { number: string }>(
  items: readonly T[], keys: Keys, shards: number, toCommand: (key: string, group: T[]) => RedisCommand,
): RedisCommand[] {
  const groups = Map.groupBy(items, ({ number }) => partOf(number, shards));
  return [...groups].map(([shard, group]) => toCommand(keys.alarms(shard), group));
}

export function alarmClock(
  router: Router,
  keys: Keys,
  shards: number,
): Pick<SessionStore, 'schedule' | 'due' | 'alarmsAfter' | 'settle' | 'shards'> {
  const toCommands = alarmSetter(keys, shards);
  return {
    shards,
    async schedule(alarms) {
      await router.execute(toCommands(alarms), 'durable');
    },
    async due(shard, nowMs, limit) {
      const range = command(keys.alarms(shard), 'zrangebyscore', '-inf', nowMs, 'WITHSCORES', 'LIMIT', 0, limit);
      const [reply] = await router.execute([range], 'plain');
      return toAlarms(reply as readonly Buffer[]);
    },
    async alarmsAfter(shard, afterMs, limit) {
      const [reply] = await router.execute([script(scripts.alarmsAfter, [keys.alarms(shard)], afterMs, limit)], 'plain');
      return toAlarms(reply as readonly Buffer[]);
    },
    async settle(alarms) {
      const move = (key: string, group: (typeof alarms)[number][]): RedisCommand => {
        const args: Argument[] = [];
        for (const { number, atMs, nextMs } of group) args.push(number, atMs, nextMs ?? '');
        return { key, run: scripts.settle, keys: [key], args };
      };
      await router.execute(byShard(alarms, keys, shards, move), 'durable');
    },
  };
}

function toAlarms(flat: readonly Buffer[]): Alarm[] {
  return Array.from({ length: flat.length / 2 }, (_, index) => ({
    number: flat[2 * index]!.toString('latin1'),
    atMs: Number(flat[2 * index + 1]!.toString('latin1')),
  }));
}
