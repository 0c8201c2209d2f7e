/** Puts the publisher together: its queue in front of its connection to Kafka. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventPublisher } from '@cluster/events';
import type { KafkaConnection } from './client.ts';
import { QueueingPublisher, type PublisherLimits, type QueuedMessage } from './publisher.ts';
import { ProduceSender } from './produce/produce-sender.ts';

export type KafkaPublisherOptions = KafkaConnection & PublisherLimits;

/**
 * A publisher with acks=all and an idempotent producer. Resolves when Kafka is reached, or after the publish timeout
 * with `available` still false: it goes on trying in the background.
 */
export async function connectKafkaPublisher(options: KafkaPublisherOptions): Promise<EventPublisher> {
  const publisher = new QueueingPublisher(new ProduceSender<QueuedMessage>(options), options);
  const patience = new AbortController();
  const reached = new Promise<void>((resolve) => {
    const remove = publisher.onAvailability((available) => {
      if (!available) return;
      remove();
      resolve();
    });
  });
  const waited = sleep(options.publishTimeoutMs ?? 2_000, undefined, { signal: patience.signal }).catch(() => {});
  await Promise.race([reached, waited]);
  patience.abort();
  return publisher;
}
