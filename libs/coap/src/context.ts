/** What the parts of one engine share: its numbers, its timers, and the tray of what is to leave it. */
import type { CoapCounters } from './counters.ts';
import type { CoapEvent } from './events.ts';
import type { CoapLimits, CoapParameters } from './parameters.ts';
import type { TimerQueue } from './timers.ts';

/** A datagram of a peer, in or out. */
export interface Datagram {
  /** Opaque address text, such as `udp:127.0.0.1:40000`. */
  readonly peer: string;
  readonly bytes: Uint8Array;
}

/** Where random numbers come from. */
export interface Rng {
  /** An integer from 0 to 2^32 - 1, evenly spread. */
  uint32(): number;
}

export interface EngineContext {
  readonly parameters: CoapParameters;
  readonly limits: CoapLimits;
  readonly counters: CoapCounters;
  readonly timers: TimerQueue;
  readonly rng: Rng;
  /** Puts a datagram into the tray. */
  send(peer: string, bytes: Uint8Array): void;
  /** Puts an event into the tray. */
  emit(event: CoapEvent): void;
  /** A message id for what the engine sends on its own account: NON responses and separate responses. */
  nextMessageId(): number;
}
