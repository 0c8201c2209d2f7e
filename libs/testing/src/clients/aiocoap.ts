/** aiocoap as a test peer: a small LwM2M client with text and TLV, over UDP or tinydtls, and a prober for raw CoAP requests. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ensureProgram } from '../brokers/install.ts';
import { builtOnce, hashOf } from './built-once.ts';
import type { PskSecurity } from './dtls/peer.ts';
import { JsonLineProcess, type ClientEvent } from './json-process.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, '../../clients/aiocoap');

export interface AiocoapOptions {
  readonly endpoint: string;
  /** CoAP port of the server on 127.0.0.1. */
  readonly port: number;
  /** 300 unless told. */
  readonly lifetimeS?: number;
  /** CoAP over DTLS, with TLS_PSK_WITH_AES_128_CCM_8; `port` is the server's secure port then. */
  readonly security?: PskSecurity;
}

/** The server ended the handshake, or refused the registration. */
export class AiocoapFailed extends Error {
  readonly code = 'AIOCOAP_FAILED';
  /** The alert with which the server ended the DTLS association; 0 for close_notify. */
  readonly alert: number | undefined;

  constructor(message: string, alert?: number) {
    super(message);
    this.alert = alert;
  }
}

/** Any request to the server, from the client's own port. */
export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'FETCH';
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
}

export interface RawResponse {
  readonly code: string;
  readonly payload: Buffer;
  readonly location: string;
}

/** A running aiocoap client. Methods that return a code return the server's. */
export interface AiocoapClient {
  readonly process: JsonLineProcess;
  /** Registers. Returns the location. */
  register(): Promise<string>;
  update(query?: readonly string[]): Promise<string>;
  deregister(): Promise<string>;
  /** Sends the value at the path as SenML JSON. */
  send(path: string): Promise<string>;
  /** Sets a value; observations of it notify. */
  setValue(path: string, value: string | number): void;
  request(request: RawRequest): Promise<RawResponse>;
  /** The next event of a name: written, executed, observed, unobserved, error. */
  next(name: string, matches?: (event: ClientEvent) => boolean): Promise<ClientEvent>;
  /** Ends the process without a word to the server. */
  stop(): Promise<void>;
}

/**
 * Makes the Python environment where the cache has none. Returns its interpreter. DTLSSocket brings tinydtls as source:
 * it needs a C compiler, autoconf and the headers of Python.
 */
export async function buildAiocoap(requirements: 'requirements.txt' | 'requirements-dtls.txt'): Promise<string> {
  await ensureProgram('python3', ['-m', 'ensurepip', '--version'], 'python3-venv');
  const secure = requirements === 'requirements-dtls.txt';
  if (secure) await ensureProgram('autoreconf', ['--version'], 'autoconf');
  const home = await builtOnce(secure ? 'aiocoap-dtls' : 'aiocoap', await hashOf(PROJECT), async (into) => {
    await run('python3', ['-m', 'venv', join(into, 'venv')]);
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(join(into, 'venv/bin/python'), [...install, '-r', join(PROJECT, requirements)]);
  });
  return join(home, 'venv/bin/python');
}

/** Starts an aiocoap client, not registered yet. */
export async function startAiocoap({ endpoint, port, lifetimeS = 300, security }: AiocoapOptions): Promise<AiocoapClient> {
  const python = await buildAiocoap(security === undefined ? 'requirements.txt' : 'requirements-dtls.txt');
  const script = join(PROJECT, 'client.py');
  const psk = security === undefined ? [] : [security.identity, security.keyHex];
  const client = new JsonLineProcess(python, ['-B', script, endpoint, String(port), String(lifetimeS), ...psk]);
  await client.next('ready');
  return handleOf(client);
}

function handleOf(client: JsonLineProcess): AiocoapClient {
  const answered = async (command: object, event: string): Promise<ClientEvent> => {
    client.command(command);
    const told = await client.nextOf([event, 'error']);
    if (told.event === event) return told;
    throw new AiocoapFailed(String(told['message']), (told['alert'] as number | null) ?? undefined);
  };
  return {
    process: client,
    async register() {
      const { code, location } = await answered({ do: 'register' }, 'registered');
      if (code !== '2.01') throw new AiocoapFailed(`the server refused the registration with ${String(code)}`);
      return String(location);
    },
    update: async (query = []) => String((await answered({ do: 'update', query }, 'updated'))['code']),
    deregister: async () => String((await answered({ do: 'deregister' }, 'deregistered'))['code']),
    send: async (path) => String((await answered({ do: 'send', path }, 'sent'))['code']),
    setValue: (path, value) => client.command({ do: 'set', path, value }),
    async request({ payload, ...request }) {
      const hex = payload === undefined ? {} : { payloadHex: Buffer.from(payload).toString('hex') };
      const { code, payloadHex, location } = await answered({ do: 'request', ...request, ...hex }, 'response');
      return { code: String(code), payload: Buffer.from(String(payloadHex), 'hex'), location: String(location) };
    },
    next: (name, matches) => client.next(name, matches),
    stop: () => client.stop(),
  };
}
