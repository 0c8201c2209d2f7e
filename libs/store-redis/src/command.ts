/** One step for Redis as the modules of this package state it: its slot's key, and a command or a script. */
import type { Redis } from 'ioredis';
import type { Connection } from './connection.ts';
import type { Script } from './scripts.ts';

export type Argument = string | Uint8Array | number | VersionedRecord;

/** A record as it is stored behind its version (uint32), without a copy for that. */
export interface VersionedRecord {
  readonly version: number;
  readonly record: Uint8Array;
}

export interface RedisCommand {
  /** Decides the node on a Redis Cluster. */
  readonly key: string;
  /** A command's name, or a script to run with `keys`. */
  readonly run: string | Script;
  /** Of a script: the KEYS of its step, all in the slot of `key`. */
  readonly keys?: readonly string[];
  readonly args: readonly Argument[];
}

/** Replies come undecoded: text and records as buffers. */
export type Reply = Buffer | number | null | readonly Reply[] | { readonly [field: string]: Buffer };

/** What is durable is done only when the replicas asked for have it; reads and hints are plain. */
export type Kind = 'plain' | 'durable';

/** Where commands go. Every failure is a `StoreUnavailable`: a `PartlyUnavailable` with the replies that there are, where only a part failed. */
export interface Router {
  /** Replies in the order of `commands`. Commands to one key run in that order. */
  execute(commands: readonly RedisCommand[], kind: Kind): Promise<Reply[]>;
  /**
   * Runs durable commands, none of them before all of `before` is done, or what fails of it is not what it `needs`: the
   * key of a command of `before`. Replies to `commands` alone.
   */
  inOrder(before: readonly RedisCommand[], commands: readonly RedisCommand[], needs: (index: number) => string | undefined): Promise<Reply[]>;
  getMany(keys: readonly string[]): Promise<(Buffer | null)[]>;
  /** A connection of its own, to a server that is up, for hearing what is published. */
  listener(): Redis;
  /** Fails unless every server that holds a part of the keys takes writes. */
  probe(): Promise<void>;
  /** The servers that hold the keys. */
  servers(): readonly Connection[];
  close(): void;
}

/** A command on one key, its name first. */
export function command(key: string, run: string, ...args: Argument[]): RedisCommand {
  return { key, run, args: [key, ...args] };
}

/** One step of a script, on keys of one slot. */
export function script(run: Script, keys: readonly [string, ...string[]], ...args: Argument[]): RedisCommand {
  return { key: keys[0], run, keys, args };
}
