/**
 * Clears the marks of results that are told, a little later and those of many devices at once. A worker that dies
 * before leaves marks, whose results are then told again, with the same ids.
 */
import type { DeviceNumber, DeviceWrite, EntryWrite, SessionStore } from '@cluster/session';

const DELAY_MS = 500;

export class Settler {
  readonly #sessions: SessionStore;
  readonly #failed: () => void;
  #writes = new Map<DeviceNumber, EntryWrite[]>();
  #timer: NodeJS.Timeout | undefined;

  /** `failed` hears of marks that stay. */
  constructor(sessions: SessionStore, failed: () => void) {
    this.#sessions = sessions;
    this.#failed = failed;
  }

  add(number: DeviceNumber, write: EntryWrite): void {
    const writes = this.#writes.get(number);
    if (writes === undefined) this.#writes.set(number, [write]);
    else writes.push(write);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS).unref();
  }

  /** Clears the marks of one device, before its queue is read. */
  async settle(number: DeviceNumber): Promise<void> {
    const entries = this.#writes.get(number);
    if (entries === undefined) return;
    this.#writes.delete(number);
    await this.#commit([{ number, entries }]);
  }

  /** Clears all marks. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writes = [...this.#writes].map(([number, entries]) => ({ number, entries }));
    this.#writes = new Map();
    if (writes.length > 0) await this.#commit(writes);
  }

  async #commit(writes: readonly DeviceWrite[]): Promise<void> {
    await this.#sessions.commit(writes).catch(this.#failed);
  }
}
