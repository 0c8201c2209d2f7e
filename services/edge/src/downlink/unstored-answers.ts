/**
 * Answers of devices that the store did not take: the engine has acknowledged them, so nobody will send them again. They
 * wait here until the store is back. A worker that dies meanwhile leaves exchanges without an answer.
 */
import type { DeviceNumber, Exchange } from '@cluster/session';
import type { Ending } from './exchanges.ts';

type Answer = Extract<Ending, { kind: 'response' }>;

interface Unstored {
  readonly messageId: number;
  readonly counter: number;
  readonly answer: Answer;
}

const MOST_BYTES = 64 * 1_048_576;
const OVERHEAD_BYTES = 512;

export class UnstoredAnswers {
  readonly #byNumber = new Map<DeviceNumber, Unstored>();
  #bytes = 0;

  /** Keeps the answer to an exchange, unless too much waits already. */
  keep(number: DeviceNumber, { messageId, counter }: Exchange, { message, rttMs }: Answer): void {
    this.#forget(number);
    const answer: Answer = { kind: 'response', message: { ...message, payload: message.payload.slice() }, rttMs, late: true };
    if (this.#bytes + bytesOf(answer) > MOST_BYTES) return;
    this.#bytes += bytesOf(answer);
    this.#byNumber.set(number, { messageId, counter, answer });
  }

  /** The answer to this exchange, once. */
  take(number: DeviceNumber, exchange: Exchange): Answer | undefined {
    const kept = this.#byNumber.get(number);
    this.#forget(number);
    return kept?.messageId === exchange.messageId && kept.counter === exchange.counter ? kept.answer : undefined;
  }

  #forget(number: DeviceNumber): void {
    const kept = this.#byNumber.get(number);
    if (kept === undefined) return;
    this.#bytes -= bytesOf(kept.answer);
    this.#byNumber.delete(number);
  }
}

function bytesOf({ message }: Answer): number {
  return message.payload.length + OVERHEAD_BYTES;
}
