/** Which device number an endpoint has, and which device last spoke from an address. */
import type { DeviceNumber, SessionStore } from '@cluster/session';
import type { Database } from './database.ts';

type Names = Pick<SessionStore, 'resolve' | 'claim' | 'release' | 'bindAddresses' | 'resolveAddresses'>;

const FIND = 'SELECT number FROM store_endpoints WHERE endpoint = ?';

export function names(database: Database, now: () => number): Names {
  const find = (endpoint: string): DeviceNumber | undefined => text(database.get(FIND, endpoint)?.['number']);
  return {
    resolve: (endpoints) => database.read(() => endpoints.map(find)),
    claim: (claims) =>
      database.write(() =>
        claims.map(({ endpoint, proposal, replaces }) => {
          const held = find(endpoint);
          if (held !== undefined && held !== replaces) return held;
          database.run('INSERT OR REPLACE INTO store_endpoints VALUES (?, ?)', endpoint, proposal);
          return proposal;
        }),
      ),
    release: (endpoint, number) =>
      database.write(() => database.run('DELETE FROM store_endpoints WHERE endpoint = ? AND number = ?', endpoint, number)),
    bindAddresses: (bindings) =>
      database.write(() => {
        for (const { peer, number, ttlMs } of bindings) {
          database.run('INSERT OR REPLACE INTO store_addresses VALUES (?, ?, ?)', peer, number, now() + ttlMs);
        }
      }),
    resolveAddresses: (peers) =>
      database.read(() => {
        const sql = 'SELECT number FROM store_addresses WHERE peer = ? AND expires_ms > ?';
        return peers.map((peer) => text(database.get(sql, peer, now())?.['number']));
      }),
  };
}

function text(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}
