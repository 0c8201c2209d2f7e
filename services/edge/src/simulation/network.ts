/** Joins devices and workers: loses, delays, duplicates and reorders datagrams, and leads each address to one worker. */
import type { Datagram } from '@cluster/coap';
import type { Random } from './random.ts';

export interface NetworkWeather {
  loss: number;
  duplication: number;
  maxDelayMs: number;
}

/** The server as devices know it, whichever worker answers. */
export const SERVER = 'udp:192.0.2.1:5683';

export interface WorkerEnd {
  readonly name: string;
  receive(datagrams: readonly Datagram[]): void;
}

/** Sees every datagram that a worker sends, and every one that a worker receives. */
export interface Wiretap {
  sent(worker: string, to: string, bytes: Uint8Array): void;
  received(worker: string, from: string, bytes: Uint8Array): void;
}

export class Network {
  readonly #weather: NetworkWeather;
  readonly #random: Random;
  readonly #tap: Wiretap;
  readonly #devices = new Map<string, (bytes: Uint8Array) => void>();
  readonly #workers = new Set<WorkerEnd>();
  readonly #routes = new Map<string, WorkerEnd>();

  constructor(weather: NetworkWeather, random: Random, tap: Wiretap) {
    this.#weather = weather;
    this.#random = random;
    this.#tap = tap;
  }

  /** A device at an address; the function returned takes it away. */
  plug(address: string, receive: (bytes: Uint8Array) => void): () => void {
    this.#devices.set(address, receive);
    return () => void this.#devices.delete(address);
  }

  join(worker: WorkerEnd): void {
    this.#workers.add(worker);
  }

  /** The worker hears nothing any more; its devices are led to others. */
  leave(worker: WorkerEnd): void {
    this.#workers.delete(worker);
  }

  /** Leads an address to another worker, or to the same. */
  reroute(address: string): void {
    this.#routes.delete(address);
  }

  toServer(from: string, bytes: Uint8Array): void {
    this.#carry(() => {
      const worker = this.#route(from);
      if (worker === undefined) return;
      this.#tap.received(worker.name, from, bytes);
      worker.receive([{ peer: from, bytes }]);
    });
  }

  toDevice(worker: string, to: string, bytes: Uint8Array): void {
    this.#tap.sent(worker, to, bytes);
    this.#carry(() => this.#devices.get(to)?.(bytes));
  }

  #route(address: string): WorkerEnd | undefined {
    const known = this.#routes.get(address);
    if (known !== undefined && this.#workers.has(known)) return known;
    if (this.#workers.size === 0) return undefined;
    const worker = this.#random.pick([...this.#workers]);
    this.#routes.set(address, worker);
    return worker;
  }

  #carry(deliver: () => void): void {
    const { loss, duplication, maxDelayMs } = this.#weather;
    if (this.#random.chance(loss)) return;
    const copies = this.#random.chance(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) setTimeout(deliver, this.#random.between(1, maxDelayMs));
  }
}
