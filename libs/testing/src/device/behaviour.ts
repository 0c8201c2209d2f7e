/** What a simulated device does by itself: refreshing in time, obeying its server object, rebooting, falling asleep. */
import type { Path } from '@cluster/lwm2m';
import type { DataModel } from './data-model.ts';
import type { UpdateChanges } from './registration-client.ts';

/** What the behaviour needs of its device. */
export interface BehaviourHost {
  readonly model: DataModel;
  isOpen(): boolean;
  isAsleep(): boolean;
  lifetimeS(): number;
  register(): Promise<void>;
  update(changes?: UpdateChanges): Promise<string>;
  deregister(): Promise<string>;
  wake(): Promise<string | undefined>;
  sleep(): void;
  failed(error: Error): void;
}

export interface BehaviourOptions {
  /** Whether it acts at all; falling asleep has its own switch. */
  readonly automatic: boolean;
  /** How long after the last message the radio goes off. */
  readonly awakeMs: number | undefined;
}

const REFRESH_AT = 0.9; // of the lifetime
const RETRY_MS = 10_000;
const LONGEST_TIMER_MS = 0x7f_ff_ff_ff;
const DEFAULT_DISABLE_TIMEOUT_S = 86_400; // OMA LwM2M Core 1.1, object 1, resource 5

/** Timers and reactions of one device. */
export class Behaviour {
  readonly #options: BehaviourOptions;
  readonly #host: BehaviourHost;
  #refreshTimer: NodeJS.Timeout | undefined;
  #sleepTimer: NodeJS.Timeout | undefined;
  #disabledTimer: NodeJS.Timeout | undefined;

  constructor(options: BehaviourOptions, host: BehaviourHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Whether the device acts by itself. */
  get isAutomatic(): boolean {
    return this.#options.automatic;
  }

  /** The registration was refreshed: the next Update comes before the lifetime is over. */
  onRefreshed(): void {
    this.#refreshAfter(this.#host.lifetimeS() * 1_000 * REFRESH_AT);
  }

  /** A message went or came: the radio stays on for a while. */
  onMessage(): void {
    clearTimeout(this.#sleepTimer);
    const { awakeMs } = this.#options;
    if (awakeMs !== undefined) this.#sleepTimer = setTimeout(() => this.#host.sleep(), awakeMs);
  }

  /** The server wrote to its object: a new lifetime is told by an Update. */
  onServerObjectWritten(): void {
    const lifetimeS = this.#host.model.valueAt([1, 0, 1]);
    if (!this.isAutomatic || typeof lifetimeS !== 'number' || lifetimeS === this.#host.lifetimeS()) return;
    this.#later(() => this.#host.update({ lifetimeS }));
  }

  /** The server executed a resource. */
  onExecuted(path: Path): void {
    if (!this.isAutomatic) return;
    switch (path.join('/')) {
      case '1/0/4': // Disable
        return this.#later(() => this.#disable());
      case '1/0/8': // Registration Update Trigger
        return this.#later(() => this.#host.update());
      case '3/0/4': // Reboot
        return this.#later(() => this.#host.register());
    }
  }

  /** Stops refreshing: the registration is over. */
  onDeregistered(): void {
    clearTimeout(this.#refreshTimer);
  }

  /** Stops all timers. */
  stop(): void {
    for (const timer of [this.#refreshTimer, this.#sleepTimer, this.#disabledTimer]) clearTimeout(timer);
  }

  #refreshAfter(ms: number): void {
    clearTimeout(this.#refreshTimer);
    if (!this.isAutomatic) return;
    this.#refreshTimer = setTimeout(() => this.#later(() => this.#refresh()), Math.min(ms, LONGEST_TIMER_MS));
  }

  async #refresh(): Promise<void> {
    this.#refreshAfter(RETRY_MS); // until it worked
    await (this.#host.isAsleep() ? this.#host.wake() : this.#host.update());
  }

  async #disable(): Promise<void> {
    await this.#host.deregister();
    const value = this.#host.model.valueAt([1, 0, 5]);
    const seconds = typeof value === 'number' ? value : DEFAULT_DISABLE_TIMEOUT_S;
    this.#disabledTimer = setTimeout(() => this.#later(() => this.#host.register()), seconds * 1_000);
  }

  /** Does something once the answer that is being made has left. */
  #later(action: () => Promise<unknown>): void {
    setImmediate(() => {
      if (!this.#host.isOpen()) return;
      action().catch((error: unknown) => {
        if (this.#host.isOpen()) this.#host.failed(error as Error);
      });
    });
  }
}
