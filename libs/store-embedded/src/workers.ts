/**
 * How workers of one process know of each other. Leases and doorbells live in memory, since they end with the process;
 * outages are kept.
 */
import { EventEmitter } from 'node:events';
import { StoreUnavailable, type ClusterStore, type DocumentStore } from '@cluster/session';
import type { Database } from './database.ts';

const MAX_OUTAGES = 1_000;

interface Lease {
  readonly holder: string;
  readonly untilMs: number;
}

export function workers(database: Database, now: () => number, isClosed: () => boolean): Omit<ClusterStore, keyof DocumentStore> {
  return { ...leases(now, isClosed), ...doorbells(isClosed), ...outages(database) };
}

function leases(now: () => number, isClosed: () => boolean) {
  const held = new Map<string, Lease>();
  const holder = (name: string): string | undefined => {
    const lease = held.get(name);
    return lease !== undefined && lease.untilMs > now() ? lease.holder : undefined;
  };
  const take = (name: string, worker: string, ttlMs: number) => held.set(name, { holder: worker, untilMs: now() + ttlMs });
  return {
    async renewLease(worker: string, ttlMs: number): Promise<number> {
      refuseIf(isClosed());
      take(`worker ${worker}`, worker, ttlMs);
      return now();
    },
    async releaseLease(worker: string): Promise<void> {
      refuseIf(isClosed());
      held.delete(`worker ${worker}`);
    },
    async alive(names: readonly string[]): Promise<boolean[]> {
      refuseIf(isClosed());
      return names.map((worker) => holder(`worker ${worker}`) !== undefined);
    },
    async takeShard(shard: number, worker: string, ttlMs: number): Promise<boolean> {
      refuseIf(isClosed());
      const name = `shard ${shard}`;
      if ((holder(name) ?? worker) !== worker) return false;
      take(name, worker, ttlMs);
      return true;
    },
  };
}

function doorbells(isClosed: () => boolean): Pick<ClusterStore, 'ring' | 'onRing'> {
  const bells = new EventEmitter().setMaxListeners(0);
  return {
    async ring(rings) {
      refuseIf(isClosed());
      // Heard in a later turn, as from another process.
      setImmediate(() => {
        for (const { worker, number, queueOnly = false } of rings) bells.emit(`worker ${worker}`, number, queueOnly);
      });
    },
    async onRing(worker, listener) {
      refuseIf(isClosed());
      const own = (number: string, queueOnly: boolean): void => listener(number, queueOnly);
      bells.on(`worker ${worker}`, own);
      return async () => void bells.off(`worker ${worker}`, own);
    },
  };
}

function outages(database: Database): Pick<ClusterStore, 'reportOutage' | 'outages'> {
  return {
    reportOutage: ({ fromMs, toMs }) =>
      database.write(() => {
        database.run('INSERT OR IGNORE INTO store_outages VALUES (?, ?)', toMs, fromMs);
        const newest = 'SELECT to_ms, from_ms FROM store_outages ORDER BY to_ms DESC, from_ms DESC LIMIT ?';
        database.run(`DELETE FROM store_outages WHERE (to_ms, from_ms) NOT IN (${newest})`, MAX_OUTAGES);
      }),
    outages: (sinceMs) =>
      database.read(() =>
        database
          .all('SELECT from_ms, to_ms FROM store_outages WHERE to_ms > ? ORDER BY to_ms, from_ms', sinceMs)
          .map((row) => ({ fromMs: Number(row['from_ms']), toMs: Number(row['to_ms']) })),
      ),
  };
}

function refuseIf(closed: boolean): void {
  if (closed) throw new StoreUnavailable('embedded store: closed');
}
