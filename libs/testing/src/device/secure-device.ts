/**
 * A device over DTLS with one association: it asks what tests have it ask, obeys whatever it is told at the bootstrap
 * interface, and keeps what it is written. It repeats nothing: for loopback alone.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Code, type CoapMessage, type CoapOption, decodeMessage, encodeMessage, MessageType, OptionNumber, uintValue } from '@cluster/coap';
import { DtlsClient, type DtlsClientOptions } from '@cluster/dtls';
import { decodeContent, ObjectModel, type ResourceValue } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';

export interface SecureDeviceOptions extends Omit<DtlsClientOptions, 'random'> {
  readonly endpoint: string;
  /** On 127.0.0.1. */
  readonly port: number;
}

export interface SecureRequest {
  /** POST unless told. */
  readonly method?: number;
  readonly path: string;
  readonly query?: string;
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  readonly accept?: number;
}

/** Its handshake came to nothing; `alert` where the server sent one. */
export class HandshakeRefused extends Error {
  readonly code = 'HANDSHAKE_REFUSED';
  override readonly name = 'HandshakeRefused';
  readonly alert: number | undefined;

  constructor(alert: number | undefined) {
    super(`the handshake ended with ${alert ?? 'silence'}`);
    this.alert = alert;
  }
}

const LINK_FORMAT = 40;
const SENML_CBOR = 112;
const RESPONSES_FROM = 64;
const NOTHING = new Uint8Array();
const lookup = new ObjectModel(ddfDirectory()).lookup(new Map(), '1.1');

export class SecureDevice {
  /** Resources by the path of the instance that they were written to, "/0/1". */
  readonly written = new Map<string, readonly ResourceValue[]>();
  /** Paths that it was told to execute. */
  readonly executed: string[] = [];
  /** Paths that it was told to delete. */
  readonly deleted: string[] = [];
  readonly #endpoint: string;
  readonly #socket: Socket;
  readonly #dtls: DtlsClient;
  readonly #connected = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, (answer: CoapMessage) => void>();
  #finished = Promise.withResolvers<void>();
  #messageId = 1;
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, { endpoint, port: _, ...dtls }: SecureDeviceOptions) {
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#dtls = new DtlsClient({ random: randomBytes, ...dtls });
    socket.on('message', (bytes) => this.#run(() => this.#dtls.handle(performance.now(), bytes)));
  }

  /** @throws {HandshakeRefused} */
  static async connect(options: SecureDeviceOptions): Promise<SecureDevice> {
    const socket = createSocket('udp4');
    socket.connect(options.port, '127.0.0.1');
    await once(socket, 'connect');
    const device = new SecureDevice(socket, options);
    device.#run(() => device.#dtls.connect(performance.now()));
    try {
      await device.#connected.promise;
    } catch (error) {
      device.close();
      throw error;
    }
    return device;
  }

  /** Asks; resolves with the answer. */
  request({ method = Code.POST, path, query, payload = NOTHING, contentFormat, accept }: SecureRequest): Promise<CoapMessage> {
    const messageId = this.#messageId++;
    const uint = (number: number, value: number | undefined): CoapOption[] => (value === undefined ? [] : [{ number, value: uintValue(value) }]);
    const options = [
      ...path.split('/').map((segment) => ({ number: OptionNumber.URI_PATH, value: Buffer.from(segment) })),
      ...uint(OptionNumber.CONTENT_FORMAT, contentFormat),
      ...(query?.split('&') ?? []).map((each) => ({ number: OptionNumber.URI_QUERY, value: Buffer.from(each) })),
      ...uint(OptionNumber.ACCEPT, accept),
    ];
    const answered = new Promise<CoapMessage>((resolve) => this.#waiting.set(messageId, resolve));
    this.#send({ type: MessageType.CON, code: method, messageId, token: Uint8Array.of(messageId), options, payload });
    return answered;
  }

  /** Asks for its bootstrap; resolves with the code of the answer, after the Finish where it is 2.04. */
  async bootstrap(): Promise<number> {
    const finished = this.#finished.promise;
    const { code } = await this.request({ path: 'bs', query: `ep=${this.#endpoint}&pct=${SENML_CBOR}` });
    if (code === Code.CHANGED) await finished;
    return code;
  }

  /** Registers; resolves with the code of the answer. */
  async register(lifetimeS = 300, links = '</1/0>,</3/0>'): Promise<number> {
    const { code } = await this.request({ path: 'rd', query: `ep=${this.#endpoint}&lt=${lifetimeS}&lwm2m=1.1&b=U`, payload: Buffer.from(links), contentFormat: LINK_FORMAT });
    return code;
  }

  /** What it was written at "/0/1/5". */
  value(path: string): ResourceValue['value'] | undefined {
    const at = path.split('/').slice(1).map(Number);
    return [...this.written.values()].flat().find((value) => value.path.join() === at.join())?.value;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #send(message: CoapMessage): void {
    this.#run(() => this.#dtls.send(encodeMessage(message)));
  }

  #run(step: () => void): void {
    step();
    const { datagrams, events, wakeAtMs } = this.#dtls.poll();
    for (const bytes of datagrams) this.#socket.send(bytes);
    clearTimeout(this.#timer);
    if (wakeAtMs !== undefined) this.#timer = setTimeout(() => this.#run(() => this.#dtls.timeout(performance.now())), Math.max(1, wakeAtMs - performance.now()));
    for (const event of events) {
      if (event.kind === 'connected') this.#connected.resolve();
      if (event.kind === 'failed') this.#connected.reject(new HandshakeRefused(event.alert));
      const decoded = event.kind === 'data' ? decodeMessage(event.bytes) : undefined;
      if (decoded?.ok === true) this.#take(decoded.message);
    }
  }

  #take(message: CoapMessage): void {
    const { code, type, messageId, token } = message;
    if (code >= RESPONSES_FROM) {
      if (type === MessageType.CON) this.#send({ type: MessageType.ACK, code: 0, messageId, token: NOTHING, options: [], payload: NOTHING });
      this.#waiting.get(token[0] ?? 0)?.(message);
    } else if (code !== 0) this.#obey(message);
  }

  #obey({ code, messageId, token, options, payload }: CoapMessage): void {
    const segments = options.filter(({ number }) => number === OptionNumber.URI_PATH).map(({ value }) => Buffer.from(value).toString());
    const path = `/${segments.join('/')}`;
    const discovers = code === Code.GET;
    if (code === Code.DELETE) this.deleted.push(path);
    if (code === Code.PUT) this.#write(path, options, payload);
    if (code === Code.POST && path !== '/bs') this.executed.push(path);
    this.#send({
      type: MessageType.ACK, code: discovers ? Code.CONTENT : code === Code.DELETE ? Code.DELETED : Code.CHANGED, messageId, token,
      options: discovers ? [{ number: OptionNumber.CONTENT_FORMAT, value: uintValue(LINK_FORMAT) }] : [],
      payload: discovers ? Buffer.from('</>;lwm2m=1.1,</0/0>') : NOTHING,
    });
    if (path !== '/bs') return;
    this.#finished.resolve();
    this.#finished = Promise.withResolvers();
  }

  #write(path: string, options: readonly CoapOption[], payload: Uint8Array): void {
    const format = options.find(({ number }) => number === OptionNumber.CONTENT_FORMAT)?.value ?? NOTHING;
    const decoded = decodeContent(Number.parseInt(Buffer.from(format).toString('hex'), 16), payload, path.split('/').slice(1).map(Number), lookup);
    if (decoded.ok) this.written.set(path, decoded.values);
  }
}
