/**
 * The ports through which events leave and enter the cluster. Adapters: `@cluster/events-kafka`,
 * `@cluster/events-embedded`; both pass the compliance suite of `@cluster/testing`.
 */
import type { Topic } from '@cluster/contracts';

/** One event, ready for the wire: `key` is the endpoint name, `headers` are CloudEvents 1.0 in binary mode. */
export interface EventRecord {
  readonly topic: Topic;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** A record as a consumer sees it. `offset` is decimal, as Kafka's are. */
export interface ConsumedRecord extends EventRecord {
  readonly partition: number;
  readonly offset: string;
}

/**
 * `overdue`: not acknowledged in time; `full`: no room to wait in; `refused`: the brokers never take this event;
 * `missing`: its topic is not there.
 */
export type EventsFault = 'away' | 'overdue' | 'full' | 'refused' | 'missing';

/** Why a publish was refused; `code` and `reason` are stable. */
export class EventsUnavailable extends Error {
  readonly code = 'EVENTS_UNAVAILABLE';
  readonly reason: EventsFault;

  constructor(message: string, { reason = 'away', ...options }: ErrorOptions & { readonly reason?: EventsFault } = {}) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Publishes events. What a call resolves is on disk at every broker that has to have it (acks=all); what it rejects
 * was not acknowledged in time and may still arrive (equal ids are one event).
 */
export interface EventPublisher {
  /**
   * Publishes a batch, in order for each key. Calls may overlap; the adapter sends one request at a time and gathers
   * what comes meanwhile. Rejects with {@link EventsUnavailable} at once while `available` is false or the buffer is
   * full, and after the publish timeout otherwise.
   */
  publish(records: readonly EventRecord[]): Promise<void>;
  /** False from the first missed acknowledgement until the broker acknowledges again. */
  readonly available: boolean;
  /** Topics that are not there now: their events are refused, others go on. None where a publisher has no such set. */
  readonly missing?: ReadonlySet<string>;
  /** Called with each change of `available` or `missing`. Returns its own removal. */
  onAvailability(listener: (available: boolean) => void): () => void;
  /** Sends what is buffered, then closes. */
  close(): Promise<void>;
}

/** Whether a publish to the topic has a chance now. */
export function takes(publisher: EventPublisher, topic: Topic): boolean {
  return publisher.available && publisher.missing?.has(topic) !== true;
}

/** Where a reader stands: topic → partition → next offset to read. */
export type Positions = Readonly<Record<string, Readonly<Record<number, string>>>>;

export interface EventSubscription {
  close(): Promise<void>;
}

export interface EventConsumer {
  /**
   * Consumes topics as one member of a group: each record goes to one member, at least once. The offset of a batch is
   * committed after the handler resolved; if it rejects, the batch comes again.
   */
  subscribe(group: string, topics: readonly Topic[], handler: (records: readonly ConsumedRecord[]) => Promise<void>): Promise<EventSubscription>;
  /**
   * Reads all partitions alone, in no shared group, from `from` (a missing partition: from its end). Resolves when
   * reading has started: every record published after that is seen. `onRetentionPassed` names positions whose records
   * are gone already; reading goes on at the earliest that is left.
   */
  tail(
    topics: readonly Topic[],
    from: Positions,
    handler: (records: readonly ConsumedRecord[]) => Promise<void>,
    onRetentionPassed?: (topic: Topic, partition: number) => void,
  ): Promise<EventSubscription>;
  /** The end of each partition now. */
  ends(topics: readonly Topic[]): Promise<Positions>;
  close(): Promise<void>;
}
