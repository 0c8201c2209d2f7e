/** Engines joined in memory by a network that loses, duplicates and reorders, under a clock of its own. */
import type { CoapEngine, CoapEvent, Datagram, Rng } from '../src/index.ts';

/** Chances from 0 to 1; delays in ms, spread evenly: a spread wider than the gap between datagrams reorders them. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const FAIR: Weather = { loss: 0, duplication: 0, minDelayMs: 10, maxDelayMs: 10 };

interface InFlight {
  readonly atMs: number;
  readonly to: string;
  readonly datagram: Datagram;
}

/** A number of engines by address. `onEvent` is told of what happens in each. */
export class LossyNetwork {
  nowMs = 0;
  datagrams = 0;
  readonly #engines: ReadonlyMap<string, CoapEngine>;
  readonly #rng: Rng;
  readonly #weather: Weather;
  readonly #onEvent: (address: string, event: CoapEvent) => void;
  #inFlight: InFlight[] = [];

  constructor(
    engines: Readonly<Record<string, CoapEngine>>,
    rng: Rng,
    weather: Weather,
    onEvent: (address: string, event: CoapEvent) => void,
  ) {
    this.#engines = new Map(Object.entries(engines));
    this.#rng = rng;
    this.#weather = weather;
    this.#onEvent = onEvent;
  }

  /** Lets time go on until nothing is left to happen before `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      const nextMs = Math.min(this.#drain(), ...this.#inFlight.map(({ atMs }) => atMs));
      if (nextMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.#deliver();
      for (const engine of this.#engines.values()) engine.timeout(this.nowMs);
    }
  }

  /** Takes what the engines have, until they have no more; returns when the first wants to wake. */
  #drain(): number {
    let wakeAtMs = Infinity;
    for (const [address, engine] of this.#engines) {
      for (;;) {
        const polled = engine.poll();
        for (const { peer, bytes } of polled.datagrams) this.#post(peer, { peer: address, bytes });
        for (const event of polled.events) this.#onEvent(address, event);
        if (polled.datagrams.length + polled.events.length > 0) continue;
        wakeAtMs = Math.min(wakeAtMs, polled.wakeAtMs ?? Infinity);
        break;
      }
    }
    return wakeAtMs;
  }

  #post(to: string, datagram: Datagram): void {
    this.datagrams++;
    const copies = this.#chance(this.#weather.loss) ? 0 : this.#chance(this.#weather.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const { minDelayMs, maxDelayMs } = this.#weather;
      const atMs = this.nowMs + minDelayMs + (this.#rng.uint32() / 2 ** 32) * (maxDelayMs - minDelayMs);
      this.#inFlight.push({ atMs, to, datagram });
    }
  }

  #deliver(): void {
    const due = this.#inFlight.filter(({ atMs }) => atMs <= this.nowMs).toSorted((left, right) => left.atMs - right.atMs);
    this.#inFlight = this.#inFlight.filter(({ atMs }) => atMs > this.nowMs);
    for (const { to, datagram } of due) this.#engines.get(to)?.handle(this.nowMs, datagram);
  }

  #chance(probability: number): boolean {
    return this.#rng.uint32() / 2 ** 32 < probability;
  }
}
