/**
 * The publisher's queue: gathers what comes while a request is on its way, keeps the promise of the publish timeout,
 * and tells when the broker is away. Memory is bounded; nothing here knows Kafka.
 */
import { EventsUnavailable, batchBytes, recordBytes, type EventPublisher, type EventRecord } from '@cluster/events';
import { noLogger, type EventsLogger } from './client.ts';
import type { OutgoingMessage, RecordSender, Refusal } from './sender.ts';

export interface PublisherLimits {
  /** After so long without an acknowledgement a publish rejects, ms. 2,000 unless told. */
  readonly publishTimeoutMs?: number;
  /** Bytes of all records that wait or are on their way. 32 MB unless told. */
  readonly maxBufferedBytes?: number;
  readonly logger?: EventsLogger;
}

/** One call of `publish`. */
interface Job {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Messages that are not acknowledged yet. */
  missing: number;
  settled: boolean;
}

/** A record in the queue or in flight. */
export interface QueuedMessage extends OutgoingMessage {
  readonly job: Job;
}

/** Records of one request: as one partition's batch still below the broker's default limit of 1 MiB. */
const REQUEST_BYTES = 900_000;

const REFUSED: Readonly<Record<Refusal, string>> = {
  refused: 'the broker refuses the event for good',
  missing: 'the topic is missing',
};

/** {@link EventPublisher} over a sender that takes one batch at a time. */
export class QueueingPublisher implements EventPublisher {
  readonly #sender: RecordSender<QueuedMessage>;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #logger: EventsLogger;
  readonly #listeners = new Set<(available: boolean) => void>();
  #available = false;
  #closed = false;
  #queue: QueuedMessage[] = [];
  /** Unsettled calls, earliest deadline first. */
  #jobs: Job[] = [];
  #bufferedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumping: Promise<void> | undefined;
  #drained = (): void => {};

  constructor(sender: RecordSender<QueuedMessage>, limits: PublisherLimits = {}) {
    this.#sender = sender;
    this.#timeoutMs = limits.publishTimeoutMs ?? 2_000;
    this.#maxBytes = limits.maxBufferedBytes ?? 32 * 1024 * 1024;
    this.#logger = limits.logger ?? noLogger;
    // A connection that comes back while a batch is overdue proves nothing: its acknowledgement will.
    sender.onConnected(() => {
      if (this.#pumping === undefined) this.#setAvailable(true);
    });
    sender.onMissing(() => this.#tell());
  }

  get available(): boolean {
    return this.#available;
  }

  get missing(): ReadonlySet<string> {
    return this.#sender.missing;
  }

  /** Bytes that wait or are on their way. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(records: readonly EventRecord[]): Promise<void> {
    if (this.#closed) throw new EventsUnavailable('the publisher is closed');
    if (!this.#available) throw new EventsUnavailable('Kafka does not acknowledge');
    if (this.missing.size > 0 && records.some(({ topic }) => this.missing.has(topic))) throw new EventsUnavailable(REFUSED.missing, { reason: 'missing' });
    const bytes = batchBytes(records);
    if (this.#bufferedBytes + bytes > this.#maxBytes) throw new EventsUnavailable('the publish buffer is full', { reason: 'full' });
    if (records.length === 0) return;
    this.#bufferedBytes += bytes;
    return new Promise((resolve, reject) => this.#enqueue(records, resolve, reject));
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#jobs.length > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    clearTimeout(this.#timer);
    await this.#sender.close();
  }

  #enqueue(records: readonly EventRecord[], resolve: () => void, reject: (error: Error) => void): void {
    const deadlineMs = performance.now() + this.#timeoutMs;
    const job: Job = { deadlineMs, resolve, reject, missing: records.length, settled: false };
    this.#jobs.push(job);
    for (const record of records) this.#queue.push(toMessage(record, job));
    this.#timer ??= this.#expireAfter(this.#timeoutMs);
    this.#pumping ??= this.#pump();
  }

  /** Sends until the queue is empty. The first turn waits for the end of the tick, to take all of it. */
  async #pump(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        this.#settle(batch, await this.#sender.send(batch));
      } catch (error) {
        this.#drop(batch, error); // only after close
      }
    }
    this.#pumping = undefined;
  }

  #take(): QueuedMessage[] {
    let count = 0;
    for (let bytes = 0; count < this.#queue.length; count++) {
      bytes += this.#queue[count]!.size;
      if (bytes > REQUEST_BYTES && count > 0) break;
    }
    return this.#queue.splice(0, count);
  }

  #settle(batch: readonly QueuedMessage[], refusals: ReadonlyMap<QueuedMessage, Refusal>): void {
    for (const message of batch) {
      const { job } = message;
      this.#bufferedBytes -= message.size;
      job.missing--;
      const reason = refusals.size === 0 ? undefined : refusals.get(message);
      if (reason !== undefined) this.#reject(job, REFUSED[reason], { reason });
      else if (job.missing === 0 && !job.settled) {
        job.settled = true;
        job.resolve();
      }
    }
    this.#forgetSettled();
    this.#setAvailable(true);
  }

  #drop(batch: readonly QueuedMessage[], cause: unknown): void {
    for (const message of batch) {
      this.#bufferedBytes -= message.size;
      this.#reject(message.job, 'the publisher was closed', { cause });
    }
    this.#forgetSettled();
  }

  #reject(job: Job, message: string, options: ConstructorParameters<typeof EventsUnavailable>[1]): void {
    if (job.settled) return;
    job.settled = true;
    job.reject(new EventsUnavailable(message, options));
  }

  #forgetSettled(): void {
    let settled = 0;
    while (this.#jobs[settled]?.settled === true) settled++;
    if (settled > 0) this.#jobs.splice(0, settled);
    if (this.#jobs.length === 0) this.#drained();
  }

  /**
   * An acknowledgement that lies in the socket when a blocked event loop wakes up late is still taken: timers come before
   * sockets there, and immediates after.
   */
  #expireAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#expire()), ms);
  }

  /** Rejects what is overdue. What of it was not sent yet never will be; what is in flight goes on and may arrive. */
  #expire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    let overdue = 0;
    for (const job of this.#jobs) {
      if (job.deadlineMs > nowMs) break;
      overdue += job.settled ? 0 : 1;
      this.#reject(job, 'Kafka did not acknowledge in time', { reason: 'overdue' });
    }
    this.#forgetSettled();
    if (overdue > 0) {
      this.#discardRejected();
      this.#setAvailable(false);
    }
    const next = this.#jobs[0];
    if (next !== undefined) this.#timer = this.#expireAfter(Math.max(1, next.deadlineMs - nowMs));
  }

  #discardRejected(): void {
    this.#queue = this.#queue.filter((message) => {
      if (message.job.settled) this.#bufferedBytes -= message.size;
      return !message.job.settled;
    });
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return;
    this.#available = available;
    this.#logger.warn({ available }, available ? 'Kafka acknowledges events' : 'Kafka does not acknowledge events');
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#available);
  }
}

function toMessage(record: EventRecord, job: Job): QueuedMessage {
  return { record, size: recordBytes(record), job };
}
