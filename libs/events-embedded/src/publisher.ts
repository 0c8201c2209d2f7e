/** {@link EventPublisher} over the log: what one tick brings is one transaction. */
import { EventsUnavailable, batchBytes, type EventPublisher, type EventRecord } from '@cluster/events';
import type { EventLog } from './log.ts';

const PROBE_MS = 1_000;

interface Call {
  readonly records: readonly EventRecord[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class EmbeddedPublisher implements EventPublisher {
  readonly #log: EventLog;
  readonly #onAppended: () => void;
  readonly #listeners = new Set<(available: boolean) => void>();
  #calls: Call[] = [];
  #available = true;
  #closed = false;

  constructor(log: EventLog, onAppended: () => void) {
    this.#log = log;
    this.#onAppended = onAppended;
  }

  /** False after a write that failed (disk full, file locked), until a write succeeds again. */
  get available(): boolean {
    return this.#available;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(records: readonly EventRecord[]): Promise<void> {
    if (this.#closed) throw new EventsUnavailable('the publisher is closed');
    if (!this.#available) throw new EventsUnavailable('the event log can not be written');
    batchBytes(records);
    if (records.length === 0) return;
    if (this.#calls.length === 0) setImmediate(() => this.#flush());
    return new Promise((resolve, reject) => this.#calls.push({ records, resolve, reject }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#flush();
  }

  #flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    if (calls.length === 0) return;
    try {
      this.#log.append(calls.flatMap((call) => call.records));
    } catch (cause) {
      this.#setAvailable(false);
      this.#probeLater();
      for (const call of calls) call.reject(new EventsUnavailable('the event log can not be written', { cause }));
      return;
    }
    for (const call of calls) call.resolve();
    this.#onAppended();
  }

  /** Finds out by itself when writing works again. */
  #probeLater(): void {
    setTimeout(() => {
      if (this.#closed) return;
      try {
        this.#log.retain();
        this.#setAvailable(true);
      } catch {
        this.#probeLater();
      }
    }, PROBE_MS).unref();
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available);
  }
}
