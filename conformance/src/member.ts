/** One server process of a test that kills, freezes and restarts them one by one. It keeps its ports and its directory. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProcess } from '@cluster/testing';
import { Rest } from './rest.ts';
import { bootstrapEnvironment, environmentOf, freePorts, startService, type Ports } from './server.ts';

export type Service = 'edge' | 'registry' | 'bootstrap' | 'firmware-orchestrator' | 'standalone';
export type MemberEnvironment = Readonly<Record<string, string>>;

/** What `GET /health/ready` said. */
export interface Health {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The environment that puts a process on these brokers. */
export function brokersOf(redisUrls: readonly string[], kafkaBrokers: readonly string[]): MemberEnvironment {
  return { REDIS_URL: redisUrls.join(','), KAFKA_BROKERS: kafkaBrokers.join(',') };
}

/** Lets a test have garbage collected, so that what is measured afterwards is what is held. */
const COLLECTOR = new URL('collect-on-signal.mjs', import.meta.url).href;

export class Member {
  readonly rest: Rest;
  readonly #service: Service;
  readonly #directory: string;
  readonly #ports: Ports;
  readonly #env: MemberEnvironment;
  #process: ServerProcess | undefined;

  private constructor(service: Service, directory: string, ports: Ports, env: MemberEnvironment) {
    this.#service = service;
    this.#directory = directory;
    this.#ports = ports;
    this.#env = env;
    this.rest = new Rest(ports.httpPort);
  }

  /** Starts a process on ports of its own; resolves when it is ready. */
  static async start(service: Service, env: MemberEnvironment = {}): Promise<Member> {
    const directory = await mkdtemp(join(tmpdir(), `lwm2m-${service}-`));
    const ports = await freePorts();
    const own = { LWM2M_BIND: '127.0.0.1', LWM2M_DATA_DIR: join(directory, 'data'), NODE_OPTIONS: `--import=${COLLECTOR}` };
    const devicePorts = { ...environmentOf(ports), ...(service === 'bootstrap' ? bootstrapEnvironment(ports) : {}) };
    const member = new Member(service, directory, ports, { ...devicePorts, ...own, ...env });
    try {
      await member.restart();
    } catch (error) {
      await member.remove();
      throw error;
    }
    return member;
  }

  get coapPort(): number {
    return this.#ports.coapPort;
  }

  get coapsPort(): number {
    return this.#ports.coapsPort;
  }

  get httpPort(): number {
    return this.#ports.httpPort;
  }

  get runs(): boolean {
    return this.#process !== undefined;
  }

  /** Starts it where it does not run. */
  async restart(): Promise<void> {
    this.#process ??= await startService(this.#service, this.#directory, this.#ports.httpPort, { ...this.#env });
  }

  /** SIGTERM; resolves with the milliseconds that it took to end. */
  async stop(): Promise<number> {
    const startedMs = performance.now();
    await this.#end('SIGTERM');
    return performance.now() - startedMs;
  }

  /** SIGKILL: it gets no chance to do anything. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Freezes it (SIGSTOP). */
  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  /** Ends it for good, with its directory. */
  async remove(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.#directory, { recursive: true, force: true });
  }

  async health(): Promise<Health> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/health/ready`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Sum of a metric over all its labels that contain `labels`. */
  async metric(name: string, labels = ''): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.httpPort}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || (line.startsWith(`${name}{`) && line.includes(labels)));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Bytes of its heap that no collection takes back. */
  async heldBytes(): Promise<number> {
    if (this.#process === undefined) throw new Error('the process does not run');
    const readings: number[] = [];
    for (let i = 0; i < 5; i++) {
      process.kill(this.#process.pid, 'SIGUSR2');
      readings.push(await this.metric('process_heap_bytes'));
    }
    return Math.min(...readings);
  }

  /** What it has written to its log. */
  log(): Promise<string> {
    return readFile(join(this.#directory, `${this.#service}.log`), 'utf8');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    await running?.stop(signal);
  }
}
