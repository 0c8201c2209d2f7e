/**
 * Lets NestJS handlers consume the cluster's topics through the event port: `@EventPattern(topic)` receives each batch
 * of its topic. Offsets are committed after all handlers of a batch resolved; if one rejects, the batch comes again.
 */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer, EventSubscription } from '@cluster/events';
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';

export class TopicServer extends Server implements CustomTransportStrategy {
  readonly #consumer: EventConsumer;
  readonly #group: string;
  #subscription: EventSubscription | undefined;

  constructor(consumer: EventConsumer, group: string) {
    super();
    this.#consumer = consumer;
    this.#group = group;
  }

  /** Whether the group consumes. */
  get running(): boolean {
    return this.#subscription !== undefined;
  }

  listen(callback: (error?: unknown) => void): void {
    const topics = [...this.messageHandlers.keys()] as Topic[];
    this.#consumer
      .subscribe(this.#group, topics, (records) => this.#dispatch(records))
      .then((subscription) => {
        this.#subscription = subscription;
        callback();
      }, callback);
  }

  async close(): Promise<void> {
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

  /** Runs of one topic go to its handler together, in order. */
  async #dispatch(records: readonly ConsumedRecord[]): Promise<void> {
    for (const [topic, batch] of Map.groupBy(records, (record) => record.topic)) {
      const handler: MessageHandler | undefined = this.messageHandlers.get(topic);
      if (handler === undefined) continue;
      const result = this.transformToObservable(await handler(batch));
      await lastValueFrom(result, { defaultValue: undefined });
    }
  }
}
