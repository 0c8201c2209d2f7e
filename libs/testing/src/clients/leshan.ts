/** Eclipse Leshan's client as a test peer: LwM2M 1.1 over UDP, objects 1, 3, 5, 6 and 3303, further ones on demand. */
import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '../brokers/install.ts';
import { builtOnce, hashOf } from './built-once.ts';
import { JsonLineProcess, type ClientEvent } from './json-process.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, '../../clients/leshan');
const REGISTRY = resolve(import.meta.dirname, '../../../lwm2m/ddf/objects');

export interface LeshanOptions {
  readonly endpoint: string;
  /** CoAP port of the server on 127.0.0.1. */
  readonly port: number;
  /** 300 unless told. */
  readonly lifetimeS?: number;
  readonly queueMode?: boolean;
  /** Whether it has the objects 4, 7, 10, 11, 16, 19 and 20 too: in registration lists of several blocks. */
  readonly allObjects?: boolean;
}

/** A running Leshan client. Methods resolve when the client says that it is done. */
export interface LeshanClient {
  readonly process: JsonLineProcess;
  /** Registers (again). Returns the location. */
  register(): Promise<string>;
  update(): Promise<void>;
  deregister(): Promise<void>;
  /** Registers anew as after a reboot, without a De-register. Returns the location. */
  restart(): Promise<string>;
  /** Sends the values at the paths. Returns the answer's code. */
  send(paths: readonly string[], contentFormat?: number): Promise<string>;
  /** Sets a value; observations of it notify. */
  setValue(path: string, value: string | number | boolean): void;
  /** The next event of a name: written, executed, observed, refused, update-refused, timeout, error. */
  next(name: string, matches?: (event: ClientEvent) => boolean): Promise<ClientEvent>;
  /** Ends the process without a word to the server. */
  stop(): Promise<void>;
}

/** Builds the client where the cache has none of these sources, with Maven. Returns the class path. */
export async function buildLeshan(): Promise<string> {
  await ensureProgram('java', ['-version'], 'default-jre-headless');
  const home = await builtOnce('leshan', await hashOf(PROJECT), async (into) => {
    await ensureProgram('javac', ['-version'], 'default-jdk-headless');
    await ensureProgram('mvn', ['--version'], 'maven');
    const source = join(into, 'source');
    await cp(PROJECT, source, { recursive: true, filter: (file) => !file.startsWith(join(PROJECT, 'target')) });
    await run('mvn', ['-q', '-B', '-f', join(source, 'pom.xml'), 'package']);
  });
  return `${join(home, 'source/target/leshan-test-client.jar')}:${join(home, 'source/target/lib/*')}`;
}

/** Starts a Leshan client, not registered yet. */
export async function startLeshan(options: LeshanOptions): Promise<LeshanClient> {
  const { endpoint, port, lifetimeS = 300, queueMode = false, allObjects = false } = options;
  const classPath = await buildLeshan();
  const arguments_ = [endpoint, `coap://127.0.0.1:${port}`, String(lifetimeS), queueMode ? 'queue' : 'always', ...(allObjects ? [REGISTRY] : [])];
  const java = ['-Xmx96m', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath];
  const client = new JsonLineProcess('java', [...java, 'lwm2m.cluster.Main', ...arguments_]);
  await client.next('ready');
  return handleOf(client);
}

function handleOf(client: JsonLineProcess): LeshanClient {
  return {
    process: client,
    async register() {
      client.command({ do: 'start' });
      return String((await client.next('registered'))['location']);
    },
    async update() {
      client.command({ do: 'update' });
      await client.next('updated');
    },
    async deregister() {
      client.command({ do: 'stop' });
      await client.next('deregistered');
    },
    async restart() {
      client.command({ do: 'restart' });
      return String((await client.next('registered'))['location']);
    },
    async send(paths, contentFormat = 112) {
      client.command({ do: 'send', paths, format: contentFormat });
      return String((await client.next('sent'))['code']);
    },
    setValue: (path, value) => client.command({ do: 'set', path, value }),
    next: (name, matches) => client.next(name, matches),
    stop: () => client.stop(),
  };
}
