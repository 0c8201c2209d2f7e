/**
 * The device's one UDP port: node-coap's server and its agent share a socket, since a LwM2M client must send and be
 * reached on the same port. Both sides listen on the socket: the agent skips requests, the server skips responses.
 * Between the socket and both stands a tap, which loses what the fault knobs tell, answers pings and sees each ACK and
 * RST (node-coap tells nobody about them).
 */
import { createSocket, type Socket } from 'node:dgram';
import { Agent, type IncomingMessage, type OutgoingMessage } from 'coap';
import { generate, type Packet } from 'coap-packet';
import { ECHO } from './coap-options.ts';
import { DeviceServer } from './coap-server.ts';
import { isRequest, messageOf, type Faults, type Message } from './faults.ts';

/** A request that the device sends. */
export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  readonly timeoutMs?: number;
}

/** The server's response. */
export interface ClientResponse {
  readonly code: string;
  readonly payload: Uint8Array;
  readonly location: readonly string[];
  readonly maxAgeS: number | undefined;
}

/** No response came, or the port was closed while waiting. */
export class NoResponse extends Error {
  readonly code = 'DEVICE_NO_RESPONSE';
}

export interface PortOptions {
  readonly server: { readonly host: string; readonly port: number };
  readonly localPort: number;
  readonly localAddress: string;
  readonly faults: Faults;
  readonly onRequest: (request: IncomingMessage, response: OutgoingMessage) => void;
  /** Each message that arrives from the server and isn't lost. */
  readonly onMessage: (message: Message) => void;
}

const MAX_TRANSMIT_WAIT_MS = 93_000; // RFC 7252 §4.8.2
const LARGEST_BLOCK = { bytes: 1_024, exponent: 6 };

function familyOf({ server }: PortOptions): 'udp4' | 'udp6' {
  return server.host.includes(':') ? 'udp6' : 'udp4';
}

/** One bound port with both CoAP roles on it. */
export class CoapPort {
  readonly #options: PortOptions;
  readonly #socket: Socket;
  readonly #agent: Agent;
  readonly #server: DeviceServer;
  readonly #pending = new Set<() => void>();

  private constructor(options: PortOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    tap(socket, options);
    this.#server = new DeviceServer({ type: familyOf(options) }, options.onRequest);
    this.#server.listen(socket);
    this.#agent = new Agent({ socket, type: familyOf(options) });
    this.#agent.on('error', () => {});
    this.#server.on('error', () => {});
  }

  /** Binds the port. */
  static async open(options: PortOptions): Promise<CoapPort> {
    const socket = createSocket(familyOf(options));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(options.localPort, options.localAddress, resolve);
    });
    return new CoapPort(options, socket);
  }

  get localPort(): number {
    return this.#socket.address().port;
  }

  /** A message id that no request of this device uses now. */
  nextMessageId(): number {
    return this.#agent._nextMessageId();
  }

  /** Sends one packet as it is, past node-coap's retransmission. */
  sendPacket(packet: Packet): void {
    const { host, port } = this.#options.server;
    this.#socket.send(generate(packet), port, host);
  }

  /** Sends a confirmable request and waits for its response; large bodies go block-wise (RFC 7959). */
  async request(request: ClientRequest): Promise<ClientResponse> {
    const first = await this.#exchange(request, {});
    const echo = first.options.find((option) => String(option.name) === ECHO)?.value;
    const retry = first.code === '4.01' && Buffer.isBuffer(echo);
    const answer = retry ? await this.#exchange(request, { [ECHO]: [echo] }) : first; // RFC 9175 §2.3
    return toResponse(answer);
  }

  /** Closes the port at once. What waits for a response is told {@link NoResponse}. */
  close(): void {
    for (const abandon of [...this.#pending]) abandon();
    this.#server.close();
    this.#socket.close();
    this.#socket.emit('close'); // at once, so that nothing is sent on it any more
  }

  #exchange(request: ClientRequest, extra: Record<string, Buffer[]>): Promise<IncomingMessage & { options: RawOptions }> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#agent.request(this.#parameters(request, extra));
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(abandon);
      };
      const abandon = (): void => {
        settle();
        this.#agent.abort(outgoing);
        reject(new NoResponse(`no response to ${request.method} /${request.path.join('/')}`));
      };
      const timer = setTimeout(abandon, request.timeoutMs ?? MAX_TRANSMIT_WAIT_MS);
      this.#pending.add(abandon);
      outgoing.on('error', abandon);
      outgoing.on('response', (response: IncomingMessage & { options: RawOptions }) => {
        settle();
        resolve(response);
      });
      outgoing.end(request.payload === undefined ? undefined : Buffer.from(request.payload));
    });
  }

  #parameters(request: ClientRequest, extra: Record<string, Buffer[]>): Parameters<Agent['request']>[0] {
    const { host, port } = this.#options.server;
    const large = (request.payload?.length ?? 0) > LARGEST_BLOCK.bytes;
    const options = {
      'Uri-Path': request.path.map((segment) => Buffer.from(segment)),
      'Uri-Query': (request.query ?? []).map((text) => Buffer.from(text)),
      ...(large ? { Block1: Buffer.of(LARGEST_BLOCK.exponent) } : {}),
      ...extra,
    };
    const format = request.contentFormat === undefined ? {} : { contentFormat: request.contentFormat };
    return { hostname: host, port, method: request.method, confirmable: true, options, ...format };
  }
}

type RawOptions = readonly { readonly name: string | number; readonly value: unknown }[];

function toResponse(message: IncomingMessage & { options: RawOptions }): ClientResponse {
  const maxAge = message.headers['Max-Age'];
  return {
    code: message.code,
    payload: message.payload,
    location: message.options.filter((option) => option.name === 'Location-Path').map((option) => String(option.value)),
    maxAgeS: typeof maxAge === 'number' ? maxAge : undefined,
  };
}

function tap(socket: Socket, options: PortOptions): void {
  const { faults } = options;
  const send = socket.send.bind(socket) as (...args: unknown[]) => void;
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
  let isOpen = true; // node-coap's timers may outlive the socket
  socket.once('close', () => (isOpen = false));
  const lossy = (...args: unknown[]): void => {
    const message = messageOf(args[0] as Buffer);
    if (isOpen && (message === undefined || !faults.losesOutgoing(message))) return send(...args);
    const sent = args.at(-1);
    if (typeof sent === 'function') sent(null, (args[0] as Buffer).length);
  };
  socket.send = lossy as Socket['send'];
  socket.emit = ((event: string, ...args: unknown[]): boolean => {
    if (event !== 'message') return emit(event, ...args);
    const message = messageOf(args[0] as Buffer);
    if (message === undefined || faults.losesIncoming(message)) return false;
    if (message.code === '0.00' && message.confirmable) return answerPing(lossy, message, args[1]);
    if (!isRequest(message)) options.onMessage(message);
    return emit(event, ...args);
  }) as Socket['emit'];
}

/** RFC 7252 §4.3: a ping is answered with a Reset. */
function answerPing(send: (...args: unknown[]) => void, ping: Message, from: unknown): boolean {
  const { port, address } = from as { port: number; address: string };
  send(generate({ code: '0.00', reset: true, messageId: ping.messageId }), port, address);
  return true;
}
