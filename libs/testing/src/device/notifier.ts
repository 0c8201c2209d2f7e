/**
 * Sends notifications past node-coap, whose observe stream lets nobody choose token, message id or NON, and tells of no
 * RST. Confirmable ones are repeated as RFC 7252 §4.2 says until an ACK or a RST comes.
 */
import type { Packet } from 'coap-packet';
import { blockOption, uintOption, type RawOption } from './coap-options.ts';
import type { Message } from './faults.ts';

/** A notification to be sent. */
export interface Notification {
  readonly token: Buffer;
  readonly observe?: number;
  /** "2.05" unless told. */
  readonly code?: string;
  readonly contentFormat?: number;
  readonly payload?: Uint8Array;
  /** The device's choice unless told. */
  readonly messageId?: number;
  readonly confirmable?: boolean;
}

/** What became of a notification: NON ones are "sent" and may turn out "reset" to {@link Notifier}'s listener alone. */
export type Delivery = 'sent' | 'acknowledged' | 'reset' | 'unanswered';

export interface NotifierHost {
  sendPacket(packet: Packet): void;
  nextMessageId(): number;
  /** The server answered a notification with RST: CON or NON. */
  onReset(token: Buffer): void;
}

interface Outstanding {
  readonly token: Buffer;
  readonly settle: (delivery: Delivery) => void;
  timer?: NodeJS.Timeout;
}

const ACK_TIMEOUT_MS = 2_000;
const MAX_RETRANSMIT = 4;
const BLOCK = { bytes: 1_024, exponent: 6 };
const REMEMBERED_NON = 256;

/** Outstanding notifications of one device. */
export class Notifier {
  readonly #host: NotifierHost;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #sentNon = new Map<number, Buffer>();

  constructor(host: NotifierHost) {
    this.#host = host;
  }

  /** Sends one notification; resolves when it is known what became of it. */
  send(notification: Notification): Promise<Delivery> {
    const messageId = notification.messageId ?? this.#host.nextMessageId();
    const confirmable = notification.confirmable ?? true;
    const packet = toPacket(notification, messageId, confirmable);
    if (confirmable) return this.#sendConfirmable(packet, messageId, notification.token);
    this.#rememberNon(messageId, notification.token);
    this.#host.sendPacket(packet);
    return Promise.resolve('sent');
  }

  /** An ACK or RST came in. */
  onMessage(message: Message): void {
    if (message.code !== '0.00') return;
    const outstanding = this.#outstanding.get(message.messageId);
    const token = outstanding?.token ?? this.#sentNon.get(message.messageId);
    if (token === undefined) return;
    if (message.reset) this.#host.onReset(token);
    outstanding?.settle(message.reset ? 'reset' : 'acknowledged');
  }

  /** Gives all outstanding notifications up. */
  close(): void {
    for (const outstanding of [...this.#outstanding.values()]) outstanding.settle('unanswered');
  }

  #sendConfirmable(packet: Packet, messageId: number, token: Buffer): Promise<Delivery> {
    return new Promise((resolve) => {
      const settle = (delivery: Delivery): void => {
        clearTimeout(outstanding.timer);
        this.#outstanding.delete(messageId);
        resolve(delivery);
      };
      const outstanding: Outstanding = { token, settle };
      this.#outstanding.set(messageId, outstanding);
      this.#transmit(packet, outstanding, 0);
    });
  }

  #transmit(packet: Packet, outstanding: Outstanding, attempt: number): void {
    this.#host.sendPacket(packet);
    const next = (): void => {
      if (attempt === MAX_RETRANSMIT) outstanding.settle('unanswered');
      else this.#transmit(packet, outstanding, attempt + 1);
    };
    outstanding.timer = setTimeout(next, ACK_TIMEOUT_MS * 2 ** attempt);
  }

  #rememberNon(messageId: number, token: Buffer): void {
    this.#sentNon.set(messageId, token);
    const [oldest] = this.#sentNon.keys();
    if (this.#sentNon.size > REMEMBERED_NON && oldest !== undefined) this.#sentNon.delete(oldest);
  }
}

function toPacket(notification: Notification, messageId: number, confirmable: boolean): Packet {
  const { token, code = '2.05', payload = new Uint8Array() } = notification;
  const { options, body } = firstBlock(payload);
  const all = [...optionsOf(notification), ...options] as unknown as NonNullable<Packet['options']>;
  return { code, token, messageId, confirmable, options: all, payload: Buffer.from(body) };
}

function optionsOf({ observe, contentFormat }: Notification): RawOption[] {
  const options: RawOption[] = [];
  if (observe !== undefined) options.push(uintOption('Observe', observe));
  if (contentFormat !== undefined) options.push(uintOption('Content-Format', contentFormat));
  return options;
}

/** RFC 7959 §2.6: a large notification carries its first block; the server fetches the rest. */
export function firstBlock(payload: Uint8Array): { options: RawOption[]; body: Uint8Array } {
  if (payload.length <= BLOCK.bytes) return { options: [], body: payload };
  return { options: [blockOption('Block2', 0, true, BLOCK.exponent)], body: payload.subarray(0, BLOCK.bytes) };
}
