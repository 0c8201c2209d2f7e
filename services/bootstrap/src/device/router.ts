/** Leads each request of a device to what answers it: /bs, /bspack, and EST where it is served. */
import { Code, type CoapEvent, type CoapResponse, uriPath } from '@cluster/coap';
import { type EstResource, isSecure, refusal, type SecurePeers, type WorkerClock } from '@cluster/coap-kit';
import type { Received } from './received.ts';
import type { BootstrapRequests } from './requests.ts';
import type { SessionRunner } from './session-runner.ts';

interface Deps {
  readonly requests: BootstrapRequests;
  readonly runner: SessionRunner;
  /** Undefined: no certificates are issued. */
  readonly est: EstResource | undefined;
  readonly clock: WorkerClock;
  readonly peers: SecurePeers;
  readonly respond: (exchange: number, response: CoapResponse) => void;
  readonly reject: (exchange: number) => void;
}

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
    const { peers, requests, est, clock, respond } = this.#deps;
    const secure = isSecure(peer) ? peers.of(peer) : undefined;
    const received = { peer, exchange, message, secure };
    const path = uriPath(message);
    const [first] = path;
    if (path.length === 1 && first === 'bs') return this.#only(Code.POST, received, () => requests.receive('request', received));
    if (path.length === 1 && first === 'bspack') return this.#only(Code.GET, received, () => requests.receive('pack', received));
    if (est?.serves(path) === true) return void est.answer(message, secure, clock.storeMs()).then((response) => respond(exchange, response));
    respond(exchange, refusal(Code.NOT_FOUND));
  }

  #only(method: number, { message, exchange }: Received, handle: () => void): void {
    if (message.code === method) handle();
    else this.#deps.respond(exchange, refusal(Code.METHOD_NOT_ALLOWED));
  }
}
