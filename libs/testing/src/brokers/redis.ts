/** Real Redis as local processes: one server, or a Redis Cluster of three masters with replicas where asked for. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ensureRedis } from './install.ts';
import { freePorts } from './ports.ts';
import { BrokerUnavailable, startServer, type ServerProcess } from './process.ts';

const run = promisify(execFile);
const MASTERS = 3;

export interface RedisOptions {
  /** Three masters instead of one server. */
  readonly cluster?: boolean;
  /** Replicas of each master; 0 unless told. Without `cluster`: of the one server. */
  readonly replicas?: number;
  /** Serves TLS alone, and asks clients for a certificate. */
  readonly tls?: { readonly trustFile: string; readonly certificateFile: string; readonly keyFile: string };
  /** For the one who starts it, where configuration lines name users. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Further configuration lines, e.g. `maxmemory 10mb`. Append-only persistence is on unless they turn it off. */
  readonly config?: readonly string[];
}

/** A running Redis. Data survives `restart`, `stopOne` and `startOne`, and is gone after `stop`. */
export interface RedisHandle {
  /** redis://127.0.0.1:port of each node, rediss:// with TLS; masters first. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
  /** Ends all nodes and starts them again at the same addresses. */
  restart(): Promise<void>;
  /** Freezes all nodes (SIGSTOP), or one of them. */
  pause(index?: number): void;
  resume(index?: number): void;
  stopOne(index: number, signal?: NodeJS.Signals): Promise<void>;
  startOne(index: number): Promise<void>;
}

/** Starts Redis on free loopback ports; resolves when each node serves. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisHandle> {
  await ensureRedis();
  const nodes = (options.cluster === true ? MASTERS : 1) * (1 + (options.replicas ?? 0));
  const ports = await freePorts(nodes * 2);
  const directory = await mkdtemp(join(tmpdir(), 'test-redis-'));
  const redis = new LocalRedis(options, directory, ports.slice(0, nodes), ports.slice(nodes));
  try {
    await redis.startAll();
    if (options.cluster === true) await redis.formCluster();
  } catch (error) {
    await redis.stop();
    throw error;
  }
  return redis;
}

class LocalRedis implements RedisHandle {
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  readonly #options: RedisOptions;
  readonly #directory: string;
  readonly #busPorts: readonly number[];
  readonly #nodes: (ServerProcess | undefined)[];

  constructor(options: RedisOptions, directory: string, ports: readonly number[], busPorts: readonly number[]) {
    this.#options = options;
    this.#directory = directory;
    this.ports = ports;
    this.#busPorts = busPorts;
    this.urls = ports.map((port) => `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`);
    this.#nodes = ports.map(() => undefined);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.ports.map((_, index) => this.startOne(index)));
    if (this.#options.cluster === true) return;
    await Promise.all(this.ports.slice(1).map((port) => until(`replica ${port}`, () => this.#isReplicating(port))));
  }

  async formCluster(): Promise<void> {
    const addresses = this.ports.map((port) => `127.0.0.1:${port}`);
    const replicas = String(this.#options.replicas ?? 0);
    await run('redis-cli', [...this.#access(), '--cluster', 'create', ...addresses, '--cluster-replicas', replicas, '--cluster-yes']);
    await this.#untilClusterServes();
  }

  async startOne(index: number): Promise<void> {
    if (this.#nodes[index] !== undefined) return;
    const port = this.ports[index]!;
    const directory = join(this.#directory, String(index));
    await mkdir(directory, { recursive: true });
    this.#nodes[index] = await startServer({
      command: 'redis-server',
      args: this.#arguments(index, directory),
      logFile: join(directory, 'log'),
      scratchDirectory: this.#directory,
      ready: async () => (await this.#cli(port, 'ping')) === 'PONG',
      readyTimeoutMs: 10_000,
    });
  }

  async stopOne(index: number, signal?: NodeJS.Signals): Promise<void> {
    await this.#nodes[index]?.stop(signal);
    this.#nodes[index] = undefined;
  }

  async restart(): Promise<void> {
    await Promise.all(this.ports.map((_, index) => this.stopOne(index)));
    await this.startAll();
    if (this.#options.cluster === true) await this.#untilClusterServes();
  }

  pause(index?: number): void {
    for (const node of this.#chosen(index)) node?.pause();
  }

  resume(index?: number): void {
    for (const node of this.#chosen(index)) node?.resume();
  }

  async stop(): Promise<void> {
    await Promise.all(this.ports.map((_, index) => this.stopOne(index, 'SIGKILL')));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #chosen(index: number | undefined): readonly (ServerProcess | undefined)[] {
    return index === undefined ? this.#nodes : [this.#nodes[index]];
  }

  /** Configuration as redis-server takes it on its command line: `--name value…`, the last of a name counts. */
  #arguments(index: number, directory: string): string[] {
    const lines = [
      'bind 127.0.0.1', ...this.#listening(this.ports[index]!), `dir ${directory}`, 'daemonize no',
      'appendonly yes', 'maxmemory-policy noeviction', ...this.#topology(index), ...(this.#options.config ?? []),
    ];
    return ['--save', '', ...lines.flatMap((line) => `--${line}`.split(' '))];
  }

  #listening(port: number): string[] {
    const { tls } = this.#options;
    if (tls === undefined) return [`port ${port}`];
    const files = [`tls-ca-cert-file ${tls.trustFile}`, `tls-cert-file ${tls.certificateFile}`, `tls-key-file ${tls.keyFile}`];
    return ['port 0', `tls-port ${port}`, ...files, 'tls-replication yes', ...(this.#options.cluster === true ? ['tls-cluster yes'] : [])];
  }

  /** Every node knows that all slots are served, and by the same number of nodes. */
  async #untilClusterServes(): Promise<void> {
    const serves = async (port: number): Promise<boolean> => {
      const info = await this.#cli(port, 'cluster', 'info');
      return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384') &&
        info.includes(`cluster_known_nodes:${this.ports.length}`);
    };
    for (const port of this.ports) await until(`cluster node ${port}`, () => serves(port));
  }

  async #isReplicating(port: number): Promise<boolean> {
    return (await this.#cli(port, 'info', 'replication')).includes('master_link_status:up');
  }

  async #cli(port: number, ...command: string[]): Promise<string> {
    const { stdout } = await run('redis-cli', [...this.#access(), '-h', '127.0.0.1', '-p', String(port), ...command]).catch(() => ({ stdout: '' }));
    return stdout.trim();
  }

  #access(): string[] {
    const { tls, login } = this.#options;
    const encrypted = tls === undefined ? [] : ['--tls', '--cacert', tls.trustFile, '--cert', tls.certificateFile, '--key', tls.keyFile];
    return [...encrypted, ...(login === undefined ? [] : ['--user', login.username, '--pass', login.password, '--no-auth-warning'])];
  }

  #topology(index: number): string[] {
    if (this.#options.cluster !== true) return index === 0 ? [] : [`replicaof 127.0.0.1 ${this.ports[0]}`];
    return [
      'cluster-enabled yes', 'cluster-config-file nodes.conf', 'cluster-node-timeout 1000',
      'cluster-require-full-coverage no', `cluster-port ${this.#busPorts[index]}`,
    ];
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new BrokerUnavailable(`Redis ${what} did not come up within 15 s`);
}
