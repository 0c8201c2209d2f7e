/** What went over the network, and the rules that hold there. */
import { Code, decodeMessage, isRequest, MessageType, OptionNumber, optionValue, textOptions, uriPath, uriQuery, type CoapMessage } from '@cluster/coap';
import type { Wiretap } from './network.ts';

interface Seen {
  readonly worker: string;
  readonly token: string;
  readonly messageId: number;
  /** The request without what differs from copy to copy. */
  readonly content: string;
  readonly target: string;
  readonly observes: boolean;
  readonly firstMs: number;
  lastMs: number;
}

const EXCHANGE_LIFETIME_MS = 247_000;

export class WireRecord implements Wiretap {
  readonly faults: string[] = [];
  /** When Updates of each location first reached a worker. */
  readonly updates = new Map<string, number[]>();
  /** How many messages carried an Update, by its sms number: repeated from another address it is another one. RFC 7252 §4.4 */
  readonly updateMessages = new Map<string, number>();
  readonly #heard = new Set<string>();
  /** Requests to each device, which the first six bytes of the token tell. */
  readonly #requests = new Map<string, Seen[]>();

  sent(worker: string, _to: string, bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return void this.faults.push(`${worker} sent what nobody can read`);
    const { message } = decoded;
    if (isRequest(message.code)) this.#request(worker, message);
  }

  received(_worker: string, from: string, bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok || decoded.message.code !== Code.POST) return;
    const [resource, location] = uriPath(decoded.message);
    if (resource !== 'rd' || location === undefined) return;
    const message = `${from} ${location} ${decoded.message.messageId}`;
    if (this.#heard.has(message)) return;
    this.#heard.add(message);
    this.updates.set(location, [...(this.updates.get(location) ?? []), Date.now()]);
    const sms = uriQuery(decoded.message).find((query) => query.startsWith('sms='))?.slice(4) ?? '';
    this.updateMessages.set(sms, (this.updateMessages.get(sms) ?? 0) + 1);
  }

  #request(worker: string, message: CoapMessage): void {
    if (message.type !== MessageType.CON) this.faults.push(`${worker} sent a request that is not confirmable`);
    const token = Buffer.from(message.token).toString('hex');
    const device = token.slice(0, 12);
    const seen = this.#requests.get(device) ?? [];
    this.#requests.set(device, seen);
    const content = JSON.stringify([message.code, token, message.options.map(({ number, value }) => [number, [...value]]), [...message.payload]]);
    const nowMs = Date.now();
    const known = seen.find((s) => s.content === content && s.messageId === message.messageId && s.worker === worker);
    if (known !== undefined) {
      const later = seen.find((s) => s.worker === worker && s.firstMs > known.firstMs && !(s.content === content && s.messageId === message.messageId));
      if (later !== undefined) this.faults.push(`${worker} repeats a request to ${device} although it has sent another`);
      known.lastMs = nowMs;
      return;
    }
    const target = `${textOptions(message, OptionNumber.URI_PATH).join('/')}`;
    const observes = optionValue(message, OptionNumber.OBSERVE) !== undefined;
    for (const other of seen) this.#compare(device, other, { content, target, observes, token, messageId: message.messageId, nowMs });
    seen.push({ worker, token, messageId: message.messageId, content, target, observes, firstMs: nowMs, lastMs: nowMs });
  }

  #compare(
    device: string,
    other: Seen,
    now: { content: string; target: string; observes: boolean; token: string; messageId: number; nowMs: number },
  ): void {
    if (now.nowMs - other.lastMs > EXCHANGE_LIFETIME_MS) return;
    const same = other.content === now.content;
    if (other.messageId === now.messageId && !same) this.faults.push(`message id ${now.messageId} is used twice towards ${device}`);
    if (other.token !== now.token || other.messageId === now.messageId) return;
    const renewed = other.observes && now.observes && other.target === now.target;
    if (!renewed) this.faults.push(`token ${now.token} is used twice: ${other.target}, ${now.target}`);
  }
}
