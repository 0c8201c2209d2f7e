/** The Redis adapter of the session ports: state, leases and what readers are shown, on one server or a cluster. */
import { partOf } from '@cluster/bytes';
import type { UpdateStores } from '@cluster/firmware';
import type { CampaignStore, GroupStore, JobStore } from '@cluster/fleet';
import type { CertificateStore } from '@cluster/pki';
import type { AssociationStore, BootstrapSessionStore, ClusterStore, CredentialStore, ReadModelStore, SessionStore } from '@cluster/session';
import { addressIndex } from './addresses.ts';
import { alarmClock, alarmSetter } from './alarms.ts';
import { associationKeeper } from './associations.ts';
import { Availability, type AvailabilityListener } from './availability.ts';
import { certificateKeeper } from './certificates.ts';
import { bootstrapSessionKeeper } from './bootstrap-sessions.ts';
import { ClusterRouter } from './cluster.ts';
import type { Router } from './command.ts';
import { Connection } from './connection.ts';
import { credentialKeeper } from './credentials.ts';
import { documentSets } from './documents.ts';
import { Doorbell } from './doorbell.ts';
import { weaknesses } from './durability.ts';
import { endpointIndex } from './endpoints.ts';
import { unavailable, within } from './faults.ts';
import { fleetKeeper } from './fleet.ts';
import { keysUnder, type Keys } from './keys.ts';
import { SingleRouter } from './single.ts';
import { resolveOptions, type RedisStoreOptions, type ResolvedOptions } from './options.ts';
import { readModel } from './read-model.ts';
import { recordKeeper } from './records.ts';
import { parseUrls } from './urls.ts';
import { tenantAccounts } from './waiting.ts';
import { updateKeeper } from './updates.ts';
import { timeMs, workerLeases } from './workers.ts';

export interface RedisStore extends SessionStore, ClusterStore, ReadModelStore, CredentialStore, AssociationStore, JobStore, GroupStore, CampaignStore, BootstrapSessionStore, UpdateStores, CertificateStore {
  /** False from the first failure on, until every server takes writes again. */
  readonly available: boolean;
  /** Hears when the store goes away (with the reason) and comes back. Returns its own removal. */
  onAvailability(listener: AvailabilityListener): () => void;
  /** Names what is weaker than AOF, a replica that writes wait for, and `noeviction`. */
  durability(): Promise<string[]>;
}

/**
 * Connects, and goes on connecting for ever. Resolves when every server takes writes, or without them after
 * `commandTimeoutMs`: then `available` is false until they do.
 * @throws {RangeError | TypeError} for options that can never work
 */
export async function connectRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const resolved = resolveOptions(options);
  const keys = keysUnder(resolved.keyPrefix);
  const availability = new Availability(() => router.probe());
  const router = watched(openRouter(resolved, keys, () => availability.failed(unavailable('a link was lost'))), availability);
  const first = new Promise<void>((resolve) => availability.listen(() => resolve()));
  await availability.check();
  if (!availability.available) await within(resolved.commandTimeoutMs, 'connecting', first).catch(() => {});
  return assemble(router, keys, availability, resolved);
}

function openRouter(options: ResolvedOptions, keys: Keys, onLost: () => void): Router {
  const { seeds, connection } = parseUrls(options);
  const { waitReplicas } = options;
  if (seeds.length > 1) return new ClusterRouter({ seeds, connection, keys, waitReplicas, onLost });
  const single = new Connection(seeds[0]!, { ...connection, together: true }, waitReplicas);
  single.onLost(onLost);
  return new SingleRouter(single, keys);
}

/** Tells `availability` of each failure. */
function watched(router: Router, availability: Availability): Router {
  const watch = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => async (...args: A): Promise<R> => {
    try {
      return await call(...args);
    } catch (error) {
      availability.failed(error as Error);
      throw error;
    }
  };
  return {
    execute: watch((commands, kind) => router.execute(commands, kind)),
    inOrder: watch((before, commands, needs) => router.inOrder(before, commands, needs)),
    getMany: watch((keys) => router.getMany(keys)),
    listener: () => router.listener(),
    probe: () => router.probe(),
    servers: () => router.servers(),
    close: () => router.close(),
  };
}

function assemble(router: Router, keys: Keys, availability: Availability, options: ResolvedOptions): RedisStore {
  const doorbell = new Doorbell(router, keys);
  return {
    ...endpointIndex(router, keys),
    ...tenantAccounts(router, keys),
    ...recordKeeper(router, keys, alarmSetter(keys, options.shards), (number) => keys.alarms(partOf(number, options.shards))),
    ...credentialKeeper(router, keys),
    ...certificateKeeper(router, keys),
    ...associationKeeper(router, keys),
    ...addressIndex(router, keys),
    ...alarmClock(router, keys, options.shards),
    ...workerLeases(router, keys),
    ...documentSets(router, keys),
    ...readModel(router, keys),
    ...bootstrapSessionKeeper(router, keys),
    ...fleetKeeper(router, keys, () => timeMs(router, keys)),
    ...updateKeeper(router, keys, 'firmware'),
    software: updateKeeper(router, keys, 'software'),
    ring: (rings) => doorbell.ring(rings),
    onRing: (worker, listener) => doorbell.onRing(worker, listener),
    timeMs: () => timeMs(router, keys),
    get available() {
      return availability.available;
    },
    onAvailability: (listener) => availability.listen(listener),
    durability: () => weaknesses(router.servers(), options.waitReplicas),
    async close() {
      availability.close();
      doorbell.close();
      router.close();
    },
  };
}
