/** How workers know of each other: leases that run out, the sweep of each shard, and past outages. */
import type { ClusterStore, DocumentStore, Outage } from '@cluster/session';
import { command, script, type Reply, type Router } from './command.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts.ts';

const MAX_OUTAGES = 1_000;

type Workers = Omit<ClusterStore, 'ring' | 'onRing' | keyof DocumentStore>;

export function workerLeases(router: Router, keys: Keys): Workers {
  return {
    async renewLease(worker, ttlMs) {
      const lease = command(keys.lease(worker), 'set', '1', 'PX', ttlMs);
      const [, time] = await router.execute([lease, askTime(keys)], 'durable');
      return toMs(time!);
    },
    async releaseLease(worker) {
      await router.execute([command(keys.lease(worker), 'del')], 'durable');
    },
    async alive(workers) {
      return (await router.getMany(workers.map(keys.lease))).map((lease) => lease !== null);
    },
    async takeShard(shard, worker, ttlMs) {
      const [taken] = await router.execute([script(scripts.takeShard, [keys.sweep(shard)], worker, ttlMs)], 'durable');
      return taken === 1;
    },
    async reportOutage({ fromMs, toMs: end }) {
      await router.execute([script(scripts.reportOutage, [keys.outages()], end, `${fromMs} ${end}`, MAX_OUTAGES)], 'durable');
    },
    async outages(sinceMs) {
      const [members] = await router.execute([command(keys.outages(), 'zrangebyscore', `(${sinceMs}`, '+inf')], 'plain');
      return (members as readonly Buffer[]).map(toOutage).sort((a, b) => a.toMs - b.toMs || a.fromMs - b.fromMs);
    },
  };
}

/** Asks the one node that tells the time, so that all workers hear the same clock. */
export async function timeMs(router: Router, keys: Keys): Promise<number> {
  const [time] = await router.execute([askTime(keys)], 'plain');
  return toMs(time!);
}

function askTime(keys: Keys) {
  return { key: keys.clock(), run: 'time', args: [] };
}

function toMs(time: Reply): number {
  const [seconds, microseconds] = (time as readonly Buffer[]).map((part) => Number(part.toString('latin1')));
  return seconds! * 1_000 + Math.floor(microseconds! / 1_000);
}

function toOutage(member: Buffer): Outage {
  const [fromMs, end] = member.toString('latin1').split(' ').map(Number);
  return { fromMs: fromMs!, toMs: end! };
}
