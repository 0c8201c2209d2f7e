/**
 * The links to one Redis server. Where writes wait for replicas they have a link of their own: WAIT holds up all that
 * follows it, and a server without its replica must still answer what is read.
 */
import type { Redis } from 'ioredis';
import type { Argument, Kind, RedisCommand, Reply } from './command.ts';
import { Fault, unavailable } from './faults.ts';
import { Link, type Address, type ConnectionSettings } from './link.ts';

export class Connection {
  readonly address: Address;
  readonly #plain: Link;
  readonly #durable: Link;

  constructor(address: Address, settings: ConnectionSettings, waitReplicas: number) {
    this.address = address;
    this.#plain = new Link(address, settings, 0);
    this.#durable = waitReplicas > 0 ? new Link(address, settings, waitReplicas) : this.#plain;
  }

  get ready(): boolean {
    return this.#plain.ready;
  }

  /** Hears when a link that was in use is lost, not each failed attempt to get it back. */
  onLost(listener: () => void): void {
    for (const link of this.#links()) link.onLost(listener);
  }

  /** Runs commands. Faults of single commands are values; only a dead link or missing replicas reject. */
  run(commands: readonly RedisCommand[], kind: Kind): Promise<(Reply | Fault)[]> {
    return this.#linkFor(kind).run(commands);
  }

  /** Runs one command on a slot that is on its way to this node. */
  runAsking(command: RedisCommand, kind: Kind): Promise<Reply | Fault> {
    return this.#linkFor(kind).runAsking(command);
  }

  /** Runs one command that belongs to no key. */
  async call(name: string, ...args: Argument[]): Promise<Reply> {
    const [reply] = await this.#plain.run([{ key: '', run: name, args }]);
    if (reply instanceof Fault) throw unavailable(name, reply.error);
    return reply!;
  }

  async getMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return (await this.call('mget', ...keys)) as (Buffer | null)[];
  }

  /** A further connection to the same server, to listen with; it ends when its link is lost. */
  listener(): Redis {
    return this.#plain.listener();
  }

  close(): void {
    for (const link of this.#links()) link.close();
  }

  #linkFor(kind: Kind): Link {
    return kind === 'plain' ? this.#plain : this.#durable;
  }

  #links(): Set<Link> {
    return new Set([this.#plain, this.#durable]);
  }
}
