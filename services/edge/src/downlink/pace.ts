/**
 * The pace at which a worker brings devices to what should be observed there: after a mass restart, an outage or a new
 * template many thousand devices wait for it at once. Commands of callers are not held up by it.
 */
import type { DeviceNumber } from '@cluster/session';

const TICK_MS = 50;
/** How long a turn is kept for a device that was woken for it. */
const TURN_MS = 10_000;

export interface PaceDeps {
  /** Requests a second. */
  readonly perSecond: number;
  readonly nowMs: () => number;
  /** Wakes a device whose turn has come. */
  readonly wake: (number: DeviceNumber) => void;
}

export class Pace {
  readonly #deps: PaceDeps;
  readonly #waiting = new Set<DeviceNumber>();
  /** Whose turn it is, and until when. */
  readonly #turns = new Map<DeviceNumber, number>();
  #budget: number;
  #filledMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: PaceDeps) {
    this.#deps = deps;
    this.#budget = deps.perSecond;
    this.#filledMs = deps.nowMs();
  }

  /** Devices that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether a request to the device may leave now. If not, the device is woken when its turn has come. */
  turn(number: DeviceNumber): boolean {
    if (this.#turns.delete(number)) return true;
    if (this.#waiting.size === 0 && this.#take()) return true;
    this.#waiting.add(number);
    this.#timer ??= setInterval(() => this.#next(), TICK_MS).unref();
    return false;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#waiting.clear();
  }

  #next(): void {
    const nowMs = this.#deps.nowMs();
    for (const [number, untilMs] of this.#turns) {
      if (untilMs > nowMs) break;
      this.#turns.delete(number);
    }
    for (const number of this.#waiting) {
      if (!this.#take()) return;
      this.#waiting.delete(number);
      this.#turns.set(number, nowMs + TURN_MS);
      this.#deps.wake(number);
    }
    if (this.#turns.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #take(): boolean {
    const { nowMs, perSecond } = this.#deps;
    const now = nowMs();
    this.#budget = Math.min(this.#budget + ((now - this.#filledMs) * perSecond) / 1_000, perSecond);
    this.#filledMs = now;
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }
}
