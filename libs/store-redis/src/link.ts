/**
 * One connection to a Redis server. It never queues while it is away, never repeats a command by itself, drops a
 * link that stays silent, and connects again for ever.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { Fault, unavailable, within } from './faults.ts';
import type { Argument, RedisCommand, Reply } from './command.ts';

const MAX_RETRY_DELAY_MS = 500;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionSettings extends RedisOptions {
  readonly commandTimeoutMs: number;
}

type Result = [Error | null, Reply];

export class Link {
  readonly address: Address;
  readonly #firstReady: Promise<void>;
  readonly #redis: Redis;
  readonly #timeoutMs: number;
  /** Commands wait for the first attempt to connect; later ones fail at once while the server is away. */
  #waitsForFirst = true;
  #gathering = false;

  constructor(address: Address, { commandTimeoutMs, ...options }: ConnectionSettings) {
    this.address = address;
    this.#timeoutMs = commandTimeoutMs;
    this.#redis = new Redis({ ...options, ...address, ...reliable(commandTimeoutMs) });
    this.#redis.on('error', () => {}); // each command hears of it itself
    this.#firstReady = new Promise((resolve) => {
      this.#redis.once('ready', resolve);
      this.#redis.once('close', resolve);
    });
    void this.#firstReady.then(() => (this.#waitsForFirst = false));
  }

  /** Hears when a link that was in use is lost, not each failed attempt to get it back. */
  onLost(listener: () => void): void {
    let used = false;
    this.#redis.on('ready', () => (used = true));
    this.#redis.on('close', () => {
      if (used) listener();
      used = false;
    });
  }

  /**
   * Runs commands in one pipeline. Faults of single commands are values; a dead link and missing replicas reject.
   * @param replicas asks for so many acknowledgements, as the last of the pipeline
   */
  async run(commands: readonly RedisCommand[], replicas: number, asking = false): Promise<(Reply | Fault)[]> {
    const replies = await this.#send(commands.map(byHash), replicas, asking);
    const unknown = commands.flatMap((_, index) => (isFault(replies[index], 'NOSCRIPT') ? [index] : []));
    if (unknown.length === 0) return replies;
    const again = await this.#send(unknown.map((index) => bySource(commands[index]!)), replicas, asking);
    unknown.forEach((index, place) => (replies[index] = again[place]!));
    return replies;
  }

  /** A second connection to the same server, to listen with; it ends when its link is lost. */
  listener(): Redis {
    return this.#redis.duplicate({ retryStrategy: null, enableOfflineQueue: true });
  }

  get ready(): boolean {
    return this.#redis.status === 'ready';
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #send(calls: readonly Argument[][], replicas: number, asking: boolean): Promise<(Reply | Fault)[]> {
    if (this.#waitsForFirst) await within(this.#timeoutMs, 'connecting', this.#firstReady);
    if (this.#redis.status !== 'ready') throw unavailable(`${this.address.host}:${this.address.port} is away`);
    this.#gather();
    const alone = calls.length === 1 && replicas === 0 && !asking; // in a pipeline it would cost twice as much
    const answer = alone ? this.#single(calls[0]!) : this.#pipeline(calls, replicas, asking);
    return this.#read(await within(this.#timeoutMs, 'an answer', answer), calls.length, replicas, asking);
  }

  /** Lets all commands of this turn leave in one system call, which costs more than a command. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    const { stream } = this.#redis;
    stream.cork();
    process.nextTick(() => {
      this.#gathering = false;
      stream.uncork();
    });
  }

  async #single([name, ...args]: Argument[]): Promise<Result[]> {
    try {
      return [[null, (await this.#redis.callBuffer(name as string, args)) as Reply]];
    } catch (error) {
      return [[error as Error, null]];
    }
  }

  async #pipeline(calls: readonly Argument[][], replicas: number, asking: boolean): Promise<Result[]> {
    const pipeline = this.#redis.pipeline();
    for (const [name, ...args] of calls) {
      if (asking) pipeline.call('asking');
      pipeline.callBuffer(name as string, ...args);
    }
    if (replicas > 0) pipeline.call('wait', replicas, Math.ceil(this.#timeoutMs / 2));
    return ((await pipeline.exec()) ?? []) as Result[];
  }

  #read(results: Result[], count: number, replicas: number, asking: boolean): (Reply | Fault)[] {
    const acknowledged = replicas > 0 ? results.pop() : undefined;
    const own = asking ? results.filter((_, index) => index % 2 === 1) : results;
    if (own.length !== count) throw unavailable('an incomplete answer');
    const replies = own.map(([error, reply]) => (error ? new Fault(error) : reply));
    const lost = replies.find((reply) => reply instanceof Fault && reply.error.name !== 'ReplyError');
    if (lost instanceof Fault) throw unavailable('the connection was lost', lost.error);
    if (acknowledged && !(Number(acknowledged[1]) >= replicas)) {
      throw unavailable(`only ${String(acknowledged[1])} of ${replicas} replicas acknowledged`, acknowledged[0] ?? undefined);
    }
    return replies;
  }
}

function reliable(commandTimeoutMs: number): RedisOptions {
  return {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: commandTimeoutMs,
    socketTimeout: commandTimeoutMs,
    maxLoadingRetryTime: MAX_RETRY_DELAY_MS,
    keepAlive: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_RETRY_DELAY_MS),
  };
}

function byHash({ run, keys = [], args }: RedisCommand): Argument[] {
  return typeof run === 'string' ? [run, ...args] : ['evalsha', run.sha, keys.length, ...keys, ...args];
}

function bySource({ run, keys = [], args }: RedisCommand): Argument[] {
  return typeof run === 'string' ? [run, ...args] : ['eval', run.lua, keys.length, ...keys, ...args];
}

function isFault(reply: Reply | Fault | undefined, kind: string): boolean {
  return reply instanceof Fault && reply.kind === kind;
}
