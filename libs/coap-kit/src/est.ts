/** EST over CoAP as a resource of a service: requests under `/.well-known/est`, and their links in `/.well-known/core`. */
import { Code, type CoapMessage, type CoapResponse, contentFormat, OptionNumber, uintOption, uintValue, uriPath, uriQuery } from '@cluster/coap';
import type { Config, HeldAuthority, Secrets } from '@cluster/config';
import { randomPool } from '@cluster/dtls';
import { CertificateDesk, type CertificateStore, type EstAnswer, type EstDevice, EstHandler } from '@cluster/pki';
import {
  type ClusterStore, type CredentialStore, decodeSession, EnrolledCertificates, type Rng, type SessionStore, StoreUnavailable,
} from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import type { SecurePeer } from './dtls/secure-peers.ts';
import { refusal, unavailable } from './replies.ts';

export interface EstDeps {
  readonly config: Pick<Config, 'caValidityDays' | 'estServerKeys' | 'sharedPsk'>;
  readonly authority: HeldAuthority;
  readonly certificates: CertificateStore;
  readonly credentials: CredentialStore;
  readonly secrets: Pick<Secrets, 'ring' | 'sealer'>;
  readonly sessions: Pick<SessionStore, 'load' | 'timeMs'>;
  readonly cluster: Pick<ClusterStore, 'ring'>;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, 'error'>;
}

const DAY_MS = 86_400_000;
const WELL_KNOWN = '.well-known';

export class EstResource {
  readonly #deps: EstDeps;
  readonly #handler: EstHandler;

  constructor(deps: EstDeps) {
    this.#deps = deps;
    const { config, authority, certificates: store, credentials, secrets, sessions, cluster, metrics } = deps;
    const desk = new CertificateDesk({ authority: authority.current, store, random: randomPool(), validityMs: config.caValidityDays * DAY_MS });
    this.#handler = new EstHandler({
      desk, store,
      credentials: new EnrolledCertificates({ store: credentials, cluster, ...secrets, sharedPsks: config.sharedPsk, timeMs: () => sessions.timeMs() }),
      serverKeys: config.estServerKeys,
      count: (resource, outcome) => metrics.counter('lwm2m_est_requests_total', 'EST requests of devices', { resource, outcome }).inc(),
    });
  }

  /** Whether requests to the path are answered here. */
  serves([first, second, ...more]: readonly string[]): boolean {
    return first === WELL_KNOWN && (second === 'core' ? more.length === 0 : second === 'est' && more.length === 1);
  }

  /** The links of EST, for who serves more than EST. RFC 6690 */
  links(query: readonly string[]): EstAnswer {
    return this.#handler.links(query);
  }

  /** `peer`: who proved to have sent it; undefined: it came without security. Never rejects. */
  async answer(message: CoapMessage, peer: SecurePeer | undefined, nowMs: number): Promise<CoapResponse> {
    try {
      return this.#response(await this.#ask(message, peer, nowMs));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#deps.log.error({ err: error }, 'an EST request failed');
      return unavailable(() => this.#deps.rng.uint32());
    }
  }

  async #ask(message: CoapMessage, peer: SecurePeer | undefined, nowMs: number): Promise<EstAnswer> {
    const [, second, resource = ''] = uriPath(message);
    if (second === 'core') return message.code === Code.GET ? this.links(uriQuery(message)) : { code: Code.METHOD_NOT_ALLOWED };
    const { code: method, payload } = message;
    const device = peer && (await this.#device(peer));
    return this.#handler.handle({ resource, method, payload, device, nowMs, contentFormat: contentFormat(message), accept: uintOption(message, OptionNumber.ACCEPT) });
  }

  /** The endpoint of a number stands in its session, which is there before anybody can prove to be it. */
  async #device({ number, credential: { identity } }: SecurePeer): Promise<EstDevice | undefined> {
    const [stored] = await this.#deps.sessions.load([number]);
    if (stored === undefined) return undefined;
    const { endpoint } = decodeSession(stored.record);
    return { number, endpoint, ...(identity.kind === 'x509' ? { certificate: identity.bytes } : {}) };
  }

  #response(answer: EstAnswer): CoapResponse {
    if (answer === 'unavailable') return unavailable(() => this.#deps.rng.uint32());
    const { code, contentFormat: format, payload, reason } = answer;
    if (payload === undefined || format === undefined) return refusal(code, reason);
    return { code, payload, options: [{ number: OptionNumber.CONTENT_FORMAT, value: uintValue(format) }] };
  }
}
