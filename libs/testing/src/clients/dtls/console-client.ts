/**
 * A TLS tool on the command line as a DTLS client: its stdin and stdout carry application data, its other words tell of
 * the handshake. It ends when its stdin does.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { CipherSuite, DtlsClient, HandshakeResult, SessionEnd } from './peer.ts';

/** How a tool speaks. */
export interface Dialect {
  /** In its words once the handshake is done. */
  readonly established: RegExp;
  /** Last words before application data on stdout; without them stdout carries application data alone. */
  readonly dataAfter?: string;
  /** What it adds to the data at the end of a session. */
  readonly notData?: RegExp;
  readonly suite: (words: string) => CipherSuite | undefined;
  readonly resumed: (words: string) => boolean;
  /** Number of the alert that the server sent. */
  readonly alert: (words: string) => number | undefined;
}

/** Nothing came from the server, or the tool ended. */
export class NothingReceived extends Error {
  readonly code = 'NOTHING_RECEIVED';
}

const PATIENCE_MS = 15_000;
const QUIT_PATIENCE_MS = 3_000;
const KEPT_WORDS = 20_000;

/** A running tool. */
export class ConsoleClient implements DtlsClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #dialect: Dialect;
  readonly #exited: Promise<void>;
  readonly #handshake: Promise<HandshakeResult>;
  #arrived: Buffer = Buffer.alloc(0);
  #words = '';
  #carriesData: boolean;
  #wake: () => void = () => {};
  #over = false;

  constructor(command: string, args: readonly string[], dialect: Dialect, patienceMs = PATIENCE_MS) {
    this.#dialect = dialect;
    this.#carriesData = dialect.dataAfter === undefined;
    this.#child = spawn(command, args);
    this.#child.stdin.on('error', () => {}); // it ended; ended() tells
    this.#child.stderr.on('data', (chunk: Buffer) => this.#hear(chunk.toString()));
    this.#child.stdout.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#onExit(String(error), resolve));
      this.#child.once('close', () => this.#onExit('', resolve));
    });
    this.#handshake = this.#shakeHands(patienceMs);
  }

  handshake(): Promise<HandshakeResult> {
    return this.#handshake;
  }

  send(data: Uint8Array): void {
    this.#child.stdin.write(data);
  }

  async receive(enough: (data: Buffer) => boolean = () => true): Promise<Buffer> {
    const arrived = await this.#until(() => this.#arrived.length > 0 && enough(this.#arrived), PATIENCE_MS);
    if (!arrived) throw new NothingReceived(`received "${this.#arrived.toString()}"; the client said:\n${this.#words.trim()}`);
    const data = this.#arrived;
    this.#arrived = Buffer.alloc(0);
    return data;
  }

  async ended(): Promise<SessionEnd> {
    await this.#exited;
    return { alert: this.#dialect.alert(this.#words) };
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), QUIT_PATIENCE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** What the tool said so far. */
  protected get words(): string {
    return this.#words;
  }

  protected signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has said this. */
  protected async untilSaid(text: string): Promise<void> {
    const said = await this.#until(() => this.#words.includes(text), PATIENCE_MS);
    if (!said) throw new NothingReceived(`it did not say "${text}" but:\n${this.#words.trim()}`);
  }

  async #shakeHands(patienceMs: number): Promise<HandshakeResult> {
    const { established, suite, resumed, alert } = this.#dialect;
    const done = await this.#until(() => established.test(this.#words), patienceMs);
    if (done) return { ok: true, suite: suite(this.#words), resumed: resumed(this.#words) };
    this.#child.kill('SIGKILL');
    return { ok: false, alert: alert(this.#words), reason: this.#words.trim() || 'no answer' };
  }

  /** Whether the condition came true before the tool ended or patience did. */
  async #until(condition: () => boolean, patienceMs: number): Promise<boolean> {
    const deadline = performance.now() + patienceMs;
    while (!condition()) {
      const left = deadline - performance.now();
      if (this.#over || left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => { clearTimeout(timer); resolve(); };
      });
    }
    return true;
  }

  #hear(words: string): void {
    this.#words = (this.#words + words).slice(-KEPT_WORDS);
    this.#wake();
  }

  #onOutput(chunk: Buffer): void {
    if (this.#carriesData) return this.#onData(chunk);
    this.#words += chunk.toString('latin1');
    const marker = this.#dialect.dataAfter ?? '';
    const at = this.#words.indexOf(marker);
    if (at >= 0) {
      const rest = Buffer.from(this.#words.slice(at + marker.length), 'latin1');
      this.#words = this.#words.slice(0, at + marker.length);
      this.#carriesData = true;
      this.#onData(rest);
    }
    this.#wake();
  }

  #onData(chunk: Buffer): void {
    const arrived = Buffer.concat([this.#arrived, chunk]);
    const trailer = this.#dialect.notData?.exec(arrived.toString('latin1'));
    this.#arrived = trailer ? arrived.subarray(0, trailer.index) : arrived;
    if (trailer) this.#words += trailer[0];
    this.#wake();
  }

  #onExit(words: string, done: () => void): void {
    this.#over = true;
    this.#hear(words);
    done();
  }
}
