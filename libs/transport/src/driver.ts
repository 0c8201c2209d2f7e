/** Gives a sans-IO engine its sockets, its clock and its one timer: handles a batch, polls once, sends, tells events. */
import { monotonicNowMs } from './clock.ts';
import type { Datagram } from './udp.ts';

/** The contract of every engine: bytes and time go in, datagrams, events and the next deadline come out. */
export interface Engine<Event> {
  handle(nowMs: number, datagram: Datagram): void;
  /** Does what is due at `nowMs`; called early, it does nothing. */
  timeout(nowMs: number): void;
  /** Drains what is to be sent and what has happened. */
  poll(): {
    readonly datagrams: readonly Datagram[];
    readonly events: readonly Event[];
    /** When `timeout` is to be called at the latest; it may have passed already. */
    readonly wakeAtMs: number | undefined;
  };
}

/** What the driver takes from the machine; tests give their own. */
export interface DriverTime {
  nowMs(): number;
  /** Runs `work` after `delayMs`; the function returned cancels it. */
  after(delayMs: number, work: () => void): () => void;
  /** Runs `work` when this turn of the event loop is done. */
  soon(work: () => void): void;
}

const SYSTEM_TIME: DriverTime = {
  nowMs: monotonicNowMs,
  after: (delayMs, work) => {
    const timer = setTimeout(work, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (work) => void setImmediate(work),
};

/** What `setTimeout` can wait at most. */
const LONGEST_DELAY_MS = 2_147_483_647;
/** Rounds of events that cause work that causes events before the event loop gets its turn. */
const ROUNDS = 8;

type EventOf<E> = E extends Engine<infer Event> ? Event : never;

export class EngineDriver<E extends Engine<EventOf<E>>> {
  readonly #engine: E;
  readonly #time: DriverTime;
  #send: (datagrams: readonly Datagram[]) => void = () => {};
  #listener: (events: readonly EventOf<E>[]) => void = () => {};
  #cancelTimer: (() => void) | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #flushing = false;
  #dirty = false;
  #scheduled = false;
  #closed = false;

  constructor(engine: E, time: DriverTime = SYSTEM_TIME) {
    this.#engine = engine;
    this.#time = time;
  }

  /** Where the engine's datagrams go; until then they are dropped. */
  attach(transport: { send(datagrams: readonly Datagram[]): void }): void {
    this.#send = (datagrams) => transport.send(datagrams);
  }

  /** Who takes the engine's events, a batch at a time. What the listener throws is not caught. */
  onEvents(listener: (events: readonly EventOf<E>[]) => void): void {
    this.#listener = listener;
  }

  /** Takes a batch from the transport. An arrow function, so that it can be handed over as `onBatch`. */
  readonly receive = (datagrams: readonly Datagram[], nowMs: number = this.#time.nowMs()): void => {
    if (this.#closed) return;
    for (const datagram of datagrams) this.#engine.handle(nowMs, datagram);
    this.#flush();
  };

  /** Lets the caller use the engine at once; what comes of it leaves when this turn of the event loop is done. */
  run<T>(work: (engine: E, nowMs: number) => T): T {
    const result = work(this.#engine, this.#time.nowMs());
    this.#dirty = true;
    if (!this.#flushing) this.#flushSoon();
    return result;
  }

  /** Stops the timer; nothing is sent or told any more. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #flushSoon(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#time.soon(() => {
      this.#scheduled = false;
      if (this.#dirty) this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed || this.#flushing) return;
    this.#flushing = true;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        this.#dirty = false;
        this.#drain();
        if (!this.#dirty) break;
      }
    } finally {
      this.#flushing = false;
      if (this.#dirty) this.#flushSoon();
    }
  }

  #drain(): void {
    const { datagrams, events, wakeAtMs } = this.#engine.poll();
    this.#arm(wakeAtMs);
    if (datagrams.length > 0) this.#send(datagrams);
    if (events.length > 0) this.#listener(events);
  }

  /** A timer that is set for too early a time is left alone: when it rings, it finds out and is set anew. */
  #arm(wakeAtMs: number | undefined): void {
    if (wakeAtMs === undefined || wakeAtMs >= this.#armedForMs) return;
    this.#cancelTimer?.();
    this.#armedForMs = wakeAtMs;
    const delayMs = Math.ceil(Math.max(0, wakeAtMs - this.#time.nowMs()));
    this.#cancelTimer = this.#time.after(Math.min(delayMs, LONGEST_DELAY_MS), () => this.#ring());
  }

  #ring(): void {
    if (this.#closed) return;
    this.#cancelTimer = undefined;
    this.#armedForMs = Number.POSITIVE_INFINITY;
    this.#engine.timeout(this.#time.nowMs());
    this.#flush();
  }
}
