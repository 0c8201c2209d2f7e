/** What an operator chooses about the Redis store, and the defaults for what is left open. */
import type { ConnectionOptions } from 'node:tls';

export interface RedisStoreOptions {
  /** `redis://[user:password@]host:port[/db]` or `rediss://`; more than one: seeds of a Redis Cluster. */
  readonly urls: readonly string[];
  /** Begins every key. Default `lwm2m`. */
  readonly keyPrefix?: string;
  /** Into how many sorted sets the alarms are spread; must not change while alarms are stored. Default 64. */
  readonly shards?: number;
  /** Instead of what the addresses say. */
  readonly username?: string;
  readonly password?: string;
  /** What `rediss://` needs beyond the authorities that Node.js knows; asked for each connection. */
  readonly tls?: () => ConnectionOptions;
  /** After this time without an answer a call fails. Default 1,000. */
  readonly commandTimeoutMs?: number;
  /** How many replicas must have acknowledged before a write counts as done. Default 0. */
  readonly waitReplicas?: number;
}

type Access = 'username' | 'password' | 'tls';
export type ResolvedOptions = Readonly<Required<Omit<RedisStoreOptions, Access>> & Pick<RedisStoreOptions, Access>>;

/** @throws {RangeError} when no address is given or a number makes no sense. */
export function resolveOptions(options: RedisStoreOptions): ResolvedOptions {
  if (options.urls.length === 0) throw new RangeError('at least one Redis address is needed');
  const { username, password, tls } = options;
  const resolved = {
    urls: [...options.urls],
    keyPrefix: options.keyPrefix ?? 'lwm2m',
    shards: options.shards ?? 64,
    commandTimeoutMs: options.commandTimeoutMs ?? 1_000,
    waitReplicas: options.waitReplicas ?? 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  requireInteger('shards', resolved.shards, 1);
  requireInteger('commandTimeoutMs', resolved.commandTimeoutMs, 1);
  requireInteger('waitReplicas', resolved.waitReplicas, 0);
  return Object.freeze(resolved);
}

function requireInteger(name: string, value: number, atLeast: number): void {
  if (!Number.isInteger(value) || value < atLeast) throw new RangeError(`${name} must be a whole number from ${atLeast}`);
}
