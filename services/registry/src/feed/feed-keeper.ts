/** Starts the live feed, as often as it takes, and lets waiting callers hear it. */
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type Log, untilDone } from '@cluster/nest-kit';
import type { CommandWaiters } from '../commands/command-waiters.ts';
import type { LiveFeed } from './live-feed.ts';

@Injectable()
export class FeedKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #feed: LiveFeed;
  readonly #waiters: CommandWaiters;
  readonly #log: Log;
  readonly #retryMs: number;
  readonly #stopping = new AbortController();
  #started: Promise<void> = Promise.resolve();

  constructor(feed: LiveFeed, waiters: CommandWaiters, log: Log, retryMs: number) {
    this.#feed = feed;
    this.#waiters = waiters;
    this.#log = log;
    this.#retryMs = retryMs;
  }

  /** Without a broker the service starts all the same and is not ready: what needs no events works. */
  onApplicationBootstrap(): void {
    this.#feed.onRecord((record) => this.#waiters.take(record));
    this.#started = untilDone(() => this.#feed.start(), {
      retryMs: this.#retryMs,
      stopping: this.#stopping.signal,
      onFailure: (error) => this.#log.warn({ err: error }, 'events can not be read; trying again'),
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    this.#waiters.stop();
    await this.#started;
    await this.#feed.close();
  }
}
