/**
 * Clears the marks of results that are told and puts their alarms off, and tells what waits, a little later and for many
 * devices at once. A worker that dies before leaves marks, whose results are then told again, with the same ids.
 */
import type { DeviceNumber, DeviceWrite, EntryWrite, SessionStore, Waiting } from '@cluster/session';

const DELAY_MS = 500;

/** Where the alarm of a device stands, and when it may ring instead. */
export type PutOff = Parameters<SessionStore['settle']>[0][number];

export class Settler {
  readonly #sessions: Pick<SessionStore, 'commit' | 'settle' | 'account'>;
  readonly #failed: (error: unknown) => void;
  #writes = new Map<DeviceNumber, EntryWrite[]>();
  #alarms = new Map<DeviceNumber, PutOff>();
  #accounts = new Map<DeviceNumber, Waiting>();
  #timer: NodeJS.Timeout | undefined;

  /** `failed` hears why marks stay. */
  constructor(sessions: Pick<SessionStore, 'commit' | 'settle' | 'account'>, failed: (error: unknown) => void) {
    this.#sessions = sessions;
    this.#failed = failed;
  }

  add(number: DeviceNumber, write: EntryWrite): void {
    const writes = this.#writes.get(number);
    if (writes === undefined) this.#writes.set(number, [write]);
    else writes.push(write);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS).unref();
  }

  /** Lets the alarm of a command whose result is told ring later, unless something comes for the device before the marks are cleared. */
  putOff(alarm: PutOff): void {
    if (this.#writes.has(alarm.number)) this.#alarms.set(alarm.number, alarm);
  }

  /** What waits for a device now, for its tenant's account. */
  account(waiting: Waiting): void {
    this.#accounts.set(waiting.number, waiting);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS).unref();
  }

  /** Clears the marks of these devices, before their queues are read; undefined where none of them has any. */
  settle(numbers: readonly DeviceNumber[]): Promise<void> | undefined {
    const writes = numbers.flatMap((number) => {
      const entries = this.#writes.get(number);
      return entries === undefined ? [] : [{ number, entries }];
    });
    if (writes.length === 0) return undefined;
    for (const { number } of writes) {
      this.#writes.delete(number);
      this.#alarms.delete(number);
    }
    return this.#commit(writes);
  }

  /** Clears all marks. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writes = [...this.#writes].map(([number, entries]) => ({ number, entries }));
    const alarms = [...this.#alarms.values()];
    this.#writes = new Map();
    this.#alarms = new Map();
    const accounts = [...this.#accounts.values()];
    this.#accounts = new Map();
    if (accounts.length > 0) await this.#sessions.account(accounts).catch(this.#failed);
    if (writes.length > 0) await this.#commit(writes);
    if (alarms.length > 0) await this.#sessions.settle(alarms).catch(() => undefined); // it rings early then
  }

  async #commit(writes: readonly DeviceWrite[]): Promise<void> {
    await this.#sessions.commit(writes).catch(this.#failed);
  }
}
