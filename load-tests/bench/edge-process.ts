/** The edge under measurement: one process from dist/, asked for its own accounts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { Inspector } from './inspector.ts';

const MAIN = resolve(import.meta.dirname, '../../services/edge/dist/main.js');
const READY_MS = 30_000;
const REST = { windowMs: 700, windows: 3, share: 0.05, patienceMs: 60_000 };
const REFUSALS = /^lwm2m_(uplink_refused|refused_steps)_total\{/;
const INSPECTOR = /^Debugger listening on (ws:\S+)$/;
const INSPECTOR_TALK = /^(Debugger |For help|Waiting for the debugger)/;
/** A weakness is told of any single broker: it is known here. */
const TOLD = new Set(['warn', 'error', 'fatal']);

export interface EdgeProcess {
  readonly coapPort: number;
  /** 0 without a secret. */
  readonly coapsPort: number;
  /** CPU time of the whole process so far, µs. */
  cpuUs(): Promise<number>;
  /** Value of one metric; labels belong to its name. 0 while it is not there. */
  metric(name: string): Promise<number>;
  /** What it has refused, and why: lines of its metrics. */
  refusals(): Promise<string[]>;
  /** Resolves when the process has nothing to do any more: what its last messages caused is over, the sweeper's next look included. */
  rest(): Promise<void>;
  /** Opens the process's inspector, for the collector and the profiler. */
  inspect(): Promise<Inspector>;
  stop(): Promise<void>;
}

/** Starts an edge on free ports, of this build or from another one's `main`, and resolves when it takes messages and the brokers take its events. */
export async function startEdgeProcess(
  brokers: { redisUrl: string; kafkaBrokers: readonly string[] }, further: Readonly<Record<string, string>> = {},
  { main = MAIN, nodeOptions = [] }: { main?: string | undefined; nodeOptions?: readonly string[] } = {},
): Promise<EdgeProcess> {
  const env = {
    NODE_ENV: 'production', LWM2M_NOSEC: 'on', LWM2M_BIND: '127.0.0.1', LWM2M_COAP_PORT: '0', LWM2M_HTTP_PORT: '0',
    REDIS_URL: brokers.redisUrl, KAFKA_BROKERS: brokers.kafkaBrokers.join(','), LWM2M_COAPS_PORT: '0', ...further,
    ...(process.env['PATH'] === undefined ? {} : { PATH: process.env['PATH'] }),
  };
  const child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', ...nodeOptions, main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  const ports = Promise.withResolvers<{ coapPort: number; coapsPort: number; httpPort: number }>();
  const inspector = Promise.withResolvers<string>();
  child.once('exit', (code) => ports.reject(new Error(`the edge ended with ${code}`)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry = entryOf(line);
    if (entry?.msg === 'edge is up') ports.resolve({ coapPort: entry.coapPort ?? 0, coapsPort: entry.coapsPort ?? 0, httpPort: entry.httpPort ?? 0 });
    else if (entry === undefined || (TOLD.has(entry.level ?? '') && entry.weakness === undefined)) console.error(`  edge: ${line}`);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    const url = INSPECTOR.exec(line)?.[1];
    if (url !== undefined) inspector.resolve(url);
    else if (!INSPECTOR_TALK.test(line)) console.error(`  edge: ${line}`);
  });
  const { coapPort, coapsPort, httpPort } = await ports.promise;
  const base = `http://127.0.0.1:${httpPort}`;
  await untilReady(`${base}/health/ready`);
  const metrics = async (): Promise<string> => (await fetch(`${base}/metrics`)).text();
  const metric = async (name: string): Promise<number> => valueOf(await metrics(), name);
  const cpuUs = async (): Promise<number> => (await metric('process_cpu_seconds_total')) * 1e6;
  return {
    coapPort,
    coapsPort,
    metric,
    refusals: async () => (await metrics()).split('\n').filter((line) => REFUSALS.test(line)),
    cpuUs,
    rest: () => untilRest(cpuUs),
    async inspect() {
      child.kill('SIGUSR1');
      return Inspector.connect(await inspector.promise);
    },
    async stop() {
      process.off('exit', killed);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const late = setTimeout(killed, 10_000);
      await once(child, 'exit');
      clearTimeout(late);
    },
  };
}

interface LogEntry {
  readonly level?: string;
  readonly msg?: string;
  readonly coapPort?: number;
  readonly coapsPort?: number;
  readonly httpPort?: number;
  readonly weakness?: string;
}

function entryOf(line: string): LogEntry | undefined {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}

async function untilReady(url: string): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  while (performance.now() < untilMs) {
    const body = await fetch(url).then((response) => response.json() as Promise<{ status?: string }>).catch(() => undefined);
    if (body?.status === 'ready') return;
    await sleep(50);
  }
  throw new Error(`the edge is not ready after ${READY_MS} ms`);
}

async function untilRest(cpuUs: () => Promise<number>): Promise<void> {
  const untilMs = performance.now() + REST.patienceMs;
  for (let quiet = 0; quiet < REST.windows; ) {
    if (performance.now() > untilMs) throw new Error(`the edge does not come to rest in ${REST.patienceMs} ms`);
    const beforeUs = await cpuUs();
    await sleep(REST.windowMs);
    quiet = (await cpuUs()) - beforeUs < REST.share * REST.windowMs * 1_000 ? quiet + 1 : 0;
  }
}

function valueOf(metrics: string, name: string): number {
  const line = metrics.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}
