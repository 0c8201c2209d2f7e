/**
 * One connection to a Redis server. It never queues while it is away, never repeats a command by itself, drops a
 * link that stays silent, and connects again for ever.
 */
import { Redis, type ChainableCommander, type Command, type RedisOptions } from 'ioredis';
import { toCalls, toReplies, type Call } from './calls.ts';
import { Fault, unavailable, within } from './faults.ts';
import type { RedisCommand, Reply } from './command.ts';
import { PackedCommand } from './packed-command.ts';

const MAX_RETRY_DELAY_MS = 500;
/**
 * After so many times its patience ioredis drops a link that stays silent while it comes up. It does not read what lies in
 * the socket before: of a link in use that is decided here, or a process that stood still would lose its answers.
 */
const SILENCE = 10;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConnectionSettings extends RedisOptions {
  readonly commandTimeoutMs: number;
  /** One server has all keys, so that steps of a script may share a call. */
  readonly together?: boolean;
}

const ASKING: Call = { run: 'asking', commands: [{ key: '', run: 'asking', args: [] }], from: 0, to: 1 };

/** A call of {@link Link.run} that has not left yet. */
interface Waiting {
  readonly commands: readonly RedisCommand[];
  readonly resolve: (replies: (Reply | Fault)[]) => void;
  readonly reject: (error: Error) => void;
}

/** What ioredis' types leave out of a pipeline. */
interface Commands {
  sendCommand(command: Command): void;
}

type Result = [Error | null, Reply];

export class Link {
  readonly address: Address;
  readonly #firstReady: Promise<void>;
  readonly #redis: Redis;
  readonly #timeoutMs: number;
  /** Commands wait for the first attempt to connect; later ones fail at once while the server is away. */
  #waitsForFirst = true;
  readonly #together: boolean;
  readonly #replicas: number;
  #turn: Waiting[] = [];
  /** Answers that came, to know whether any came since a command left. */
  #answers = 0;

  /** `replicas` have to acknowledge what is sent before it counts as done. */
  constructor(address: Address, { commandTimeoutMs, together = false, ...options }: ConnectionSettings, replicas: number) {
    this.address = address;
    this.#timeoutMs = commandTimeoutMs;
    this.#together = together;
    this.#replicas = replicas;
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
   * Runs commands, with all that come in the same turn in one pipeline: a system call costs more than a command. Faults of
   * single commands are values; a dead link and missing replicas reject.
   */
  run(commands: readonly RedisCommand[]): Promise<(Reply | Fault)[]> {
    return new Promise((resolve, reject) => {
      if (this.#turn.push({ commands, resolve, reject }) === 1) setImmediate(() => void this.#leave());
    });
  }

  /** Runs one command that a cluster's node takes only when it was asked to. */
  async runAsking(command: RedisCommand): Promise<Reply | Fault> {
    const calls = toCalls([command], false);
    const bySource = calls.map((call) => new PackedCommand(call, 'source')); // its scripts are not there yet
    const [, ...replies] = await this.#send([new PackedCommand(ASKING, 'hash'), ...bySource]);
    return toReplies(calls, replies)[0]!;
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

  /** Sends what this turn brought, and gives each caller its own replies. */
  async #leave(): Promise<void> {
    const turn = this.#turn;
    this.#turn = [];
    try {
      const commands = turn.length === 1 ? turn[0]!.commands : turn.flatMap((one) => one.commands);
      const replies = await this.#exchange(toCalls(commands, this.#together));
      let from = 0;
      for (const one of turn) one.resolve(replies.slice(from, (from += one.commands.length)));
    } catch (error) {
      for (const one of turn) one.reject(error as Error);
    }
  }

  async #exchange(calls: readonly Call[]): Promise<(Reply | Fault)[]> {
    if (this.#waitsForFirst) await within(this.#timeoutMs, 'connecting', this.#firstReady);
    const replies = await this.#send(calls.map((call) => new PackedCommand(call, 'hash')));
    const unknown = calls.flatMap((_, index) => (isFault(replies[index], 'NOSCRIPT') ? [index] : []));
    if (unknown.length > 0) {
      const again = await this.#send(unknown.map((index) => new PackedCommand(calls[index]!, 'source')));
      unknown.forEach((index, place) => (replies[index] = again[place]!));
    }
    return toReplies(calls, replies);
  }

  async #send(commands: readonly PackedCommand[]): Promise<(Reply | Fault)[]> {
    if (this.#redis.status !== 'ready') throw unavailable(`${this.address.host}:${this.address.port} is away`);
    const alone = commands.length === 1 && this.#replicas === 0; // in a pipeline it would cost twice as much
    return this.#read(await this.#answered(alone ? this.#single(commands[0]!) : this.#pipeline(commands)), commands.length);
  }

  /** An answer in time; a link that gave none since the command left is dropped. */
  async #answered(answer: Promise<Result[]>): Promise<Result[]> {
    const before = this.#answers;
    try {
      const results = await within(this.#timeoutMs, 'an answer', answer);
      this.#answers++;
      return results;
    } catch (error) {
      if (this.#answers === before) this.#redis.stream.destroy();
      throw error;
    }
  }

  async #single(command: PackedCommand): Promise<Result[]> {
    try {
      return [[null, (await this.#redis.sendCommand(command)) as Reply]];
    } catch (error) {
      return [[error as Error, null]];
    }
  }

  async #pipeline(commands: readonly PackedCommand[]): Promise<Result[]> {
    const pipeline = this.#redis.pipeline() as ChainableCommander & Commands;
    for (const command of commands) pipeline.sendCommand(command);
    if (this.#replicas > 0) pipeline.call('wait', this.#replicas, Math.ceil(this.#timeoutMs / 2));
    return ((await pipeline.exec()) ?? []) as Result[];
  }

  #read(results: Result[], count: number): (Reply | Fault)[] {
    const acknowledged = this.#replicas > 0 ? results.pop() : undefined;
    if (results.length !== count) throw unavailable('an incomplete answer');
    const replies = results.map(([error, reply]) => (error ? new Fault(error) : reply));
    const lost = replies.find((reply) => reply instanceof Fault && reply.error.name !== 'ReplyError');
    if (lost instanceof Fault) throw unavailable('the connection was lost', lost.error);
    if (acknowledged && !(Number(acknowledged[1]) >= this.#replicas)) {
      throw unavailable(`only ${String(acknowledged[1])} of ${this.#replicas} replicas acknowledged`, acknowledged[0] ?? undefined, 'replicas');
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
    socketTimeout: SILENCE * commandTimeoutMs,
    maxLoadingRetryTime: MAX_RETRY_DELAY_MS,
    keepAlive: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_RETRY_DELAY_MS),
  };
}

function isFault(reply: Reply | Fault | undefined, kind: string): boolean {
  return reply instanceof Fault && reply.kind === kind;
}
