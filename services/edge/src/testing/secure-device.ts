/** A device that speaks CoAP over DTLS, message by message as a test tells it, to whichever worker; it keeps its records. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { decodeMessage, encodeMessage, MessageType, OptionNumber, type CoapMessage, type CoapOption } from '@cluster/coap';
import { type ClientSession, DtlsClient, type DtlsClientOptions } from '@cluster/dtls';

export interface SecureRequest {
  readonly code: number;
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly payload?: string;
}

export type SecureDeviceOptions = Omit<DtlsClientOptions, 'random'>;

const PATIENCE_MS = 10_000;
const utf8 = new TextEncoder();

export class SecureDevice {
  /** All datagrams sent, and all that came. */
  readonly sent: Uint8Array[] = [];
  readonly arrived: Uint8Array[] = [];
  /** All records sent since the handshake. */
  readonly records: Uint8Array[] = [];
  readonly received: CoapMessage[] = [];
  /** Alerts of the server, in the handshake and after it. */
  readonly alerts: number[] = [];
  /** To resume by, once it is connected. */
  session: ClientSession | undefined;
  /** Port of the worker that it speaks to. */
  port: number;
  readonly #socket: Socket;
  readonly #dtls: DtlsClient;
  #connected = false;
  #mayStillSend = Infinity;
  #messageId = 0x1000;
  #changed: () => void = () => {};

  private constructor(socket: Socket, port: number, options: SecureDeviceOptions) {
    this.#socket = socket;
    this.port = port;
    this.#dtls = new DtlsClient({ random: randomBytes, connectionId: new Uint8Array(0), ...options });
    socket.on('message', (datagram) => {
      this.arrived.push(datagram);
      this.#dtls.handle(performance.now(), datagram);
      this.#flush();
    });
  }

  /** Shakes hands with the worker at `port`. */
  static async connect(port: number, options: SecureDeviceOptions): Promise<SecureDevice> {
    const device = await SecureDevice.greet(port, options);
    await device.until(() => device.#connected);
    return device;
  }

  /** Begins to shake hands; it goes on as answers come, or falls silent after so many datagrams. Nothing is repeated. */
  static async greet(port: number, options: SecureDeviceOptions, datagrams = Infinity): Promise<SecureDevice> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const device = new SecureDevice(socket, port, options);
    device.#mayStillSend = datagrams;
    device.#dtls.connect(performance.now());
    device.#flush();
    return device;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Sends a confirmable request, once. Returns its message id. */
  send({ code, path, query = [], payload = '' }: SecureRequest, messageId = this.#messageId++): number {
    const text = (number: number, values: readonly string[]) => values.map((value) => ({ number, value: utf8.encode(value) }));
    const options = [...text(OptionNumber.URI_PATH, path), ...text(OptionNumber.URI_QUERY, query)];
    this.#dtls.send(encodeMessage({ type: MessageType.CON, code, messageId, token: Uint8Array.of(7), options, payload: utf8.encode(payload) }));
    this.#flush();
    return messageId;
  }

  /** Sends a request and waits for its answer. */
  async request(request: SecureRequest, messageId?: number): Promise<CoapMessage> {
    const id = this.send(request, messageId);
    return this.until(() => this.received.find((message) => message.messageId === id && message.type === MessageType.ACK));
  }

  /** Answers a request of the server. */
  answer({ messageId, token }: CoapMessage, code: number, payload = '', options: readonly CoapOption[] = []): void {
    this.#dtls.send(encodeMessage({ type: MessageType.ACK, code, messageId, token, options, payload: utf8.encode(payload) }));
    this.#flush();
  }

  /** Sends a record once more, from an address of its own if told, as whoever listened on the way could. */
  async replay(record: Uint8Array, port = this.port): Promise<void> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    await new Promise((sent) => socket.send(record, port, '127.0.0.1', sent));
    socket.close();
  }

  /** Sends a datagram as it is. */
  async sendRaw(datagram: Uint8Array): Promise<void> {
    await new Promise((sent) => this.#socket.send(datagram, this.port, '127.0.0.1', sent));
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits until what came makes it so. */
  async until<T>(look: () => T | undefined | false): Promise<T> {
    const endMs = performance.now() + PATIENCE_MS;
    for (let found = look(); ; found = look()) {
      if (found !== undefined && found !== false) return found;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error('nothing came');
      await new Promise<void>((changed) => {
        const timer = setTimeout(changed, leftMs);
        this.#changed = () => { clearTimeout(timer); changed(); };
      });
    }
  }

  #flush(): void {
    const { datagrams, events } = this.#dtls.poll();
    for (const bytes of datagrams) {
      this.sent.push(bytes);
      if (this.#connected) this.records.push(bytes);
      if (this.#mayStillSend-- > 0) this.#socket.send(bytes, this.port, '127.0.0.1');
    }
    for (const event of events) {
      if (event.kind === 'connected') {
        this.#connected = true;
        this.session = event.session;
      }
      if (event.kind === 'failed') this.alerts.push(event.alert ?? -1);
      if (event.kind === 'closed') this.alerts.push(event.alert);
      const decoded = event.kind === 'data' ? decodeMessage(event.bytes) : undefined;
      if (decoded?.ok === true) this.received.push(decoded.message);
    }
    this.#changed();
  }
}
