/** What the publisher's queue needs of a connection to Kafka. */
import type { EventRecord } from '@cluster/events';

/** A record on its way. */
export interface OutgoingMessage {
  readonly record: EventRecord;
  readonly size: number;
}

export interface RecordSender<M extends OutgoingMessage = OutgoingMessage> {
  /**
   * Resolves when all messages are acknowledged, whatever it takes; to those that the broker will never take (too
   * large for its limits), which are left out. Rejects only after `close`. One call at a time.
   */
  send(messages: readonly M[]): Promise<ReadonlySet<M>>;
  /** Called whenever a connection has come up. */
  onConnected(listener: () => void): void;
  close(): Promise<void>;
}
