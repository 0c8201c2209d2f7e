/** Leads each request of a device to what answers it: /bs, /bspack, and EST where it is served. */
import { decodeUtf8 } from '@cluster/bytes';
import { Code, type CoapEvent, type CoapResponse, uriPath } from '@cluster/coap';
import { type EstResource, isSecure, refusal, type SecurePeers, type WorkerClock } from '@cluster/coap-kit';
import type { Received } from './received.ts';
import type { Refusals } from './refusals.ts';
import type { BootstrapRequests } from './requests.ts';
import type { SessionRunner } from './session-runner.ts';

interface Deps {
  readonly requests: BootstrapRequests;
  readonly runner: SessionRunner;
  /** Undefined: no certificates are issued. */
  readonly est: EstResource | undefined;
  readonly refusals: Refusals;
  readonly clock: WorkerClock;
  readonly peers: SecurePeers;
  readonly respond: (exchange: number, response: CoapResponse) => void;
  readonly reject: (exchange: number) => void;
}

const NO_DETAIL = new Uint8Array();

export class Router {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  route(events: readonly CoapEvent[]): void {
    for (const event of events) {
      if (event.kind === 'request') this.#request(event);
      else if (event.kind === 'unsolicited') this.#deps.reject(event.exchange);
      else this.#deps.runner.ended(event);
    }
  }

  #request({ peer, exchange, message }: Extract<CoapEvent, { kind: 'request' }>): void {
    const { peers, requests, est, respond } = this.#deps;
    const secure = isSecure(peer) ? peers.of(peer) : undefined;
    const received = { peer, exchange, message, secure };
    const path = uriPath(message);
    const [first] = path;
    if (path.length === 1 && first === 'bs') return this.#only(Code.POST, received, () => requests.receive('request', received));
    if (path.length === 1 && first === 'bspack') return this.#only(Code.GET, received, () => requests.receive('pack', received));
    if (est?.serves(path) === true) return void this.#enrol(est, received, path);
    respond(exchange, refusal(Code.NOT_FOUND));
  }

  /** Who is refused a certificate is stuck with what it has: that is told to operators. */
  async #enrol(est: EstResource, received: Received, path: readonly string[]): Promise<void> {
    const { clock, respond, refusals } = this.#deps;
    const { message, secure, exchange } = received;
    const { code, payload = NO_DETAIL, ...response } = await est.answer(message, secure, clock.storeMs());
    respond(exchange, { code, payload, ...response });
    if (message.code !== Code.POST || code < Code.BAD_REQUEST || code >= Code.INTERNAL_SERVER_ERROR) return;
    refusals.record(received, { operation: 'enrol', path: `/${path.join('/')}`, code, reason: 'enrolment-refused', detail: decodeUtf8(payload) ?? '', number: secure?.number });
  }

  #only(method: number, { message, exchange }: Received, handle: () => void): void {
    if (message.code === method) handle();
    else this.#deps.respond(exchange, refusal(Code.METHOD_NOT_ALLOWED));
  }
}
