/** The registration interface as a device plays it: Register, Update, De-register, back-off and coming back (OMA Transport 1.1.1 §6.4.3). */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientRequest, ClientResponse } from './coap-port.ts';
import { formats } from './content.ts';

/** What a registration tells the server. */
export interface RegistrationParameters {
  readonly endpoint: string;
  readonly lifetimeS: number;
  readonly version: string;
  readonly binding: string;
  readonly queueMode: boolean;
  readonly sms?: string;
}

/** What an Update changes; without any of it the Update only refreshes. */
export interface UpdateChanges {
  readonly lifetimeS?: number;
  readonly binding?: string;
  readonly sms?: string;
  /** Sends the object list anew. */
  readonly objects?: boolean;
}

/** The server refused the registration. */
export class RegistrationRefused extends Error {
  readonly code = 'DEVICE_REGISTRATION_REFUSED';
  /** CoAP code of the server's answer. */
  readonly responseCode: string;

  constructor(responseCode: string) {
    super(`the server refused the registration with ${responseCode}`);
    this.responseCode = responseCode;
  }
}

export interface RegistrationHost {
  request(request: ClientRequest): Promise<ClientResponse>;
  objectList(): string;
  onBackOff(seconds: number): void;
}

const DEFAULT_MAX_AGE_S = 60; // RFC 7252 §5.10.5

/** State of one registration. */
export class RegistrationClient {
  readonly #host: RegistrationHost;
  readonly #abort = new AbortController();
  #parameters: RegistrationParameters;
  #location: readonly string[] | undefined;

  constructor(parameters: RegistrationParameters, host: RegistrationHost) {
    this.#parameters = parameters;
    this.#host = host;
  }

  /** Segments of the location that the server gave; undefined while not registered. */
  get location(): readonly string[] | undefined {
    return this.#location;
  }

  get parameters(): RegistrationParameters {
    return this.#parameters;
  }

  /** Registers; after 5.03 again when its Max-Age is over. Throws {@link RegistrationRefused} for any other refusal. */
  async register(): Promise<void> {
    const payload = Buffer.from(this.#host.objectList());
    const query = registerQuery(this.#parameters);
    const answer = await this.#patiently({ method: 'POST', path: ['rd'], query, payload, contentFormat: formats.link });
    if (answer.code !== '2.01') throw new RegistrationRefused(answer.code);
    this.#location = answer.location;
  }

  /** Updates the registration; after 5.03 again when its Max-Age is over. Returns the answer's code. */
  async update(changes: UpdateChanges): Promise<string> {
    const query = updateQuery(changes);
    const list = changes.objects ? { payload: Buffer.from(this.#host.objectList()), contentFormat: formats.link } : {};
    const answer = await this.#patiently({ method: 'POST', path: this.#location ?? ['rd', 'none'], query, ...list });
    if (answer.code === '2.04') this.#parameters = { ...this.#parameters, ...withoutObjects(changes) };
    if (answer.code === '4.04') this.#location = undefined;
    return answer.code;
  }

  /** De-registers. Returns the answer's code. */
  async deregister(): Promise<string> {
    const answer = await this.#host.request({ method: 'DELETE', path: this.#location ?? ['rd', 'none'] });
    this.#location = undefined;
    return answer.code;
  }

  /** Forgets the registration without a word, and stops waiting. */
  forget(): void {
    this.#location = undefined;
    this.#abort.abort();
  }

  async #patiently(request: ClientRequest): Promise<ClientResponse> {
    for (;;) {
      const answer = await this.#host.request(request);
      if (answer.code !== '5.03') return answer;
      const seconds = answer.maxAgeS ?? DEFAULT_MAX_AGE_S;
      this.#host.onBackOff(seconds);
      await delay(seconds * 1_000, undefined, { signal: this.#abort.signal });
    }
  }
}

function registerQuery(parameters: RegistrationParameters): string[] {
  const { endpoint, lifetimeS, version, binding, queueMode, sms } = parameters;
  const inBinding = version === '1.0' && queueMode ? `${binding}Q` : binding; // 1.0 has no Q parameter
  const query = [`ep=${endpoint}`, `lt=${lifetimeS}`, `lwm2m=${version}`, `b=${inBinding}`];
  if (queueMode && version !== '1.0') query.push('Q');
  return sms === undefined ? query : [...query, `sms=${sms}`];
}

function updateQuery({ lifetimeS, binding, sms }: UpdateChanges): string[] {
  const pairs = Object.entries({ lt: lifetimeS, b: binding, sms }).filter(([, value]) => value !== undefined);
  return pairs.map(([name, value]) => `${name}=${value}`);
}

function withoutObjects({ objects: _, ...changes }: UpdateChanges): Omit<UpdateChanges, 'objects'> {
  return changes;
}
