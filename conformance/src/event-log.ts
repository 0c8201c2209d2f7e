/** Events as they come in from one source, each given to whoever waits for it. */
import type { EventType, StreamedEvent } from '@cluster/contracts';

/** An event that a test waited for did not come. The message lists what came. */
export class EventMissing extends Error {
  readonly code = 'EVENT_MISSING';
}

export type EventFilter = (event: StreamedEvent) => boolean;

interface Waiter {
  readonly matches: EventFilter;
  readonly resolve: (event: StreamedEvent) => void;
}

const PATIENCE_MS = 20_000;

/** Collects events. Each is taken once. */
export class EventLog {
  /** All that came, in its order. */
  readonly seen: StreamedEvent[] = [];
  readonly #name: string;
  readonly #untaken: StreamedEvent[] = [];
  readonly #waiters = new Set<Waiter>();

  /** `name` of the source, for messages. */
  constructor(name: string) {
    this.#name = name;
  }

  /** An event came in. */
  add(event: StreamedEvent): void {
    this.seen.push(event);
    const waiter = [...this.#waiters].find((candidate) => candidate.matches(event));
    if (waiter === undefined) this.#untaken.push(event);
    else waiter.resolve(event);
  }

  /** Takes the first event of the endpoint, type and filter, or waits for it. */
  next(endpoint: string, type: EventType, filter: EventFilter = () => true, patienceMs = PATIENCE_MS): Promise<StreamedEvent> {
    const matches: EventFilter = (event) => event.endpoint === endpoint && event.type === type && filter(event);
    const index = this.#untaken.findIndex(matches);
    const found = index < 0 ? undefined : this.#untaken.splice(index, 1)[0];
    return found === undefined ? this.#wait(matches, `${type} of ${endpoint}`, patienceMs) : Promise.resolve(found);
  }

  #wait(matches: EventFilter, what: string, patienceMs: number): Promise<StreamedEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const others = this.#untaken.map((event) => `${event.type} ${JSON.stringify(event.data)}`).join('\n');
        reject(new EventMissing(`${this.#name} gave no ${what} within ${patienceMs} ms; not taken:\n${others || 'nothing'}`));
      }, patienceMs);
      const waiter: Waiter = {
        matches,
        resolve: (event) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(event);
        },
      };
      this.#waiters.add(waiter);
    });
  }
}
