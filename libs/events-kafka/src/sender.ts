/** What the publisher's queue needs of a connection to Kafka. */
import type { EventRecord } from '@cluster/events';

/** A record on its way. */
export interface OutgoingMessage {
  readonly record: EventRecord;
  readonly size: number;
}

/** Why a record is not sent: the brokers never take it (too large for its limits), or its topic is not there. */
export type Refusal = 'refused' | 'missing';

export interface RecordSender<M extends OutgoingMessage = OutgoingMessage> {
  /**
   * Resolves when all messages are acknowledged, whatever it takes; to those that are left out, and why. Rejects only
   * after `close`. One call at a time.
   */
  send(messages: readonly M[]): Promise<ReadonlyMap<M, Refusal>>;
  /** Topics that are not there: what is for them is refused. */
  readonly missing: ReadonlySet<string>;
  /** Called with each change of `missing`. */
  onMissing(listener: () => void): void;
  /** Called whenever a connection has come up. */
  onConnected(listener: () => void): void;
  close(): Promise<void>;
}
