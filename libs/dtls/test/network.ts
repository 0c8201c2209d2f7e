/** Clients and one worker joined in memory by a network that loses, duplicates and reorders, under a clock of its own. */
import type { DtlsClient, DtlsClientEvent } from '../src/index.ts';
import type { TestWorker } from './store.ts';

/** Chances from 0 to 1; a spread of delays wider than the gap between datagrams reorders them. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const FAIR: Weather = { loss: 0, duplication: 0, minDelayMs: 10, maxDelayMs: 10 };
export const FOUL: Weather = { loss: 0.15, duplication: 0.15, minDelayMs: 5, maxDelayMs: 400 };

interface InFlight {
  readonly atMs: number;
  readonly to: string;
  readonly from: string;
  readonly bytes: Uint8Array;
}

export class TestNetwork {
  nowMs = 1_000;
  readonly events = new Map<string, DtlsClientEvent[]>();
  /** Everything that was sent: captured on the wire. */
  readonly captured: InFlight[] = [];
  worker: TestWorker;
  readonly #clients = new Map<string, DtlsClient>();
  readonly #integers: () => number;
  readonly #weather: Weather;
  #inFlight: InFlight[] = [];

  constructor(worker: TestWorker, integers: () => number, weather: Weather = FAIR) {
    this.worker = worker;
    this.#integers = integers;
    this.#weather = weather;
  }

  add(address: string, client: DtlsClient): void {
    this.#clients.set(address, client);
    this.events.set(address, this.events.get(address) ?? []);
  }

  /** From now on the client sends from another address. */
  move(from: string, to: string): void {
    this.add(to, this.#clients.get(from)!);
    this.events.set(to, this.events.get(from)!);
    this.#clients.delete(from);
  }

  happened<Kind extends DtlsClientEvent['kind']>(address: string, kind: Kind): (DtlsClientEvent & { kind: Kind })[] {
    return this.events.get(address)!.filter((event): event is DtlsClientEvent & { kind: Kind } => event.kind === kind);
  }

  /** Lets time go on until nothing is left to happen before then, or until `done`. */
  run(untilMs: number, done: () => boolean = () => false): void {
    for (;;) {
      const wakeAtMs = this.#drain();
      const nextMs = Math.min(wakeAtMs, ...this.#inFlight.map(({ atMs }) => atMs));
      if (nextMs > untilMs || done()) {
        if (nextMs > untilMs) this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.#deliver();
      for (const client of this.#clients.values()) client.timeout(this.nowMs);
      this.worker.server.timeout(this.nowMs);
    }
  }

  #drain(): number {
    let wakeAtMs = Infinity;
    for (const { peer, bytes } of this.worker.settle(this.nowMs)) this.#post('server', peer, bytes);
    wakeAtMs = Math.min(wakeAtMs, this.worker.server.poll().wakeAtMs ?? Infinity);
    for (const [address, client] of this.#clients) {
      const polled = client.poll();
      for (const bytes of polled.datagrams) this.#post(address, 'server', bytes);
      this.events.get(address)!.push(...polled.events);
      wakeAtMs = Math.min(wakeAtMs, polled.wakeAtMs ?? Infinity);
    }
    return wakeAtMs;
  }

  #post(from: string, to: string, bytes: Uint8Array): void {
    this.captured.push({ atMs: this.nowMs, from, to, bytes });
    const { loss, duplication, minDelayMs, maxDelayMs } = this.#weather;
    const copies = this.#chance(loss) ? 0 : this.#chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const atMs = this.nowMs + minDelayMs + (this.#integers() / 2 ** 32) * (maxDelayMs - minDelayMs);
      this.#inFlight.push({ atMs, from, to, bytes });
    }
  }

  #deliver(): void {
    const due = this.#inFlight.filter(({ atMs }) => atMs <= this.nowMs).toSorted((left, right) => left.atMs - right.atMs);
    this.#inFlight = this.#inFlight.filter(({ atMs }) => atMs > this.nowMs);
    for (const { from, to, bytes } of due) {
      // As a socket brings it; and a driver may use its buffer again at once.
      const buffer = Buffer.from(bytes);
      if (to === 'server') this.worker.server.handle(this.nowMs, { peer: from, bytes: buffer });
      else this.#clients.get(to)?.handle(this.nowMs, buffer);
      buffer.fill(0xa5);
    }
  }

  #chance(probability: number): boolean {
    return this.#integers() / 2 ** 32 < probability;
  }
}
