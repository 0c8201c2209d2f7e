/**
 * Lets NestJS handlers consume the cluster's topics through the event port: `@EventPattern(topic)` receives each batch
 * of its topic. Offsets are committed after all handlers of a batch resolved; if one rejects, the batch comes again.
 */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer, EventSubscription } from '@cluster/events';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { Log } from './logger.ts';
import { untilDone } from './until-done.ts';

export interface TopicServerOptions {
  readonly log: Log;
  /** Between tries to reach the broker. */
  readonly retryMs: number;
}

export class TopicServer extends Server implements CustomTransportStrategy {
  readonly #consumer: EventConsumer;
  readonly #group: string;
  readonly #options: TopicServerOptions;
  readonly #stopping = new AbortController();
  #started: Promise<void> = Promise.resolve();
  #subscription: EventSubscription | undefined;

  constructor(consumer: EventConsumer, group: string, options: TopicServerOptions) {
    super();
    this.#consumer = consumer;
    this.#group = group;
    this.#options = options;
  }

  /** Whether the group consumes. */
  get running(): boolean {
    return this.#subscription !== undefined;
  }

  /** Does not wait for the broker: a service starts without it, and is not ready until it consumes. */
  listen(callback: () => void): void {
    this.#started = untilDone(() => this.#subscribe(), {
      retryMs: this.#options.retryMs,
      stopping: this.#stopping.signal,
      onFailure: (error) => this.#options.log.warn({ err: error, group: this.#group }, 'topics can not be consumed; trying again'),
    });
    callback();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#started;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.close();
  }

  on(): never {
    throw new Error('a topic server emits no events');
  }

  unwrap<T>(): T {
    return this.#consumer as T;
  }

  async #subscribe(): Promise<void> {
    const topics = [...this.messageHandlers.keys()] as Topic[];
    this.#subscription = await this.#consumer.subscribe(this.#group, topics, (records) => this.#dispatch(records));
  }

  /** Records of one topic go to its handlers together, in order, to one handler after the other. */
  async #dispatch(records: readonly ConsumedRecord[]): Promise<void> {
    for (const [topic, batch] of Map.groupBy(records, (record) => record.topic)) {
      // Further handlers of a topic hang on the first one.
      for (let handler: MessageHandler | undefined = this.messageHandlers.get(topic); handler !== undefined; handler = handler.next) {
        await lastValueFrom(this.transformToObservable(await handler(batch)), { defaultValue: undefined });
      }
    }
  }
}
