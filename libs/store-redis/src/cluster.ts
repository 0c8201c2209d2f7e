/**
 * The router of a Redis Cluster: one pipeline a node for each call. It follows MOVED and ASK, and learns of a failover
 * from any node that still answers. (The client library's own cluster mode can wait for a dead node without end.)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eachOf, PartlyUnavailable, StoreUnavailable } from '@cluster/session';
import type { Redis } from 'ioredis';
import { command, type Kind, type RedisCommand, type Reply, type Router } from './command.ts';
import { Connection } from './connection.ts';
import { Fault, unavailable, within } from './faults.ts';
import type { Keys } from './keys.ts';
import type { Address, ConnectionSettings } from './link.ts';
import { SlotMap, nameOf, parseSlots } from './slots.ts';

const TRY_AGAIN_MS = 10;
const REFRESH_EVERY_MS = 5_000;
const MAX_PROBE_KEYS = 10_000;

export interface ClusterSettings {
  readonly seeds: readonly Address[];
  readonly connection: ConnectionSettings;
  readonly keys: Keys;
  readonly waitReplicas: number;
  /** Called when the link to a node that holds keys is lost. */
  readonly onLost: () => void;
}

export class ClusterRouter implements Router {
  readonly #settings: ClusterSettings;
  readonly #connections = new Map<string, Connection>();
  readonly #timer: NodeJS.Timeout;
  #slots = new SlotMap();
  #refreshing: Promise<void> | undefined;
  #closed = false;

  constructor(settings: ClusterSettings) {
    this.#settings = settings;
    for (const seed of settings.seeds) this.#connect(seed);
    this.#timer = setInterval(() => this.#refreshSoon(), REFRESH_EVERY_MS).unref();
  }

  async execute(commands: readonly RedisCommand[], kind: Kind): Promise<Reply[]> {
    const replies = new Array<Reply | StoreUnavailable>(commands.length);
    const deadline = performance.now() + this.#settings.connection.commandTimeoutMs;
    try {
      let left = await this.#round(commands, [...commands.keys()], replies, kind);
      for (let round = 1; left.length > 0; round++) {
        if (performance.now() > deadline) {
          for (const index of left) replies[index] = unavailable('redirected for too long');
          break;
        }
        if (round > 1) await sleep(TRY_AGAIN_MS); // a slot is on its way
        left = await this.#round(commands, left, replies, kind);
      }
      return whole(replies);
    } catch (error) {
      this.#refreshSoon();
      throw error;
    }
  }

  async inOrder(before: readonly RedisCommand[], commands: readonly RedisCommand[], needs: (index: number) => string | undefined): Promise<Reply[]> {
    const done = before.length === 0 ? [] : await eachOf(this.execute(before, 'durable'));
    const failed = new Map(before.flatMap(({ key }, index) => (done[index] instanceof StoreUnavailable ? [[key, done[index]]] : [])));
    if (failed.size === 0) return this.execute(commands, 'durable');
    const faults = commands.map((_, index) => failed.get(needs(index) ?? ''));
    const possible = commands.filter((_, index) => faults[index] === undefined);
    const replies = possible.length === 0 ? [] : await eachOf(this.execute(possible, 'durable'));
    let next = 0;
    return whole(faults.map((fault) => fault ?? replies[next++]!));
  }

  async getMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return (await this.execute(keys.map((key) => command(key, 'get')), 'plain')) as (Buffer | null)[];
  }

  listener(): Redis {
    const server = this.#all().find(({ ready }) => ready);
    if (server === undefined) throw unavailable('no node is up');
    return server.listener();
  }

  async probe(): Promise<void> {
    await this.#refresh();
    const probes = this.#probes();
    await this.execute(probes, 'durable');
  }

  servers(): readonly Connection[] {
    return this.#slots.owners().map((address) => this.#connect(address));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const connection of this.#all()) connection.close();
  }

  /**
   * Sends what is left, and gives what has to be sent once more, in its order. What a node does not carry out fails alone:
   * the others' part of the batch goes on.
   */
  async #round(commands: readonly RedisCommand[], left: number[], replies: (Reply | StoreUnavailable)[], kind: Kind): Promise<number[]> {
    if (this.#slots.empty) await this.#refresh();
    const groups = Map.groupBy(left, (index) => this.#owner(commands[index]!.key));
    const again: number[] = [];
    const settle = async (index: number, result: Reply | Fault, from: Connection): Promise<void> => {
      const settled = result instanceof Fault ? await asValue(this.#redirect(result, from, commands[index]!, kind)) : result;
      if (settled === undefined) again.push(index);
      else replies[index] = settled;
    };
    const send = async ([connection, indices]: [Connection | undefined, number[]]): Promise<void> => {
      const results = connection === undefined
        ? unavailable('nobody holds a part of the keys')
        : await asValue(connection.run(indices.map((index) => commands[index]!), kind));
      for (const [place, index] of indices.entries()) {
        if (results instanceof StoreUnavailable) replies[index] = results;
        else await settle(index, results[place]!, connection!);
      }
    };
    await Promise.all([...groups].map(send));
    return again.sort((a, b) => a - b);
  }

  /** What a node says instead of an answer: undefined if the command is to be sent again. */
  async #redirect(fault: Fault, from: Connection, single: RedisCommand, kind: Kind): Promise<Reply | undefined> {
    const { slot, host, port } = fault.target;
    const target = { host: host || from.address.host, port };
    if (fault.kind === 'MOVED') {
      this.#slots.assign(slot, target);
      this.#refreshSoon();
      return undefined;
    }
    if (fault.kind === 'ASK') {
      const reply = await this.#connect(target).runAsking(single, kind);
      if (!(reply instanceof Fault)) return reply;
      if (reply.kind !== 'TRYAGAIN') throw unavailable('refused', reply.error, 'refused');
    } else if (fault.kind !== 'TRYAGAIN') {
      throw unavailable('refused', fault.error, 'refused');
    }
    return undefined;
  }

  #owner(key: string): Connection | undefined {
    const owner = this.#slots.owner(key);
    return owner && this.#connect(owner);
  }

  #connect(address: Address): Connection {
    const name = nameOf(address);
    const known = this.#connections.get(name);
    if (known) return known;
    if (this.#closed) throw unavailable('closed');
    const connection = new Connection(address, this.#settings.connection, this.#settings.waitReplicas);
    connection.onLost(() => {
      if (this.#slots.isOwner(address)) this.#settings.onLost();
      this.#refreshSoon();
    });
    this.#connections.set(name, connection);
    return connection;
  }

  #all(): Connection[] {
    return [...this.#connections.values()];
  }

  #refreshSoon(): void {
    this.#refresh().catch(() => {}); // whoever needs the slots asks again
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#askForSlots().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  /** Takes the first answer of any node that sees most of the others: a silent or cut off one decides nothing. */
  async #askForSlots(): Promise<void> {
    const asked = this.#all().map(async (connection) => {
      const [info, slots] = await Promise.all([connection.call('cluster', 'info'), connection.call('cluster', 'slots')]);
      if (!String(info).includes('cluster_state:ok')) throw unavailable('a node whose cluster is down');
      return parseSlots(slots, connection.address.host);
    });
    try {
      this.#slots = await within(this.#settings.connection.commandTimeoutMs, 'asking for slots', Promise.any(asked));
    } catch (error) {
      throw unavailable('no node tells the slots', error);
    }
    this.#forget();
  }

  /** Closes nodes that neither hold slots nor were named by the operator. */
  #forget(): void {
    const kept = new Set([...this.#settings.seeds, ...this.#slots.owners()].map(nameOf));
    for (const [name, connection] of this.#connections) {
      if (kept.has(name)) continue;
      this.#connections.delete(name);
      connection.close();
    }
  }

  /** One write for each node: keys are tried until each node owns one. */
  #probes(): RedisCommand[] {
    if (!this.#slots.complete) throw unavailable('nobody holds a part of the keys');
    const probes = new Map<string, RedisCommand>();
    const nodes = this.#slots.owners().length;
    for (let index = 0; probes.size < nodes && index < MAX_PROBE_KEYS; index++) {
      const key = this.#settings.keys.probe(index);
      probes.set(nameOf(this.#slots.owner(key)!), command(key, 'set', '', 'PX', 1));
    }
    return [...probes.values()];
  }
}

/** A failure of the store as a value. */
async function asValue<T>(work: Promise<T>): Promise<T | StoreUnavailable> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreUnavailable) return error;
    throw error;
  }
}

/** The replies, if all of them came. Throws the fault where there are none, and what there is where some failed. */
function whole(replies: readonly (Reply | StoreUnavailable)[]): Reply[] {
  const faults = replies.filter((reply) => reply instanceof StoreUnavailable);
  if (faults.length === 0) return replies as Reply[];
  throw faults.length === replies.length ? faults[0]! : new PartlyUnavailable(replies);
}
