/** A peer that says exactly what a test tells it to, well-formed or not, and shows what comes back. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { decodeMessage, encodeMessage, formatCode, MessageType, OptionNumber, type CoapMessage, type CoapOption } from '@cluster/coap';

/** A request as tests write it. */
export interface RawRequest {
  readonly code: number;
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly payload?: string | Uint8Array;
  readonly contentFormat?: number;
  readonly messageId: number;
  readonly options?: readonly CoapOption[];
}

/** What came back: a code as "2.05", or "RST"; undefined where nothing came. */
export type Answer = { readonly code: string; readonly message: CoapMessage } | undefined;

const utf8 = new TextEncoder();

/** The datagram of a confirmable request. */
export function datagramOf(request: RawRequest): Uint8Array {
  const { code, path, query = [], payload = '', contentFormat, messageId, options = [] } = request;
  const format = contentFormat === undefined ? [] : [{ number: OptionNumber.CONTENT_FORMAT, value: Uint8Array.of(contentFormat) }];
  const text = (number: number, values: readonly string[]) => values.map((value) => ({ number, value: utf8.encode(value) }));
  return encodeMessage({
    type: MessageType.CON,
    code,
    messageId,
    token: Uint8Array.of(messageId >> 8, messageId & 0xff),
    options: [...text(OptionNumber.URI_PATH, path), ...format, ...text(OptionNumber.URI_QUERY, query), ...options],
    payload: typeof payload === 'string' ? utf8.encode(payload) : payload,
  });
}

export class RawPeer {
  /** All that came and could be read. */
  readonly received: CoapMessage[] = [];
  readonly #socket: Socket;
  #lastPing = 0x8000;
  readonly #waiting = new Map<number, (message: CoapMessage) => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram) => {
      const decoded = decodeMessage(datagram);
      if (!decoded.ok) return;
      this.received.push(decoded.message);
      this.#waiting.get(decoded.message.messageId)?.(decoded.message);
    });
  }

  /** Any address of 127.0.0.0/8 may be its own. */
  static async open(address = '127.0.0.1'): Promise<RawPeer> {
    const socket = createSocket('udp4').bind(0, address);
    await once(socket, 'listening');
    return new RawPeer(socket);
  }

  send(port: number, datagram: Uint8Array): Promise<void> {
    return new Promise((sent) => this.#socket.send(datagram, port, '127.0.0.1', () => sent()));
  }

  /** Sends a datagram and gives what comes with its message id within `patienceMs`. */
  async exchange(port: number, datagram: Uint8Array, patienceMs = 5_000): Promise<Answer> {
    const messageId = ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0);
    const message = await new Promise<CoapMessage | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), patienceMs);
      this.#waiting.set(messageId, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      void this.send(port, datagram);
    });
    this.#waiting.delete(messageId);
    if (message === undefined) return undefined;
    return { code: message.type === MessageType.RST ? 'RST' : formatCode(message.code), message };
  }

  /** Resolves when the server has taken all that was sent before: it answers a ping (RFC 7252 §4.3). False: it does not. */
  async ping(port: number, patienceMs?: number): Promise<boolean> {
    for (;;) {
      const messageId = (this.#lastPing = (this.#lastPing + 1) & 0xffff);
      const answer = await this.exchange(port, Uint8Array.of(0x40, 0, messageId >> 8, messageId & 0xff), patienceMs);
      // Whatever else was sent may have this message id by chance: then its answer came, and the next ping tells.
      if (answer === undefined || answer.code === 'RST') return answer !== undefined;
    }
  }

  request(port: number, request: RawRequest, patienceMs?: number): Promise<Answer> {
    return this.exchange(port, datagramOf(request), patienceMs);
  }

  close(): void {
    this.#socket.close();
  }
}
