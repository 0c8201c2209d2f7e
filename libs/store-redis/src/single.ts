/** The router of a single server: one pipeline, or one MGET, for each call. */
import type { Redis } from 'ioredis';
import { command, type Kind, type RedisCommand, type Reply, type Router } from './command.ts';
import type { Connection } from './connection.ts';
import { Fault, unavailable } from './faults.ts';
import type { Keys } from './keys.ts';

export class SingleRouter implements Router {
  readonly #connection: Connection;
  readonly #keys: Keys;

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async execute(commands: readonly RedisCommand[], kind: Kind): Promise<Reply[]> {
    if (commands.length === 0) return [];
    const replies = await this.#connection.run(commands, kind);
    return replies.map((reply) => {
      if (reply instanceof Fault) throw unavailable('refused', reply.error, 'refused');
      return reply;
    });
  }

  async inOrder(before: readonly RedisCommand[], commands: readonly RedisCommand[]): Promise<Reply[]> {
    if (before.length === 0) return this.execute(commands, 'durable');
    // One server carries a pipeline out in its order.
    return (await this.execute([...before, ...commands], 'durable')).slice(before.length);
  }

  async getMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return keys.length === 0 ? [] : this.#connection.getMany(keys);
  }

  listener(): Redis {
    return this.#connection.listener();
  }

  async probe(): Promise<void> {
    await this.execute([command(this.#keys.probe(0), 'set', '', 'PX', 1)], 'durable');
  }

  servers(): readonly Connection[] {
    return [this.#connection];
  }

  close(): void {
    this.#connection.close();
  }
}
