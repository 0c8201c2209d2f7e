/** The server under test: its own processes, on free ports, ended by pid. */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startProcess, useBrokers, type ServerProcess } from '@cluster/testing';

/** `standalone`: one process with everything; `cluster`: edge and registry, on Redis and Kafka. */
export type Mode = 'standalone' | 'cluster';

export interface StartOptions {
  readonly mode?: Mode;
  /** Further environment of the server's processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Cluster: the bootstrap service too. */
  readonly bootstrap?: boolean;
}

export interface BootstrapPorts {
  readonly coapPort: number;
  readonly coapsPort: number;
  readonly httpPort: number;
}

/** A running server. */
export interface Server {
  readonly mode: Mode;
  readonly coapPort: number;
  readonly coapsPort: number;
  readonly httpPort: number;
  /** Where the bootstrap service serves devices, and its REST side. In cluster mode it runs where it was asked for. */
  readonly bootstrap: BootstrapPorts;
  /** Kafka's addresses in cluster mode. */
  readonly kafkaBrokers: readonly string[];
  readonly processes: readonly ServerProcess[];
  stop(): Promise<void>;
}

type Environment = Record<string, string>;

const REPOSITORY = resolve(import.meta.dirname, '../..');
const READY_TIMEOUT_MS = 60_000;

/** A port that was free may be taken before the server has it: then it gets others, so many times. */
const STARTS = 3;

/** Starts a server and resolves when it is ready. */
export async function startServer(options: StartOptions = {}, starts = STARTS): Promise<Server> {
  const { mode = 'standalone', env = {}, bootstrap = false } = options;
  const directory = await mkdtemp(join(tmpdir(), 'lwm2m-server-'));
  try {
    return await (mode === 'standalone' ? startStandalone(directory, env) : startCluster(directory, env, bootstrap));
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    if (starts > 1 && String(error).includes('EADDRINUSE')) return startServer(options, starts - 1);
    throw error;
  }
}

async function startStandalone(directory: string, env: Environment): Promise<Server> {
  const ports = await freePorts();
  const { coapPort, coapsPort, httpPort } = ports;
  const bootstrap = { ...(await freePorts()), httpPort };
  const own = { ...environmentOf(ports), ...bootstrapEnvironment(bootstrap), LWM2M_DATA_DIR: join(directory, 'data') };
  const processes = [await startService('standalone', directory, httpPort, { ...own, ...env })];
  return { mode: 'standalone', coapPort, coapsPort, httpPort, bootstrap, kafkaBrokers: [], processes, stop: () => stopAll(processes, directory) };
}

async function startCluster(directory: string, env: Environment, withBootstrap: boolean): Promise<Server> {
  const { redisUrls, kafkaBrokers } = await useBrokers();
  const secret = await secretFile(directory);
  const brokers = { REDIS_URL: redisUrls.join(','), KAFKA_BROKERS: kafkaBrokers.join(','), LWM2M_SECRET_KEY_FILE: secret };
  const [edge, registry, bootstrap] = await Promise.all([freePorts(), freePorts(), freePorts()]);
  const processes: ServerProcess[] = [];
  const start = async (service: string, ports: Ports): Promise<void> => {
    const own = { ...environmentOf(ports), ...bootstrapEnvironment(bootstrap), ...brokers, LWM2M_BIND: '127.0.0.1' };
    processes.push(await startService(service, directory, ports.httpPort, { ...own, ...env }));
  };
  try {
    await start('edge', edge);
    await start('registry', registry);
    if (withBootstrap) await start('bootstrap', bootstrap);
  } catch (error) {
    await stopAll(processes, directory);
    throw error;
  }
  const { httpPort } = registry;
  return { mode: 'cluster', coapPort: edge.coapPort, coapsPort: edge.coapsPort, httpPort, bootstrap, kafkaBrokers, processes, stop: () => stopAll(processes, directory) };
}

/** Makes a secret file for the processes of one cluster. */
export async function secretFile(directory: string): Promise<string> {
  const file = join(directory, 'secret.key');
  await writeFile(file, `0 ${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  return file;
}

/** What every process of the server under test is told. */
export function environmentOf({ others, coapPort, coapsPort, httpPort }: Ports): Environment {
  return {
    LWM2M_COAP_PORT: String(coapPort), LWM2M_HTTP_PORT: String(httpPort), LWM2M_NOSEC: 'on', LWM2M_HTTP_BIND: '127.0.0.1',
    LWM2M_COAPS_PORT: String(coapsPort), LWM2M_BOOTSTRAP_COAP_PORT: others, LWM2M_BOOTSTRAP_COAPS_PORT: others,
    LWM2M_LOG_LEVEL: 'warn',
  };
}

/** Where the bootstrap service serves devices. */
export function bootstrapEnvironment({ coapPort, coapsPort }: Pick<BootstrapPorts, 'coapPort' | 'coapsPort'>): Environment {
  return { LWM2M_BOOTSTRAP_COAP_PORT: String(coapPort), LWM2M_BOOTSTRAP_COAPS_PORT: String(coapsPort) };
}

/** Starts one process. `env -i` keeps settings of the tests' own shell out of it. */
export function startService(service: string, directory: string, httpPort: number, env: Environment): Promise<ServerProcess> {
  const assignments = Object.entries({ PATH: process.env['PATH'] ?? '', ...env }).map(([name, value]) => `${name}=${value}`);
  const main = join(REPOSITORY, 'services', service, 'dist/main.js');
  return startProcess({
    command: 'env',
    args: ['-i', ...assignments, process.execPath, main],
    logFile: join(directory, `${service}.log`),
    scratchDirectory: directory,
    ready: () => isReady(httpPort),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
}

async function isReady(httpPort: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${httpPort}/health/ready`).then((response) => response.status === 200, () => false);
}

async function stopAll(processes: readonly ServerProcess[], directory: string): Promise<void> {
  await Promise.all(processes.map((server) => server.stop()));
  await rm(directory, { recursive: true, force: true });
}

/** Ports of one process. */
export interface Ports {
  readonly coapPort: number;
  readonly coapsPort: number;
  readonly httpPort: number;
  /** Any free port: 0. */
  readonly others: string;
}

/** Below the range from which systems give out ports: a process that is killed finds its own free when it comes back. */
const PORTS = { least: 10_240, below: 32_768 };

/** Ports that nobody uses now. */
export async function freePorts(): Promise<Ports> {
  const [coapPort, coapsPort, httpPort] = [await freePort(canBindUdp), await freePort(canBindUdp), await freePort(canListen)];
  return { coapPort, coapsPort, httpPort, others: '0' };
}

async function freePort(isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.least, PORTS.below);
    if (await isFree(port)) return port;
  }
}

function canBindUdp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    socket.once('error', () => done(false));
    socket.bind(port, () => socket.close(() => done(true)));
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
