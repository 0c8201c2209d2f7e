/**
 * The smallest LwM2M server that can prove a client: it answers Register, Update, De-register and Send, and sends raw
 * CoAP requests to whoever registered last. On node-coap; no part of the project's own server.
 */
import { EventEmitter } from 'node:events';
import { createSocket, type Socket } from 'node:dgram';
import { Agent, type IncomingMessage, type OutgoingMessage } from 'coap';
import { generate, parse } from 'coap-packet';
import './coap-options.ts';
import { DeviceServer } from './coap-server.ts';

/** What the server saw of an uplink request. */
export interface Uplink {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: readonly string[];
  readonly payload: Buffer;
  readonly contentFormat: number | undefined;
  readonly port: number;
}

/** A request to the device. */
export interface Downlink {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'FETCH' | 'iPATCH';
  readonly path?: string;
  readonly query?: readonly string[];
  readonly payload?: Uint8Array | string;
  readonly contentFormat?: number;
  readonly accept?: number;
  readonly observe?: 0 | 1;
  readonly token?: Buffer;
}

export interface DownlinkAnswer {
  readonly code: string;
  readonly payload: Buffer;
  readonly contentFormat: number | undefined;
  readonly observe: number | undefined;
  readonly location: string;
}

interface ServerEvents {
  register: [Uplink];
  update: [Uplink];
  deregister: [Uplink];
  send: [Uplink];
  notification: [DownlinkAnswer & { token: Buffer; confirmable: boolean }];
}

/** A scripted answer to uplink requests: code and, where wanted, Max-Age. */
export interface Script {
  readonly code: string;
  readonly maxAgeS?: number;
  readonly times: number;
}

/** The fake server. */
export class FakeServer extends EventEmitter<ServerEvents> {
  readonly #socket: Socket;
  readonly #server: DeviceServer;
  readonly #agent: Agent;
  readonly #scripts: { script: Script; left: number }[] = [];
  readonly #observed = new Set<string>();
  readonly #locations = new Set<string>();
  #peer: { port: number; address: string } | undefined;
  #registrations = 0;

  private constructor(socket: Socket) {
    super();
    this.#socket = socket;
    const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
    socket.emit = ((event: string, ...args: unknown[]) =>
      event === 'message' && this.#isNotification(args[0] as Buffer, args[1] as { port: number; address: string })
        ? true
        : emit(event, ...args)) as Socket['emit'];
    this.#server = new DeviceServer({ type: 'udp4' }, (request, response) => this.#onRequest(request, response));
    this.#server.listen(socket);
    this.#agent = new Agent({ socket });
  }

  static async start(): Promise<FakeServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new FakeServer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get url(): string {
    return `coap://127.0.0.1:${this.port}`;
  }

  /** The next uplink requests are answered with this. */
  script(script: Script): void {
    this.#scripts.push({ script, left: script.times });
  }

  /** Forgets all registrations: Updates get 4.04. */
  forgetRegistrations(): void {
    this.#locations.clear();
  }

  /** Answers the notifications of this token with RST from now on. */
  reset(token: Buffer): void {
    this.#observed.delete(token.toString('hex'));
  }

  /** Sends a request to the device that registered last. An observation's token goes into `token`. */
  request(downlink: Downlink): Promise<DownlinkAnswer> {
    const peer = this.#peer;
    if (peer === undefined) throw new Error('no device registered yet');
    if (downlink.observe === 0 && downlink.token) this.#observed.add(downlink.token.toString('hex'));
    const { method = 'GET', path = '', query = [], payload, token } = downlink;
    const options: Record<string, Buffer[] | number | Buffer> = {
      'Uri-Path': path.split('/').filter((s) => s !== '').map((s) => Buffer.from(s)),
      'Uri-Query': query.map((text) => Buffer.from(text)),
      ...(downlink.observe === undefined ? {} : { Observe: Buffer.from(downlink.observe === 0 ? [] : [1]) }),
      ...((payload?.length ?? 0) > 1_024 ? { Block1: Buffer.of(6) } : {}),
      ...(downlink.contentFormat === undefined ? {} : { 'Content-Format': downlink.contentFormat }),
      ...(downlink.accept === undefined ? {} : { Accept: downlink.accept }),
    };
    return new Promise((resolve, reject) => {
      const request = this.#agent.request({
        hostname: peer.address, port: peer.port, method, options, ...(token === undefined ? {} : { token }),
      });
      request.on('response', (response: IncomingMessage) => resolve(answerOf(response)));
      request.on('error', reject);
      request.end(payload === undefined ? undefined : Buffer.from(payload));
    });
  }

  stop(): void {
    for (const request of [...this.#agent._msgIdToReq.values()]) this.#agent.abort(request);
    this.#server.close();
    this.#socket.close();
  }

  #onRequest(message: IncomingMessage, response: OutgoingMessage): void {
    const uplink = uplinkOf(message);
    const kind = kindOf(uplink);
    const scripted = this.#scripts.find(({ left }) => left > 0);
    if (scripted !== undefined) {
      scripted.left -= 1;
      response.code = scripted.script.code;
      if (scripted.script.maxAgeS !== undefined) response.setOption('Max-Age', scripted.script.maxAgeS);
    } else {
      this.#answer(kind, uplink, response);
      this.#peer = { port: message.rsinfo.port, address: message.rsinfo.address };
    }
    const block1 = message._packet.options?.find((option) => option.name === 'Block1');
    if (block1 !== undefined) response.setOption('Block1', block1.value);
    response.end();
    if (kind !== undefined) this.emit(kind, uplink);
  }

  #answer(kind: ReturnType<typeof kindOf>, uplink: Uplink, response: OutgoingMessage): void {
    if (kind === 'register') {
      const id = `r${(this.#registrations += 1)}`;
      this.#locations.add(id);
      response.code = '2.01';
      response.setOption('Location-Path', [Buffer.from('rd'), Buffer.from(id)]);
    } else if (kind === 'send') response.code = '2.04';
    else if (!this.#locations.has(uplink.path[1] ?? '')) response.code = '4.04';
    else response.code = kind === 'update' ? '2.04' : '2.02';
    if (kind === 'deregister') this.#locations.delete(uplink.path[1] ?? '');
  }

  #isNotification(datagram: Buffer, from: { port: number; address: string }): boolean {
    const packet = parse(datagram);
    const observe = packet.options.find((option) => option.name === 'Observe')?.value;
    if (packet.ack || observe === undefined || packet.code.startsWith('0.')) return false;
    const known = this.#observed.has(packet.token.toString('hex'));
    const answer = { code: '0.00', messageId: packet.messageId, ...(known ? { ack: true } : { reset: true }) };
    if (packet.confirmable || !known) this.#socket.send(generate(answer), from.port, from.address);
    const { token, confirmable, code, payload } = packet;
    const contentFormat = packet.options.find((option) => option.name === 'Content-Format')?.value;
    const format = contentFormat && Number(`0x0${contentFormat.toString('hex')}`);
    const value = Number(`0x0${observe.toString('hex')}`);
    this.emit('notification', { token, confirmable, code, payload, observe: value, contentFormat: format, location: '' });
    return true;
  }
}

function uplinkOf(message: IncomingMessage): Uplink {
  const strings = (name: string): string[] =>
    (message._packet.options ?? []).filter((o) => o.name === name).map((o) => o.value.toString());
  return {
    method: message.method, path: strings('Uri-Path'), query: strings('Uri-Query'), payload: message.payload,
    contentFormat: message.headers['Content-Format'] as number | undefined, port: message.rsinfo.port,
  };
}

function kindOf({ method, path }: Uplink): 'register' | 'update' | 'deregister' | 'send' | undefined {
  if (method === 'POST' && path[0] === 'dp') return 'send';
  if (path[0] !== 'rd') return undefined;
  if (method === 'DELETE') return 'deregister';
  return path.length === 1 ? 'register' : 'update';
}

function answerOf(response: IncomingMessage): DownlinkAnswer {
  const location = (response._packet.options ?? []).filter((o) => o.name === 'Location-Path').map((o) => String(o.value));
  return {
    code: response.code, payload: Buffer.from(response.payload),
    contentFormat: response.headers['Content-Format'] as number | undefined,
    observe: response.headers['Observe'] as number | undefined,
    location: location.length > 0 ? `/${location.join('/')}` : '',
  };
}
