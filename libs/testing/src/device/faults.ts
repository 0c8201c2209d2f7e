/** Fault knobs of a simulated device: what its radio loses and what it answers instead of the truth. */
import { parse, type ParsedPacket } from 'coap-packet';

/** A CoAP message as it passes the device's radio. */
export type Message = Omit<ParsedPacket, 'options' | 'payload'>;

/** Whether a message gets lost. */
export type LossRule = (message: Message) => boolean;

/** Header of a datagram; undefined where it isn't CoAP. */
export function messageOf(datagram: Uint8Array): Message | undefined {
  try {
    return parse(Buffer.from(datagram));
  } catch {
    return undefined;
  }
}

/** Whether the message carries a request. */
export function isRequest(message: Message): boolean {
  return message.code.startsWith('0.') && message.code !== '0.00';
}

interface Refusal {
  readonly operation: string;
  readonly code: string;
  left: number;
}

/** Switches that tests set; each counts down where it takes `times`. */
export class Faults {
  /** Nothing is received while false: a sleeping radio. */
  radioOn = true;
  /** Milliseconds before each request is carried out; above 50 the response comes separately (RFC 7252 §5.2.2). */
  delayMs = 0;
  /** Losses on the way to and from the device, besides the counted ones. */
  loseOutgoing: LossRule = () => false;
  loseIncoming: LossRule = () => false;

  /** Requests without this Echo get 4.01 and it (RFC 9175 §2.3). */
  echo: Buffer | undefined;

  #acksToDrop = 0;
  #requestsToIgnore = 0;
  #answersToLose = 0;
  readonly #refusals: Refusal[] = [];

  /** The next `times` ACKs that the device sends, with or without a response in them, get lost. */
  dropAcks(times = Infinity): void {
    this.#acksToDrop = times;
  }

  /** The next `times` requests that arrive are not seen. */
  ignoreRequests(times = Infinity): void {
    this.#requestsToIgnore = times;
  }

  /** The next `times` answers of the server (ACK, RST, response) get lost: the device sends again. */
  loseAnswers(times = Infinity): void {
    this.#answersToLose = times;
  }

  /** Answers an operation ("read", "write", "execute", …, or "any") with a code instead of carrying it out. */
  refuse(operation: string, code: string, times = Infinity): void {
    this.#refusals.push({ operation, code, left: times });
  }

  /** Takes all faults back. */
  clear(): void {
    this.radioOn = true;
    this.delayMs = 0;
    this.echo = undefined;
    this.loseOutgoing = this.loseIncoming = () => false;
    this.#acksToDrop = this.#requestsToIgnore = this.#answersToLose = 0;
    this.#refusals.length = 0;
  }

  /** The code to answer the operation with, where it is refused. */
  refusalOf(operation: string): string | undefined {
    const refusal = this.#refusals.find((r) => r.left > 0 && (r.operation === operation || r.operation === 'any'));
    if (refusal === undefined) return undefined;
    refusal.left -= 1;
    return refusal.code;
  }

  /** Whether a datagram that the device sends gets lost. */
  losesOutgoing(message: Message): boolean {
    if (message.ack && this.#acksToDrop > 0) {
      this.#acksToDrop -= 1;
      return true;
    }
    return this.loseOutgoing(message);
  }

  /** Whether a datagram that arrives gets lost. */
  losesIncoming(message: Message): boolean {
    if (!this.radioOn) return true;
    if (isRequest(message) && this.#requestsToIgnore > 0) {
      this.#requestsToIgnore -= 1;
      return true;
    }
    if (!isRequest(message) && this.#answersToLose > 0) {
      this.#answersToLose -= 1;
      return true;
    }
    return this.loseIncoming(message);
  }
}
