/** Whether the store can be used now: it is away from the first failure on, until a write on every node succeeds. */
export type AvailabilityListener = (available: boolean, reason?: Error) => void;

const PROBE_EVERY_MS = 100;

export class Availability {
  readonly #probe: () => Promise<void>;
  readonly #listeners = new Set<AvailabilityListener>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #available = false;

  /** @param probe fails unless every part of the store takes writes */
  constructor(probe: () => Promise<void>) {
    this.#probe = probe;
  }

  get available(): boolean {
    return this.#available;
  }

  /** Hears every change. Returns its own removal. */
  listen(listener: AvailabilityListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Probes once, and again and again until it succeeds. */
  async check(): Promise<void> {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      await this.#probe();
      this.#set(true);
    } catch (error) {
      this.failed(error as Error);
    }
  }

  failed(reason: Error): void {
    this.#set(false, reason);
    if (!this.#closed) this.#timer ??= setTimeout(() => void this.check(), PROBE_EVERY_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #set(available: boolean, reason?: Error): void {
    if (this.#closed || this.#available === available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available, reason);
  }
}
