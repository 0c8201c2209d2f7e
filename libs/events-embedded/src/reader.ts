/**
 * Reads one topic in order and hands its batches to whoever takes the next one. A batch that is rejected comes again
 * after a back-off. Sleeps when it has reached the end, until it is woken.
 */
import type { ConsumedRecord } from '@cluster/events';

/** Where a reader's records come from and go to. */
export interface ReaderSource {
  /** The next batch, empty at the end. */
  next(): readonly ConsumedRecord[];
  /** Rejects when the batch was not handled. */
  deliver(records: readonly ConsumedRecord[]): Promise<void>;
  /** Called after a batch was handled. */
  done(records: readonly ConsumedRecord[]): void;
}

const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;

export class TopicReader {
  readonly #source: ReaderSource;
  readonly #finished: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #closed = false;

  constructor(source: ReaderSource) {
    this.#source = source;
    this.#finished = this.#run();
  }

  /** Tells that there may be something to read. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Ends reading; resolves when the running delivery has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake.resolve();
    await this.#finished;
  }

  async #run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    await Promise.resolve(); // whoever made this reader comes first
    while (!this.#closed) {
      this.#wake = Promise.withResolvers<void>();
      const outcome = await this.#turn();
      if (outcome === 'done') backoffMs = FIRST_BACKOFF_MS;
      else if (outcome === 'empty') await this.#idle();
      else {
        await this.#idle(backoffMs);
        backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
      }
    }
  }

  async #turn(): Promise<'done' | 'empty' | 'rejected'> {
    try {
      const records = this.#source.next();
      if (records.length === 0) return 'empty';
      await this.#source.deliver(records);
      this.#source.done(records);
      return 'done';
    } catch {
      return 'rejected';
    }
  }

  /** Waits for a wake-up; with a time only that long, and only the close wakes it before. */
  async #idle(durationMs?: number): Promise<void> {
    if (this.#closed) return;
    if (durationMs === undefined) return this.#wake.promise;
    const timer = Promise.withResolvers<void>();
    const id = setTimeout(timer.resolve, durationMs);
    while (!this.#closed && (await Promise.race([timer.promise.then(() => 'over'), this.#wake.promise])) !== 'over') {
      if (!this.#closed) this.#wake = Promise.withResolvers<void>();
    }
    clearTimeout(id);
  }
}
