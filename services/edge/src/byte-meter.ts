/**
 * Counts the bytes of devices that have a daily quota, as they pass the socket: retransmissions and answers too, and what
 * DTLS adds to a message, but no handshakes. Where no device has one, nothing is looked up. The count is stored with writes that happen anyway, so a worker that dies takes
 * along what it counted since.
 */
import { bytesToday, dayOf, quotaSpent, type DeviceNumber, type SessionRecord } from '@cluster/session';
import { LRUCache } from 'lru-cache';
import type { Way, WorkerClock } from '@cluster/coap-kit';
import type { Held } from './held-sessions.ts';

interface Meter {
  readonly peer: string;
  day: number;
  bytes: number;
}

/** What passes the socket, as far as it is counted. */
export interface Counted {
  readonly peer: string;
  readonly bytes: Uint8Array;
}

export class ByteMeter {
  readonly #clock: WorkerClock;
  readonly #overhead: (peer: string, way: Way) => number;
  readonly #byPeer: LRUCache<string, Meter>;
  readonly #byNumber: LRUCache<DeviceNumber, Meter>;

  /** `max`: devices that are metered at a time. `overhead`: what security adds to a message of a peer. */
  constructor(clock: WorkerClock, max: number, overhead: (peer: string, way: Way) => number = () => 0) {
    this.#clock = clock;
    this.#overhead = overhead;
    this.#byPeer = new LRUCache({ max });
    this.#byNumber = new LRUCache({ max, dispose: (meter) => this.#byPeer.delete(meter.peer) });
  }

  count(datagrams: readonly Counted[], way: Way): void {
    if (this.#byPeer.size === 0) return;
    for (const { peer, bytes } of datagrams) {
      const meter = this.#byPeer.get(peer);
      if (meter !== undefined) this.#today(meter).bytes += bytes.length + this.#overhead(peer, way);
    }
  }

  /** The device was heard: its path is metered from now on, if it has a quota. */
  heard({ number, record }: Held): void {
    if (record.profile?.settings.maxBytesPerDay === undefined) return;
    const known = this.#byNumber.get(number);
    if (known?.peer === record.peer) return;
    const nowMs = this.#clock.storeMs();
    const bytes = Math.max(bytesToday(record, nowMs), known === undefined ? 0 : this.#today(known).bytes);
    const meter = { peer: record.peer, day: dayOf(nowMs), bytes };
    this.#byNumber.set(number, meter);
    this.#byPeer.set(record.peer, meter);
  }

  /** Whether the device's quota is spent, with what only this worker has counted. */
  spent(held: Held): boolean {
    const nowMs = this.#clock.storeMs();
    return quotaSpent(held.record, nowMs, this.#bytes(held.number, held.record, nowMs));
  }

  /** A record that is being written takes the count along. */
  stamped(record: SessionRecord, held: Held | undefined): SessionRecord {
    if (held === undefined || !this.#byNumber.has(held.number)) return record;
    const nowMs = this.#clock.storeMs();
    const bytes = this.#bytes(held.number, record, nowMs);
    return bytes === bytesToday(record, nowMs) ? record : { ...record, usage: { day: dayOf(nowMs), bytes } };
  }

  #bytes(number: DeviceNumber, record: SessionRecord, nowMs: number): number {
    const meter = this.#byNumber.get(number);
    return Math.max(bytesToday(record, nowMs), meter === undefined ? 0 : this.#today(meter).bytes);
  }

  #today(meter: Meter): Meter {
    const day = dayOf(this.#clock.storeMs());
    if (meter.day !== day) Object.assign(meter, { day, bytes: 0 });
    return meter;
  }
}
