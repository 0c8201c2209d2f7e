/** Real Apache Kafka (KRaft) as local processes: one broker, or several that replicate to each other. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureKafka } from './install.ts';
import { accepts, freePorts } from './ports.ts';
import { BrokerUnavailable, startServer, type ServerProcess } from './process.ts';

const run = promisify(execFile);
const LISTENER = 'BROKER';
const CLUSTER_ID = 'bHdtMm0tdGVzdC1rYWZrYQ';

export interface KafkaOptions {
  /** 1 unless told. From 2 on: replication to all (at most 3), min.insync.replicas 2. */
  readonly brokers?: number;
  /** What the listener speaks; its keys and users are told by `config`. In the clear unless told. */
  readonly protocol?: 'SSL' | 'SASL_SSL';
  /** Users of SCRAM, as kafka-storage takes them: `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scram?: readonly string[];
  /** Further server.properties, which win over the defaults here. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A running Kafka. Data survives `restart`, `stopOne` and `startOne`, and is gone after `stop`. */
export interface KafkaHandle {
  /** 127.0.0.1:port of each broker. */
  readonly brokers: readonly string[];
  stop(): Promise<void>;
  /** Ends all brokers and starts them again at the same addresses. */
  restart(): Promise<void>;
  /** Freezes all brokers (SIGSTOP), or one of them. */
  pause(index?: number): void;
  resume(index?: number): void;
  /** Ends all brokers, takes their disks from them, and starts them anew: without a topic, an offset or a producer. */
  wipe(): Promise<void>;
  stopOne(index: number, signal?: NodeJS.Signals): Promise<void>;
  startOne(index: number): Promise<void>;
}

/** Starts Kafka on free loopback ports; resolves when each broker accepts connections. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaHandle> {
  const classPath = await ensureKafka();
  const count = options.brokers ?? 1;
  const ports = await freePorts(count * 2);
  const directory = await mkdtemp(join(tmpdir(), 'test-kafka-'));
  const kafka = new LocalKafka(options, classPath, directory, ports.slice(0, count), ports.slice(count));
  try {
    await kafka.format();
    await kafka.startAll();
  } catch (error) {
    await kafka.stop();
    throw error;
  }
  return kafka;
}

class LocalKafka implements KafkaHandle {
  readonly brokers: readonly string[];
  readonly #options: KafkaOptions;
  readonly #classPath: string;
  readonly #directory: string;
  readonly #ports: readonly number[];
  readonly #controllerPorts: readonly number[];
  readonly #nodes: (ServerProcess | undefined)[];

  constructor(
    options: KafkaOptions, classPath: string, directory: string, ports: readonly number[], controllerPorts: readonly number[],
  ) {
    this.#options = options;
    this.#classPath = classPath;
    this.#directory = directory;
    this.#ports = ports;
    this.#controllerPorts = controllerPorts;
    this.brokers = ports.map((port) => `127.0.0.1:${port}`);
    this.#nodes = ports.map(() => undefined);
  }

  /** Writes each broker's configuration and formats its log directory. */
  async format(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.#formatOne(index)));
  }

  async startAll(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.startOne(index)));
  }

  async startOne(index: number): Promise<void> {
    if (this.#nodes[index] !== undefined) return;
    const port = this.#ports[index]!;
    const logging = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true'];
    this.#nodes[index] = await startServer({
      command: 'java',
      args: ['-Xms128m', '-Xmx512m', '-XX:+UseG1GC', ...logging, '-cp', this.#classPath, 'kafka.Kafka', this.#file(index)],
      logFile: join(this.#directory, `${index}.log`),
      scratchDirectory: this.#directory,
      ready: () => accepts(port),
      readyTimeoutMs: 60_000,
    });
  }

  async stopOne(index: number, signal?: NodeJS.Signals): Promise<void> {
    await this.#nodes[index]?.stop(signal);
    this.#nodes[index] = undefined;
  }

  async restart(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.stopOne(index)));
    await this.startAll();
  }

  async wipe(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.stopOne(index, 'SIGKILL')));
    await Promise.all(this.#ports.map((_, index) => rm(join(this.#directory, String(index)), { recursive: true })));
    await this.format();
    await this.startAll();
  }

  pause(index?: number): void {
    for (const node of this.#chosen(index)) node?.pause();
  }

  resume(index?: number): void {
    for (const node of this.#chosen(index)) node?.resume();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ports.map((_, index) => this.stopOne(index, 'SIGKILL')));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #chosen(index: number | undefined): readonly (ServerProcess | undefined)[] {
    return index === undefined ? this.#nodes : [this.#nodes[index]];
  }

  async #formatOne(index: number): Promise<void> {
    await mkdir(join(this.#directory, String(index)));
    const lines = Object.entries(this.#properties(index)).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(this.#file(index), lines.join(''));
    const jvm = ['-XX:TieredStopAtLevel=1', '-cp', this.#classPath];
    const scram = (this.#options.scram ?? []).flatMap((user) => ['--add-scram', user]);
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', this.#file(index), ...scram];
    await run('java', [...jvm, ...format]).catch((cause: unknown) => {
      throw new BrokerUnavailable(`Kafka could not format its log directory: ${String(cause)}`, { cause });
    });
  }

  #file(index: number): string {
    return join(this.#directory, `${index}.properties`);
  }

  #properties(index: number): Record<string, string> {
    const broker = `${LISTENER}://${this.brokers[index]}`;
    const voters = this.#controllerPorts.map((port, node) => `${node + 1}@127.0.0.1:${port}`);
    return {
      'process.roles': 'broker,controller',
      'node.id': String(index + 1),
      'controller.quorum.voters': voters.join(','),
      listeners: `${broker},CONTROLLER://127.0.0.1:${this.#controllerPorts[index]}`,
      'advertised.listeners': broker,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': LISTENER,
      'listener.security.protocol.map': `${LISTENER}:${this.#options.protocol ?? 'PLAINTEXT'},CONTROLLER:PLAINTEXT`,
      'log.dirs': join(this.#directory, String(index)),
      'broker.session.timeout.ms': '6000',
      'num.partitions': '4',
      'group.initial.rebalance.delay.ms': '0',
      'log.cleaner.dedupe.buffer.size': '16777216',
      ...replication(Math.min(this.#ports.length, 3)),
      ...this.#options.config,
    };
  }
}

function replication(factor: number): Record<string, string> {
  const inSync = String(Math.min(factor, 2));
  return {
    'default.replication.factor': String(factor),
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': String(factor),
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': String(factor),
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '4',
  };
}
