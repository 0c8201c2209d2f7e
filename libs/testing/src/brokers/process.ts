/**
 * Runs one server process for tests: in a directory of its own, with its output in a file, and never left behind. A
 * watchdog shell holds a pipe to this process; when this process dies, however it dies, the watchdog ends the server.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A broker could not be had. The message says, in one line, what is missing or what the broker said last. */
export class BrokerUnavailable extends Error {
  readonly code = 'BROKER_UNAVAILABLE';
}

/** What to run, and how to tell that it serves. */
export interface ServerSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** File that takes stdout and stderr; its end is quoted when the server fails. */
  readonly logFile: string;
  /** Removed by the watchdog when this process dies without stopping the server. */
  readonly scratchDirectory: string;
  /** Asked again and again until it resolves to true. */
  readonly ready: () => Promise<boolean>;
  readonly readyTimeoutMs: number;
}

/** A running server process. */
export interface ServerProcess {
  readonly pid: number;
  /** Ends it; SIGKILL follows when it is still there after ten seconds. Resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it in its tracks (SIGSTOP): connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
}

const WATCHDOG = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"';
const TERM_PATIENCE_MS = 10_000;
const POLL_MS = 25;

/** Starts the server and resolves when it serves; throws {@link BrokerUnavailable} when it ends or stays silent. */
export async function startServer(spec: ServerSpec): Promise<ServerProcess> {
  const child = spawnLogged(spec);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const release = guard(child, spec.scratchDirectory, exited);
  const server = handleOf(child, exited, release);
  try {
    await untilReady(spec, child);
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
  return server;
}

function spawnLogged(spec: ServerSpec): ChildProcess {
  const log = openSync(spec.logFile, 'a');
  const child = spawn(spec.command, spec.args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  child.unref();
  return child;
}

/** Starts the watchdog; the returned function lets it go. */
function guard(child: ChildProcess, directory: string, exited: Promise<void>): () => void {
  if (child.pid === undefined) return () => {};
  const args = ['-c', WATCHDOG, 'sh', String(child.pid), directory];
  const watchdog = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchdog.unref();
  (watchdog.stdin as unknown as Socket).unref();
  const release = (): void => void watchdog.kill('SIGKILL');
  void exited.then(release);
  return release;
}

function handleOf(child: ChildProcess, exited: Promise<void>, release: () => void): ServerProcess {
  return {
    pid: child.pid ?? -1,
    async stop(signal = 'SIGTERM') {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      child.kill('SIGCONT'); // a paused process must run to end
      const kill = setTimeout(() => child.kill('SIGKILL'), TERM_PATIENCE_MS);
      await exited;
      clearTimeout(kill);
      release();
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}

async function untilReady(spec: ServerSpec, child: ChildProcess): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  for (let waitedMs = 0; waitedMs < spec.readyTimeoutMs; waitedMs += POLL_MS) {
    if (failure !== undefined) throw new BrokerUnavailable(`${spec.command} does not start: ${failure.message}`);
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (await spec.ready()) return;
    await sleep(POLL_MS);
  }
  throw new BrokerUnavailable(`${spec.command} is not ready; it said last:\n${lastLines(spec.logFile)}`);
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}
