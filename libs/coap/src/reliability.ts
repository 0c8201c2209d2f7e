/** Reliable transmission of one Confirmable message: retransmission with binary back-off (RFC 7252 §4.2). */
import type { EngineContext } from './context.ts';
import { Timer } from './timers.ts';

/** What one message may differ in from the engine's parameters. */
export interface Backoff {
  readonly ackTimeoutMs: number;
  readonly maxRetransmit: number;
  /** When the message is given up, from its first sending; with the end of its last timeout unless told. */
  readonly maxTransmitWaitMs?: number | undefined;
}

/** A CON on its way: sent now, and again until stopped or given up. */
export class Transmission {
  readonly messageId: number;
  readonly #context: EngineContext;
  readonly #peer: string;
  readonly #bytes: Uint8Array;
  readonly #maxRetransmit: number;
  readonly #giveUpAtMs: number | undefined;
  readonly #firstTimeoutMs: number;
  readonly #firstSentAtMs: number;
  readonly #onGiveUp: (nowMs: number) => void;
  readonly #timer = new Timer((nowMs) => this.#due(nowMs));
  #retransmissions = 0;

  constructor(
    context: EngineContext,
    message: { readonly peer: string; readonly messageId: number; readonly bytes: Uint8Array },
    backoff: Backoff,
    firstSentAtMs: number,
    onGiveUp: (nowMs: number) => void,
  ) {
    this.messageId = message.messageId;
    this.#context = context;
    this.#peer = message.peer;
    this.#bytes = message.bytes;
    this.#maxRetransmit = backoff.maxRetransmit;
    this.#giveUpAtMs = backoff.maxTransmitWaitMs === undefined ? undefined : firstSentAtMs + backoff.maxTransmitWaitMs;
    // RFC 7252 §4.2: the initial timeout lies between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR.
    const spread = (context.parameters.ackRandomFactor - 1) * (context.rng.uint32() / 2 ** 32);
    this.#firstTimeoutMs = backoff.ackTimeoutMs * (1 + spread);
    this.#firstSentAtMs = firstSentAtMs;
    this.#onGiveUp = onGiveUp;
  }

  /** Sends the message. If it was first sent before `nowMs`, the timeouts that have passed since are used up. */
  start(nowMs: number): void {
    while (this.#deadlineMs() <= nowMs && this.#retransmissions <= this.#maxRetransmit) this.#retransmissions++;
    if (nowMs >= (this.#giveUpAtMs ?? Infinity)) return this.#giveUp(nowMs);
    if (this.#retransmissions > this.#maxRetransmit) {
      if (this.#giveUpAtMs === undefined) this.#giveUp(nowMs);
      else this.#context.timers.set(this.#timer, this.#giveUpAtMs);
      return;
    }
    this.#context.send(this.#peer, this.#bytes);
    this.#wait(this.#deadlineMs());
  }

  /** The message was acknowledged, reset or given up. */
  stop(): void {
    this.#context.timers.cancel(this.#timer);
  }

  #due(nowMs: number): void {
    if (this.#isOver(nowMs)) return this.#giveUp(nowMs);
    this.#retransmissions++;
    this.#context.counters.retransmissions++;
    this.#context.send(this.#peer, this.#bytes);
    // Counted from now when the timer came late, so that a stalled process does not send all it has left at once.
    const intervalMs = this.#firstTimeoutMs * 2 ** this.#retransmissions;
    this.#wait(Math.max(this.#deadlineMs(), nowMs + intervalMs / 2));
  }

  #isOver(nowMs: number): boolean {
    if (this.#giveUpAtMs !== undefined && nowMs >= this.#giveUpAtMs) return true;
    return this.#retransmissions >= this.#maxRetransmit;
  }

  /** Until the next retransmission, or the end: whichever comes first, and after the last retransmission the end. */
  #wait(deadlineMs: number): void {
    const last = this.#retransmissions >= this.#maxRetransmit;
    const giveUpAtMs = this.#giveUpAtMs ?? Infinity;
    this.#context.timers.set(this.#timer, last && this.#giveUpAtMs !== undefined ? giveUpAtMs : Math.min(deadlineMs, giveUpAtMs));
  }

  #giveUp(nowMs: number): void {
    this.#context.counters.timeouts++;
    this.#onGiveUp(nowMs);
  }

  /** When the current timeout ends: after t, 3t, 7t … since the first sending. */
  #deadlineMs(): number {
    return this.#firstSentAtMs + this.#firstTimeoutMs * (2 ** (this.#retransmissions + 1) - 1);
  }
}
