/** Doorbells between workers, by pub/sub. A connection to listen with is made for the first listener only. */
import type { ClusterStore, DeviceNumber, Ring } from '@cluster/session';
import type { Redis } from 'ioredis';
import { command, type Router } from './command.ts';
import { unavailable } from './faults.ts';
import type { Keys } from './keys.ts';

const RETRY_MS = 250;
const PING_EVERY_MS = 5_000;
const SEPARATOR = ' ';

/** Follows a number whose queue alone has changed. */
const QUEUE_ONLY = '+';

type Listener = (number: DeviceNumber, queueOnly: boolean) => void;

export class Doorbell implements Pick<ClusterStore, 'ring' | 'onRing'> {
  readonly #router: Router;
  readonly #keys: Keys;
  readonly #listeners = new Map<string, Set<Listener>>();
  #redis: Redis | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(router: Router, keys: Keys) {
    this.#router = router;
    this.#keys = keys;
  }

  async ring(rings: readonly Ring[]): Promise<void> {
    const workers = Map.groupBy(rings, ({ worker }) => this.#keys.doorbell(worker));
    const commands = [...workers].map(([channel, group]) =>
      command(channel, 'publish', group.map(toWord).join(SEPARATOR)),
    );
    await this.#router.execute(commands, 'plain'); // nothing is stored: no replica has to follow
  }

  async onRing(worker: string, listener: Listener): Promise<() => Promise<void>> {
    const channel = this.#keys.doorbell(worker);
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    try {
      this.#redis ??= this.#open();
      await this.#redis.subscribe(channel);
    } catch (error) {
      await this.#remove(channel, listener);
      throw unavailable('subscribing failed', error);
    }
    return () => this.#remove(channel, listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#redis?.disconnect();
  }

  async #remove(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return;
    this.#listeners.delete(channel);
    await this.#redis?.unsubscribe(channel).catch(() => {}); // a lost link hears nothing either
  }

  #open(): Redis {
    const redis = this.#router.listener();
    const ping = setInterval(() => void redis.ping().catch(() => {}), PING_EVERY_MS).unref();
    redis.on('error', () => {}); // followed by `end`
    redis.on('message', (channel: string, words: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) words.split(SEPARATOR).forEach((word) => hear(word, listener));
    });
    redis.once('end', () => {
      clearInterval(ping);
      this.#redis = undefined;
      this.#reopenLater();
    });
    return redis;
  }

  #reopenLater(): void {
    if (this.#closed || this.#listeners.size === 0) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#reopen(), RETRY_MS);
  }

  #reopen(): void {
    if (this.#closed || this.#listeners.size === 0) return;
    try {
      this.#redis ??= this.#open();
      void this.#redis.subscribe(...this.#listeners.keys()).catch(() => {}); // followed by `end`
    } catch {
      this.#reopenLater();
    }
  }
}

function toWord({ number, queueOnly = false }: Ring): string {
  return queueOnly ? number + QUEUE_ONLY : number;
}

function hear(word: string, listener: Listener): void {
  const queueOnly = word.endsWith(QUEUE_ONLY);
  listener(queueOnly ? word.slice(0, -1) : word, queueOnly);
}
