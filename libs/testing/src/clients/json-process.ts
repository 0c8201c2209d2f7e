/**
 * A third-party client in a process of its own, driven by JSON lines: commands in, events out. It ends when its stdin
 * does, so it can't outlive the tests.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One line of the client: `event` tells what happened, the rest belongs to it. */
export interface ClientEvent {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** The client said nothing in time, or ended. The message quotes its stderr. */
export class ClientSilent extends Error {
  readonly code = 'CLIENT_SILENT';
}

interface Waiter {
  readonly matches: (event: ClientEvent) => boolean;
  readonly resolve: (event: ClientEvent) => void;
  readonly reject: (error: Error) => void;
}

const PATIENCE_MS = 30_000;
const QUIT_PATIENCE_MS = 5_000;
const KEPT_STDERR = 4_000;

/** A running client. */
export class JsonLineProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<void>;
  readonly #unread: ClientEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args);
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#onExit(String(error), resolve));
      this.#child.once('exit', (code, signal) => this.#onExit(`it ended with ${signal ?? code}`, resolve));
    });
    this.#child.stdin.on('error', () => {}); // it ended; next() tells
    this.#child.stderr.on('data', (data: Buffer) => (this.#stderr = (this.#stderr + data.toString()).slice(-KEPT_STDERR)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#onLine(line));
  }

  /** Process id; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends one command. */
  command(command: object): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event of this name that nobody took yet. */
  next(name: string, matches: (event: ClientEvent) => boolean = () => true, patienceMs = PATIENCE_MS): Promise<ClientEvent> {
    return this.nextOf([name], matches, patienceMs);
  }

  /** The next event of any of these names that nobody took yet. */
  nextOf(names: readonly string[], matches: (event: ClientEvent) => boolean = () => true, patienceMs = PATIENCE_MS): Promise<ClientEvent> {
    const wanted = (event: ClientEvent): boolean => names.includes(event.event) && matches(event);
    const index = this.#unread.findIndex(wanted);
    const found = index < 0 ? undefined : this.#unread.splice(index, 1)[0];
    return found === undefined ? this.#wait(names.join(' or '), wanted, patienceMs) : Promise.resolve(found);
  }

  /** The events of this name so far that nobody took. */
  takeAll(name: string): ClientEvent[] {
    const taken = this.#unread.filter(({ event }) => event === name);
    const left = this.#unread.filter(({ event }) => event !== name);
    this.#unread.splice(0, this.#unread.length, ...left);
    return taken;
  }

  /** Closes its stdin, at which it quits; kills it where it does not. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), QUIT_PATIENCE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #wait(name: string, matches: Waiter['matches'], patienceMs: number): Promise<ClientEvent> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        matches,
        resolve: (event) => { settle(); resolve(event); },
        reject: (error) => { settle(); reject(error); },
      };
      const timer = setTimeout(() => waiter.reject(this.#silent(`no "${name}" within ${patienceMs} ms`)), patienceMs);
      this.#waiters.add(waiter);
    });
  }

  #onLine(line: string): void {
    const event = JSON.parse(line) as ClientEvent;
    const waiter = [...this.#waiters].find((candidate) => candidate.matches(event));
    if (waiter === undefined) this.#unread.push(event);
    else waiter.resolve(event);
  }

  #onExit(reason: string, done: () => void): void {
    for (const waiter of [...this.#waiters]) waiter.reject(this.#silent(reason));
    done();
  }

  #silent(reason: string): ClientSilent {
    const unread = this.#unread.map((event) => JSON.stringify(event)).join(' ');
    return new ClientSilent(`${reason}; events not taken: ${unread || 'none'}; stderr:\n${this.#stderr.trimEnd()}`);
  }
}
