/**
 * libcoap's command line client as a test peer, over UDP or DTLS. It runs one request and ends, and serves no resources:
 * it can Register (also block-wise), Update, Send and De-register, but it can't be read, written or observed. With DTLS
 * each request has a handshake of its own and ends with close_notify.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram } from '../brokers/install.ts';
import { alertNumber } from './dtls/alerts.ts';
import type { DtlsSecurity, PskSecurity, RpkSecurity, X509Security } from './dtls/peer.ts';

const TIMEOUT_S = 20;
/** Each datagram that is lost costs some seconds. */
const LOSSY_TIMEOUT_S = 120;

/** With which library libcoap does DTLS. With OpenSSL it has no raw public keys. A PSK must be printable ASCII. */
export type LibcoapDtls =
  | { readonly library: 'openssl'; readonly security: PskSecurity | X509Security }
  | { readonly library: 'gnutls'; readonly security: PskSecurity | X509Security | RpkSecurity };

export interface LibcoapRequest {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Path with query, e.g. "rd?ep=demo". */
  readonly path: string;
  readonly payload?: Uint8Array | string;
  readonly contentFormat?: number;
  /** The content format that the answer is to have. */
  readonly accept?: number;
  /** Sends the body in blocks of this many bytes. */
  readonly blockSize?: number;
  /** Which of the datagrams that it sends get lost, e.g. "5,40-41". */
  readonly loses?: string;
}

export interface LibcoapResponse {
  readonly code: string;
  /** Location-Path, e.g. "/rd/5a3f"; empty where the answer has none. */
  readonly location: string;
  /** All of it, also where it came in blocks; empty where there is none. */
  readonly payload: Buffer;
}

/** The program gave no response. Its output is in the message. */
export class LibcoapFailed extends Error {
  readonly code = 'LIBCOAP_FAILED';
  /** The alert with which the server ended the DTLS handshake. */
  readonly alert: number | undefined;

  constructor(message: string, alert?: number) {
    super(message);
    this.alert = alert;
  }
}

/** Makes sure that the programs can be run. */
export async function ensureLibcoap(): Promise<void> {
  await ensureProgram(programFor(undefined), ['-B', '1', 'coap://127.0.0.1:1/'], 'libcoap3-bin');
}

/** A device's uplink side, played by one process for each request, all from the same local port. */
export class LibcoapClient {
  readonly #server: string;
  readonly #localPort: number;
  readonly #dtls: LibcoapDtls | undefined;
  #location: string | undefined;

  /** `port`: the server's CoAP port (with `dtls` its secure one) on 127.0.0.1; `localPort`: a free UDP port for the device. */
  constructor(port: number, localPort: number, dtls?: LibcoapDtls) {
    this.#server = `${dtls === undefined ? 'coap' : 'coaps'}://127.0.0.1:${port}`;
    this.#localPort = localPort;
    this.#dtls = dtls;
  }

  /** Registers with an object list. Returns the location. */
  async register(query: string, links: string, blockSize?: number): Promise<string> {
    const block = blockSize === undefined ? {} : { blockSize };
    const answer = await this.request({ method: 'post', path: `rd?${query}`, payload: links, contentFormat: 40, ...block });
    if (answer.code !== '2.01') throw new LibcoapFailed(`the server refused the registration with ${answer.code}`);
    this.#location = answer.location;
    return answer.location;
  }

  /** Updates the registration. Returns the answer's code. */
  async update(query = ''): Promise<string> {
    const path = `${this.#path()}${query === '' ? '' : `?${query}`}`;
    return (await this.request({ method: 'post', path })).code;
  }

  /** Sends a payload of a SenML format (Send). Returns the answer's code. */
  async send(payload: Uint8Array | string, contentFormat: number): Promise<string> {
    return (await this.request({ method: 'post', path: 'dp', payload, contentFormat })).code;
  }

  /** De-registers. Returns the answer's code. */
  async deregister(): Promise<string> {
    return (await this.request({ method: 'delete', path: this.#path() })).code;
  }

  /** Any request. */
  async request({ method, path, payload, contentFormat, accept, blockSize, loses }: LibcoapRequest): Promise<LibcoapResponse> {
    const args = ['-v', '6', '-p', String(this.#localPort), '-B', String(loses === undefined ? TIMEOUT_S : LOSSY_TIMEOUT_S), '-m', method];
    if (contentFormat !== undefined) args.push('-t', String(contentFormat));
    if (accept !== undefined) args.push('-A', String(accept));
    if (blockSize !== undefined) args.push('-b', String(blockSize));
    if (loses !== undefined) args.push('-l', loses);
    if (payload !== undefined) args.push('-f', '-');
    return withDirectory(async (directory) => {
      const received = join(directory, 'payload');
      const credentials = await argumentsFor(this.#dtls?.security, directory);
      const output = await runWith(programFor(this.#dtls), [...args, '-o', received, ...credentials, `${this.#server}/${path}`], payload);
      return { ...parseResponse(output), payload: await readFile(received).catch(() => Buffer.alloc(0)) };
    });
  }

  #path(): string {
    if (this.#location === undefined) throw new LibcoapFailed('not registered');
    return this.#location.slice(1);
  }
}

function programFor(dtls: LibcoapDtls | undefined): string {
  return `coap-client-${dtls?.library ?? 'notls'}`;
}

/** The arguments that stand for the credentials. */
async function argumentsFor(security: DtlsSecurity | undefined, directory: string): Promise<readonly string[]> {
  if (security === undefined) return [];
  if (security.mode === 'psk') return ['-u', security.identity, '-k', printable(security.keyHex)];
  if (security.mode === 'x509') return ['-c', security.certificateFile, '-j', security.keyFile, '-C', security.trustFile];
  const file = join(directory, 'rpk.pem'); // it wants both keys in one file
  await writeFile(file, (await readFile(security.keyFile, 'utf8')) + (await readFile(security.publicKeyFile, 'utf8')), { mode: 0o600 });
  return ['-M', file];
}

async function withDirectory<T>(call: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'libcoap-'));
  try {
    return await call(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function printable(keyHex: string): string {
  const key = Buffer.from(keyHex, 'hex').toString('latin1');
  if (!/^[\x20-\x7e]+$/.test(key)) throw new LibcoapFailed('coap-client takes a key of printable characters only');
  return key;
}

function runWith(program: string, args: readonly string[], stdin: Uint8Array | string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    child.stdin.on('error', () => {}); // it may end before it read all
    child.once('error', reject);
    child.once('close', () => resolve(output));
    child.stdin.end(stdin);
  });
}

/** The last message that isn't a request of ours, e.g. `v:1 t:ACK c:2.01 i:b63f {01} [ Location-Path:rd, … ]`. */
function parseResponse(output: string): Omit<LibcoapResponse, 'payload'> {
  const line = output.split('\n').findLast((text) => /^v:1 t:\w+ c:[2-5]\.\d\d /.test(text));
  const code = line?.slice(line.indexOf(' c:') + 3).slice(0, 4);
  if (line === undefined || code === undefined) throw new LibcoapFailed(`no response: ${output.trim()}`, alertIn(output));
  const segments = [...line.matchAll(/Location-Path:([^,\s]+)/g)].map((match) => match[1]);
  return { code, location: segments.length === 0 ? '' : `/${segments.join('/')}` };
}

/** OpenSSL says "SSL3 alert read:fatal:unknown CA", GnuTLS "Alert '48': CA is unknown". */
function alertIn(output: string): number | undefined {
  const number = /Alert '(\d+)'/.exec(output)?.[1];
  return number === undefined ? alertNumber(/alert read:fatal:(.+)/.exec(output)?.[1] ?? '') : Number(number);
}
