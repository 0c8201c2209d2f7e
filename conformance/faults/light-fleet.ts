/**
 * Thousands of devices in one process, each with a socket of its own and little else: they register, answer what the
 * server asks, report, reboot, and say RST when they are told to. What the server sent is counted.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Code, decodeMessage, encodeMessage, isRequest, locationPath, MessageType, observeValue, OptionNumber, uintOption, uintValue, type CoapMessage,
  type CoapOption,
} from '@cluster/coap';

const LINKS = '</>;rt="oma.lwm2m";ct="110",</1/0>,</3/0>,</3303/0>';
const SENML_JSON = 110;
const ACK_TIMEOUT_MS = 4_000;
const MAX_TRANSMISSIONS = 5;
const PATIENCE_S = 10;
const utf8 = new TextEncoder();
const EMPTY = new Uint8Array(0);

export const text = (number: number, value: string): CoapOption => ({ number, value: utf8.encode(value) });
export const uint = (number: number, value: number): CoapOption => ({ number, value: uintValue(value) });

/** What the server sent to all devices together. */
export interface Counts {
  observes: number;
  attributes: number;
  others: number;
  /** Requests that came again with their message id: the machine was slow. RFC 7252 §4.2 */
  repeats: number;
  /** Notifications that were rejected. */
  resets: number;
}

export class LightDevice {
  readonly endpoint: string;
  readonly counts: Counts;
  readonly #serverPort: number;
  #socket: Socket | undefined;
  #messageId: number;
  #waiting: { messageId: number; done: (answer: CoapMessage) => void } | undefined;
  #observe = 1;
  #answered: { readonly messageId: number; readonly bytes: Uint8Array } | undefined;
  location: readonly string[] = [];
  /** Token of the observation that it holds; a reboot loses it. */
  observation: Uint8Array | undefined;
  /** So many Observes are answered by RST yet. */
  resetsLeft = 0;

  constructor(endpoint: string, serverPort: number, counts: Counts) {
    this.endpoint = endpoint;
    this.#serverPort = serverPort;
    this.counts = counts;
    this.#messageId = Math.floor(Math.random() * 0x10000);
  }

  /** What it registers, and how. */
  protected get links(): string {
    return LINKS;
  }

  protected get queries(): readonly string[] {
    return ['b=U'];
  }

  /** False: what comes now is lost on it. */
  protected get listens(): boolean {
    return true;
  }

  async open(): Promise<void> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (bytes) => this.#received(bytes));
    // A server that is away is told by ICMP; the message is repeated anyway.
    socket.on('error', () => undefined);
    this.#socket = socket;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Loses everything but its name, and registers. */
  async reboot(): Promise<void> {
    this.observation = undefined;
    this.#answered = undefined;
    const options = [
      text(OptionNumber.URI_PATH, 'rd'), uint(OptionNumber.CONTENT_FORMAT, 40),
      ...[`ep=${this.endpoint}`, 'lt=86400', 'lwm2m=1.1', ...this.queries].map((query) => text(OptionNumber.URI_QUERY, query)),
    ];
    const answer = await this.exchange(Code.POST, options, utf8.encode(this.links));
    if (answer.code !== Code.CREATED) throw new Error(`${this.endpoint}: Register got ${answer.code}`);
    this.location = locationPath(answer);
  }

  /** A Confirmable notification. True: it was acknowledged; false: RST. */
  async notify(token = this.observation): Promise<boolean> {
    if (token === undefined) throw new Error(`${this.endpoint} is not observed`);
    const answer = await this.exchange(Code.CONTENT, [uint(OptionNumber.OBSERVE, ++this.#observe), uint(OptionNumber.CONTENT_FORMAT, SENML_JSON)], value(), token);
    if (answer.type !== MessageType.RST) return true;
    this.counts.resets++;
    return false;
  }

  protected async exchange(code: number, options: readonly CoapOption[], payload: Uint8Array, token?: Uint8Array): Promise<CoapMessage> {
    const messageId = (this.#messageId = (this.#messageId + 1) & 0xffff);
    const own = Uint8Array.of(messageId >> 8, messageId & 0xff);
    const bytes = encodeMessage({ type: MessageType.CON, code, messageId, token: token ?? own, options, payload });
    for (let transmission = 0; transmission < MAX_TRANSMISSIONS; transmission++) {
      const answer = await this.#transmit(messageId, bytes, ACK_TIMEOUT_MS * 2 ** transmission);
      if (answer?.code === Code.SERVICE_UNAVAILABLE) {
        // The server asks for patience. RFC 7252 §5.10.5
        await sleep(1_000 * Math.min(PATIENCE_S, uintOption(answer, OptionNumber.MAX_AGE) ?? 1));
        return this.exchange(code, options, payload, token);
      }
      if (answer !== undefined) return answer;
    }
    throw new Error(`${this.endpoint} got no answer`);
  }

  #transmit(messageId: number, bytes: Uint8Array, waitMs: number): Promise<CoapMessage | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), waitMs);
      const done = (answer: CoapMessage): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      this.#waiting = { messageId, done };
      this.#send(bytes);
    });
  }

  #received(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return;
    const { message } = decoded;
    if (isRequest(message.code)) {
      if (this.listens) this.#answer(message);
    } else if (message.messageId === this.#waiting?.messageId) this.#waiting.done(message);
  }

  #answer(request: CoapMessage): void {
    const { messageId, code } = request;
    if (messageId === this.#answered?.messageId) {
      this.counts.repeats++;
      return this.#send(this.#answered.bytes);
    }
    const bytes = this.answerTo(request, code, messageId);
    this.#answered = { messageId, bytes };
    this.#send(bytes);
  }

  protected answerTo(request: CoapMessage, code: number, messageId: number): Uint8Array {
    const token = Uint8Array.from(request.token);
    const observes = code === Code.GET && observeValue(request) === 0;
    if (observes) this.counts.observes++;
    else if (code === Code.PUT) this.counts.attributes++;
    else this.counts.others++;
    if (observes && this.resetsLeft > 0) {
      this.resetsLeft--;
      return encodeMessage({ type: MessageType.RST, code: Code.EMPTY, messageId, token: EMPTY, options: [], payload: EMPTY });
    }
    if (observes) this.observation = token;
    const options = [...(observes ? [uint(OptionNumber.OBSERVE, 1)] : []), uint(OptionNumber.CONTENT_FORMAT, SENML_JSON)];
    const reading = code === Code.GET;
    return encodeMessage({
      type: MessageType.ACK, code: reading ? Code.CONTENT : Code.CHANGED, messageId, token,
      options: reading ? options : [], payload: reading ? value() : EMPTY,
    });
  }

  #send(bytes: Uint8Array): void {
    this.#socket?.send(bytes, this.#serverPort, '127.0.0.1', () => undefined);
  }
}

function value(): Uint8Array {
  return utf8.encode(`[{"n":"/3303/0/5700","v":${20 + Math.round(Math.random() * 100) / 10}}]`);
}

export class LightFleet {
  readonly counts: Counts = { observes: 0, attributes: 0, others: 0, repeats: 0, resets: 0 };
  readonly devices: readonly LightDevice[];

  /** `ports`: the devices are spread over these servers. */
  constructor(name: string, size: number, ports: readonly number[]) {
    this.devices = Array.from({ length: size }, (_, i) => new LightDevice(`${name}-${i}`, ports[i % ports.length] ?? 0, this.counts));
  }

  /** Does something with every device, so many at a time. */
  async each(window: number, work: (device: LightDevice) => Promise<unknown>): Promise<void> {
    const left = this.devices.values();
    await Promise.all(Array.from({ length: window }, async () => {
      for (const device of left) await work(device);
    }));
  }

  close(): void {
    for (const device of this.devices) device.close();
  }
}
