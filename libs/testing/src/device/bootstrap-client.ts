/**
 * The bootstrap side of a device on node-coap: asks for its bootstrap, then takes Deletes, Writes, Reads, Discovers and the
 * Finish, and keeps what it was given. How it answers can be told, command by command.
 */
import { decodeContent, encodeContent, isUnder, ObjectModel, parsePath, type ResourceValue } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import type { IncomingMessage, OutgoingMessage } from 'coap';
import { CoapPort, type ClientResponse } from './coap-port.ts';
import { respond, toDeviceRequest } from './exchange.ts';
import { Faults } from './faults.ts';

/** A command of the bootstrap server as it reached the device. */
export interface BootstrapCommandSeen {
  /** `discover`: a GET that accepts link-format. */
  readonly operation: 'discover' | 'read' | 'write' | 'delete' | 'finish' | 'other';
  /** "/", "/0/1" … "/bs" for Finish. */
  readonly path: string;
  readonly contentFormat: number | undefined;
  readonly payload: Uint8Array;
}

export interface BootstrapClientOptions {
  readonly endpoint: string;
  readonly port: number;
  /** `pct`. */
  readonly preferredFormat?: number;
  /** What Bootstrap-Discover says of its enabler; 1.0 says it as such clients do. */
  readonly version?: '1.0' | '1.1' | '1.2';
  /** Instances that it has from the start: its bootstrap account alone unless told. */
  readonly instances?: readonly string[];
  /** Of its instances, as Bootstrap-Discover shows them; 1 for those of objects 0 and 1 unless told. */
  readonly shortServerIds?: Readonly<Record<string, number>>;
  /** The code of the answer to a command; undefined: as it should; `silence`: none. */
  readonly answers?: (command: BootstrapCommandSeen) => string | 'silence' | undefined;
}

const LINK_FORMAT = 40;
const lookup = new ObjectModel(ddfDirectory()).lookup(new Map(), '1.1');
const BOOTSTRAP_ACCOUNT = '/0/0';

export class BootstrapClient {
  /** What it was written, by path of the instance. */
  readonly written = new Map<string, BootstrapCommandSeen>();
  readonly instances: Set<string>;
  readonly commands: BootstrapCommandSeen[] = [];
  readonly #options: BootstrapClientOptions;
  readonly #port: CoapPort;
  #finished = Promise.withResolvers<void>();

  private constructor(options: BootstrapClientOptions, port: CoapPort) {
    this.#options = options;
    this.instances = new Set(options.instances ?? [BOOTSTRAP_ACCOUNT]);
    this.#port = port;
  }

  static async open(options: BootstrapClientOptions): Promise<BootstrapClient> {
    const late: { client?: BootstrapClient } = {};
    const port = await CoapPort.open({
      server: { host: '127.0.0.1', port: options.port },
      localPort: 0,
      localAddress: '127.0.0.1',
      faults: new Faults(),
      onRequest: (request, response) => late.client?.answer(request, response),
      onMessage: () => {},
    });
    late.client = new BootstrapClient(options, port);
    return late.client;
  }

  /** Asks; resolves with the answer to the Bootstrap-Request. */
  request(): Promise<ClientResponse> {
    const { endpoint, preferredFormat } = this.#options;
    return this.#port.request({ method: 'POST', path: ['bs'], query: [`ep=${endpoint}`, ...(preferredFormat === undefined ? [] : [`pct=${preferredFormat}`])] });
  }

  /** Any request of the device. */
  send(request: Parameters<CoapPort['request']>[0]): Promise<ClientResponse> {
    return this.#port.request(request);
  }

  /** Resolves with the next Finish. */
  async finished(): Promise<void> {
    await this.#finished.promise;
  }

  close(): void {
    this.#port.close();
  }

  /** What it was written at and below a path. */
  values(path: string): ResourceValue[] {
    const base = parsePath(path) ?? [];
    return [...this.written].flatMap(([instance, { contentFormat, payload }]) => {
      const own = parsePath(instance) ?? [];
      const decoded = contentFormat === undefined ? undefined : decodeContent(contentFormat, payload, own, lookup);
      return decoded?.ok === true ? decoded.values.filter((value) => isUnder(value.path, base)) : [];
    });
  }

  answer(message: IncomingMessage, outgoing: OutgoingMessage): void {
    const command = seen(message);
    this.commands.push(command);
    const code = this.#options.answers?.(command);
    if (code === 'silence') return;
    if (code !== undefined) respond(message, outgoing, { code });
    else respond(message, outgoing, this.#obey(command));
    if (command.operation === 'finish') {
      this.#finished.resolve();
      this.#finished = Promise.withResolvers();
    }
  }

  #obey(command: BootstrapCommandSeen): Parameters<typeof respond>[2] {
    const { operation, path } = command;
    switch (operation) {
      case 'discover':
        return { code: '2.05', content: { contentFormat: LINK_FORMAT, payload: Buffer.from(this.#links()) } };
      case 'delete':
        this.#forget(path);
        return { code: '2.02' };
      case 'write':
        this.instances.add(path);
        this.written.set(path, command);
        return { code: '2.04' };
      case 'read':
        return this.#read(path);
      default:
        return { code: operation === 'finish' ? '2.04' : '4.05' };
    }
  }

  /** The bootstrap account stays, whatever is deleted. OMA LwM2M Core 1.1 §6.1.7.5 */
  #forget(path: string): void {
    for (const instance of this.instances) {
      const goes = path === '/' || instance === path || instance.startsWith(`${path}/`);
      if (!goes || instance === BOOTSTRAP_ACCOUNT) continue;
      this.instances.delete(instance);
      this.written.delete(instance);
    }
  }

  #read(path: string): Parameters<typeof respond>[2] {
    const values = this.values(path);
    const contentFormat = [...this.written.values()][0]?.contentFormat;
    if (values.length === 0 || contentFormat === undefined) return { code: '4.04' };
    return { code: '2.05', content: { contentFormat, payload: encodeContent(contentFormat, values, parsePath(path) ?? [], lookup) } };
  }

  #links(): string {
    const { version = '1.1', shortServerIds = {} } = this.#options;
    const head = version === '1.0' ? 'lwm2m="1.0"' : `</>;lwm2m=${version}`;
    return [head, ...[...this.instances].map((path) => `<${path}>${/^\/[01]\//.test(path) && path !== BOOTSTRAP_ACCOUNT ? `;ssid=${shortServerIds[path] ?? 1}` : ''}`)].join(',');
  }
}

function seen(message: IncomingMessage): BootstrapCommandSeen {
  const { method, segments = [], accept, contentFormat, payload } = toDeviceRequest(message, '/') ?? {};
  const path = `/${segments.join('/')}`;
  const of = (operation: BootstrapCommandSeen['operation']) => ({ operation, path, contentFormat, payload: payload ?? new Uint8Array() });
  if (method === 'GET') return of(accept === LINK_FORMAT ? 'discover' : 'read');
  if (method === 'PUT') return of('write');
  if (method === 'DELETE') return of('delete');
  return of(method === 'POST' && path === '/bs' ? 'finish' : 'other');
}
