/**
 * libcoap's command line client as a test peer. It runs one request and ends, and serves no resources: it can Register
 * (also block-wise), Update, Send and De-register, but it can't be read, written or observed.
 */
import { spawn } from 'node:child_process';
import { ensureProgram } from '../brokers/install.ts';

const PROGRAM = 'coap-client-notls';
const TIMEOUT_S = 20;

export interface LibcoapRequest {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Path with query, e.g. "rd?ep=demo". */
  readonly path: string;
  readonly payload?: Uint8Array | string;
  readonly contentFormat?: number;
  /** Sends the body in blocks of this many bytes. */
  readonly blockSize?: number;
}

export interface LibcoapResponse {
  readonly code: string;
  /** Location-Path, e.g. "/rd/5a3f"; empty where the answer has none. */
  readonly location: string;
}

/** The program gave no response. Its output is in the message. */
export class LibcoapFailed extends Error {
  readonly code = 'LIBCOAP_FAILED';
}

/** Makes sure that the program can be run. */
export async function ensureLibcoap(): Promise<void> {
  await ensureProgram(PROGRAM, ['-B', '1', 'coap://127.0.0.1:1/'], 'libcoap3-bin');
}

/** A device's uplink side, played by one process for each request, all from the same local port. */
export class LibcoapClient {
  readonly #server: string;
  readonly #localPort: number;
  #location: string | undefined;

  /** `port`: the server's CoAP port on 127.0.0.1; `localPort`: a free UDP port for the device. */
  constructor(port: number, localPort: number) {
    this.#server = `coap://127.0.0.1:${port}`;
    this.#localPort = localPort;
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
  async request({ method, path, payload, contentFormat, blockSize }: LibcoapRequest): Promise<LibcoapResponse> {
    const args = ['-v', '6', '-p', String(this.#localPort), '-B', String(TIMEOUT_S), '-m', method];
    if (contentFormat !== undefined) args.push('-t', String(contentFormat));
    if (blockSize !== undefined) args.push('-b', String(blockSize));
    if (payload !== undefined) args.push('-f', '-');
    const output = await runWith([...args, `${this.#server}/${path}`], payload);
    return parseResponse(output);
  }

  #path(): string {
    if (this.#location === undefined) throw new LibcoapFailed('not registered');
    return this.#location.slice(1);
  }
}

function runWith(args: readonly string[], stdin: Uint8Array | string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'pipe'] });
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
function parseResponse(output: string): LibcoapResponse {
  const line = output.split('\n').findLast((text) => /^v:1 t:\w+ c:[2-5]\.\d\d /.test(text));
  const code = line?.slice(line.indexOf(' c:') + 3).slice(0, 4);
  if (line === undefined || code === undefined) throw new LibcoapFailed(`no response: ${output.trim()}`);
  const segments = [...line.matchAll(/Location-Path:([^,\s]+)/g)].map((match) => match[1]);
  return { code, location: segments.length === 0 ? '' : `/${segments.join('/')}` };
}
