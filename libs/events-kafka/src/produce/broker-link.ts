/** One connection to a broker, one request at a time. It ends with the first fault, and whoever used it opens another one. */
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { openSocket, type KafkaSecurity, type Sasl } from '../security.ts';
import { RequestWriter } from './request-writer.ts';
import {
  readSaslAuthenticate, readSaslHandshake, SASL_AUTHENTICATE, SASL_HANDSHAKE, writeHeader, writeSaslAuthenticateRequest, writeSaslHandshakeRequest,
  type Api, type BrokerAddress,
} from './requests.ts';
import { ResponseReader } from './response-reader.ts';
import { authenticate } from './sasl.ts';

export interface LinkOptions {
  readonly clientId: string;
  readonly security?: KafkaSecurity;
}

/** The link is gone: what it had under way may have reached the broker or not. */
export class LinkLost extends Error {
  readonly code = 'KAFKA_LINK_LOST';
}

const CONNECT_TIMEOUT_MS = 3_000;
const KEEP_ALIVE_MS = 15_000;
const LOGIN_TIMEOUT_MS = 5_000;
/** How much of a login's life is used. */
const LOGIN_USED = 0.8;
/** No answer to what is asked here comes near to it. */
const LARGEST_RESPONSE_BYTES = 64 * 1_048_576;
const EMPTY = Buffer.alloc(0);

interface Waiting {
  readonly correlation: number;
  readonly resolve: (response: ResponseReader) => void;
  readonly reject: (error: LinkLost) => void;
  readonly timer: NodeJS.Timeout;
}

export class BrokerLink {
  readonly #socket: Socket;
  readonly #clientId: string;
  #received: Buffer = EMPTY;
  #correlation = 0;
  #waiting: Waiting | undefined;
  #lost: LinkLost | undefined;
  /** The broker closes a link whose login is over (KIP-368): a new one is opened before. */
  #loginEndsMs = Infinity;

  /** Rejects with {@link LinkLost} when the broker can't be reached, or does not let us in. */
  static async open(address: BrokerAddress, options: LinkOptions): Promise<BrokerLink> {
    const link = await BrokerLink.#connect(address, options);
    const sasl = options.security?.sasl;
    if (sasl === undefined) return link;
    try {
      await link.#login(sasl);
      return link;
    } catch (cause) {
      link.close();
      throw cause instanceof LinkLost ? cause : new LinkLost(`${address.host}:${address.port} takes no login: ${String(cause)}`, { cause });
    }
  }

  static #connect({ host, port }: BrokerAddress, options: LinkOptions): Promise<BrokerLink> {
    return new Promise((resolve, reject) => {
      const fail = (cause?: Error): void => {
        socket.destroy();
        reject(new LinkLost(`${host}:${port} is not reached`, { cause }));
      };
      const socket = openSocket(host, port, options.security?.tls, () => {
        socket.off('error', fail).off('timeout', fail).setTimeout(0);
        resolve(new BrokerLink(socket, options.clientId));
      });
      socket.setTimeout(CONNECT_TIMEOUT_MS).once('timeout', fail).once('error', fail);
    });
  }

  private constructor(socket: Socket, clientId: string) {
    this.#socket = socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    this.#clientId = clientId;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', (error) => this.#lose('the connection broke', error));
    socket.on('close', () => this.#lose('the broker closed the connection'));
  }

  get usable(): boolean {
    return this.#lost === undefined && performance.now() < this.#loginEndsMs;
  }

  /**
   * Sends one request and resolves to its response. The writer's bytes are not touched any more once that has come;
   * until then, and for ever after a rejection, they may be read. Rejects with {@link LinkLost}, after `timeoutMs` too.
   */
  request(writer: RequestWriter, api: Api, timeoutMs: number, write: () => void): Promise<ResponseReader> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const correlation = (this.#correlation = (this.#correlation + 1) & 0x7fff_ffff);
    writer.restart();
    writeHeader(writer, api, correlation, this.#clientId);
    write();
    writer.setInt32(0, writer.at - 4);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#lose(`no answer within ${timeoutMs} ms`), timeoutMs);
      this.#waiting = { correlation, resolve, reject, timer };
      this.#socket.write(writer.written);
    });
  }

  close(): void {
    this.#lose('closed');
  }

  async #login(sasl: Sasl): Promise<void> {
    const writer = new RequestWriter();
    const shaken = await this.request(writer, SASL_HANDSHAKE, LOGIN_TIMEOUT_MS, () => writeSaslHandshakeRequest(writer, sasl.mechanism.toUpperCase()));
    readSaslHandshake(shaken);
    const startedMs = performance.now();
    await authenticate(sasl, async (message) => {
      const answer = await this.request(writer, SASL_AUTHENTICATE, LOGIN_TIMEOUT_MS, () => writeSaslAuthenticateRequest(writer, message));
      const { bytes, lifetimeMs } = readSaslAuthenticate(answer);
      if (lifetimeMs > 0) this.#loginEndsMs = startedMs + LOGIN_USED * lifetimeMs;
      return bytes;
    });
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= 4 && this.#lost === undefined) {
      const end = 4 + this.#received.readInt32BE(0);
      if (end < 8 || end > LARGEST_RESPONSE_BYTES) return this.#lose(`a response of ${end} bytes`);
      if (this.#received.length < end) return;
      this.#answer(this.#received.subarray(4, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #answer(response: Buffer): void {
    const waiting = this.#waiting;
    const correlation = response.readInt32BE(0);
    if (waiting?.correlation !== correlation) return this.#lose(`a response to request ${correlation}, which waits for none`);
    this.#waiting = undefined;
    clearTimeout(waiting.timer);
    waiting.resolve(new ResponseReader(response.subarray(4)));
  }

  #lose(reason: string, cause?: Error): void {
    if (this.#lost !== undefined) return;
    const waiting = this.#waiting;
    this.#lost = new LinkLost(reason, { cause });
    this.#waiting = undefined;
    this.#received = EMPTY;
    this.#socket.destroy();
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    waiting.reject(this.#lost);
  }
}

/** The parts of host:port; an IPv6 address stands in brackets. */
export function addressOf(text: string): BrokerAddress {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
