/**
 * Callers who wait for the end of a command, on whichever replica. A waiter hears the results of its endpoint from the
 * moment it is made, so no result that comes while its command is being stored is missed.
 */
import { commandResultValue, type CommandStatus, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { receivedEvent } from '@cluster/nest-kit';

/** Results that a waiter keeps until it is told which one it waits for. */
const MAX_EARLY = 64;

export class CommandWaiter {
  readonly #early = new Map<string, CommandStatus>();
  readonly #ended = Promise.withResolvers<CommandStatus | undefined>();
  readonly #leave: () => void;
  #id: string | undefined;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  /** The command's final status; undefined when `timeoutMs` passed, the caller went away or the service stops. */
  async wait(id: string, timeoutMs: number, gone: AbortSignal): Promise<CommandStatus | undefined> {
    this.#id = id;
    const early = this.#early.get(id);
    if (early !== undefined) return early;
    const stop = () => this.stop();
    const timer = setTimeout(stop, timeoutMs);
    gone.addEventListener('abort', stop);
    if (gone.aborted) stop();
    try {
      return await this.#ended.promise;
    } finally {
      clearTimeout(timer);
      gone.removeEventListener('abort', stop);
    }
  }

  offer(status: CommandStatus): void {
    if (status.id === this.#id) this.#ended.resolve(status);
    else if (this.#id === undefined && this.#early.size < MAX_EARLY) this.#early.set(status.id, status);
  }

  stop(): void {
    this.#ended.resolve(undefined);
  }

  close(): void {
    this.#leave();
  }
}

export class CommandWaiters {
  readonly #limit: number;
  readonly #byEndpoint = new Map<string, Set<CommandWaiter>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Starts to hear the results of an endpoint; undefined when as many wait as may. Close it. */
  open(endpoint: string): CommandWaiter | undefined {
    if (this.#size >= this.#limit) return undefined;
    const waiter: CommandWaiter = new CommandWaiter(() => this.#remove(endpoint, waiter));
    const waiters = this.#byEndpoint.get(endpoint);
    if (waiters === undefined) this.#byEndpoint.set(endpoint, new Set([waiter]));
    else waiters.add(waiter);
    this.#size++;
    return waiter;
  }

  /** Wakes who waits for the command that this record tells of. */
  take(record: ConsumedRecord): void {
    if (record.topic !== topics.commandResults) return;
    const waiters = this.#byEndpoint.get(record.key);
    if (waiters === undefined) return;
    const status = statusOf(record);
    if (status !== undefined) for (const waiter of waiters) waiter.offer(status);
  }

  /** Sends everyone home with what is known now. */
  stop(): void {
    for (const waiters of this.#byEndpoint.values()) for (const waiter of waiters) waiter.stop();
  }

  #remove(endpoint: string, waiter: CommandWaiter): void {
    const waiters = this.#byEndpoint.get(endpoint);
    if (waiters?.delete(waiter) !== true) return;
    this.#size--;
    if (waiters.size === 0) this.#byEndpoint.delete(endpoint);
  }
}

function statusOf(record: ConsumedRecord): CommandStatus | undefined {
  try {
    const result = commandResultValue.parse(receivedEvent(record).data);
    if (result.state === 'rejected') return undefined;
    const { endpoint: _, ...status } = result;
    return status;
  } catch {
    // Counted where the group consumes it; the caller reads the state when its time is over.
    return undefined;
  }
}
