/**
 * Scandium's server as a reference that drivers are proved against: PSK, raw public keys, X.509, Connection ID,
 * resumption. It tells what it receives, or hands it to a UDP port: a DTLS front for a CoAP server without DTLS.
 */
import type { JsonLineProcess } from '../json-process.ts';
import { nextHandshake, startJava, type ScandiumHandshake } from '../leshan.ts';
import type { CipherSuite, HandshakeFailed } from './peer.ts';

/** Who it is, and whom it accepts. */
export interface ScandiumServerOptions {
  /** Keys of PSK identities, as hex. */
  readonly psk?: Readonly<Record<string, string>>;
  /** With `publicKeyFile` it does raw public keys and accepts any; with `certificateFile` and `trustFile` X.509. */
  readonly keyFile?: string;
  readonly publicKeyFile?: string;
  readonly certificateFile?: string;
  readonly trustFile?: string;
  readonly suite?: CipherSuite;
  /** Length of its Connection IDs; without it, it agrees to none. */
  readonly cidLength?: number;
  readonly mtu?: number;
  /** UDP port of 127.0.0.1 that gets what clients send, each client from a port of its own. */
  readonly target?: number;
}

/** A running reference server. */
export class ScandiumServer {
  readonly port: number;
  readonly #process: JsonLineProcess;

  private constructor(process: JsonLineProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(options: ScandiumServerOptions): Promise<ScandiumServer> {
    const process = await startJava('lwm2m.cluster.ReferenceServer', options);
    const { port } = await process.next('ready');
    return new ScandiumServer(process, Number(port));
  }

  /** What the next handshake comes to that nobody asked for yet. A full one is told with the client's first data. */
  handshake(): Promise<ScandiumHandshake | HandshakeFailed> {
    return nextHandshake(this.#process);
  }

  /** The next record of application data. */
  async receive(): Promise<Buffer> {
    const { payloadHex } = await this.#process.next('data');
    return Buffer.from(String(payloadHex), 'hex');
  }

  /** Sends to the client that it received from last. */
  send(payload: Uint8Array): void {
    this.#process.command({ do: 'send', payloadHex: Buffer.from(payload).toString('hex') });
  }

  /** Ends that client's session with close_notify. */
  endSession(): void {
    this.#process.command({ do: 'close' });
  }

  /** The number of the next alert that a client sends, or that this server ends a handshake for. */
  async alert(): Promise<number> {
    return Number((await this.#process.next('alert'))['alert']);
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
