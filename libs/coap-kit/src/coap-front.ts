/**
 * CoAP with devices, in plain and over DTLS: one CoAP engine, driven, with the DTLS engine in front of it where there is a
 * secret, and the peers that it secured. Opens no socket: see {@link listen}.
 */
import { CoapEngine } from '@cluster/coap';
import type { Config } from '@cluster/config';
import type { ClusterStore, CredentialUse, Rng, SessionStore } from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';
import { EngineDriver, type Datagram } from '@cluster/transport';
import type { WorkerClock } from './clock.ts';
import { showCoap } from './coap-metrics.ts';
import { DtlsFront } from './dtls/dtls-front.ts';
import { isSecure, SecurePeers } from './dtls/secure-peers.ts';
import type { DtlsSecurity } from './dtls/security.ts';

/** From devices, or to them. */
export type Way = 'in' | 'out';

interface Deps {
  readonly config: Config;
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  /** Without it no DTLS is served. */
  readonly security?: DtlsSecurity | undefined;
  readonly clock: WorkerClock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  /** The interface that devices are served with. */
  readonly use: CredentialUse;
  /** Sees every message in the clear, as it comes in or goes out. */
  readonly passes?: (datagrams: readonly Datagram[], way: Way) => void;
}

/** Where datagrams go. */
export interface Outlet {
  send(datagrams: readonly Datagram[]): void;
}

/** MAX_TRANSMIT_WAIT / ACK_TIMEOUT: (2^(MAX_RETRANSMIT + 1) - 1) × ACK_RANDOM_FACTOR. RFC 7252 §4.8.2 */
const ACK_TIMEOUTS_IN_TRANSMIT_WAIT = 31 * 1.5;

export class CoapFront {
  readonly driver: EngineDriver<CoapEngine>;
  /** Peers whose messages came over DTLS. */
  readonly peers = new SecurePeers();
  /** CoAP over DTLS, where it is served. */
  readonly dtls: DtlsFront | undefined;
  readonly #passes: (datagrams: readonly Datagram[], way: Way) => void;

  constructor({ passes = () => {}, ...deps }: Deps) {
    const { config, rng, metrics, security } = deps;
    this.#passes = passes;
    const parameters = { ackTimeoutMs: (config.maxTransmitWaitS * 1_000) / ACK_TIMEOUTS_IN_TRANSMIT_WAIT };
    const engine = new CoapEngine({ rng, parameters, limits: { maxBodyBytes: config.maxBodyBytes } });
    showCoap(metrics, engine);
    this.driver = new EngineDriver(engine);
    this.dtls = security && new DtlsFront({ ...deps, security, peers: this.peers, received: this.receive });
  }

  /** Takes messages in the clear. */
  readonly receive = (datagrams: readonly Datagram[]): void => {
    this.#passes(datagrams, 'in');
    this.driver.receive(datagrams);
  };

  /** Sends by `plain`, and by `secure` what goes over DTLS. */
  attach(plain: Outlet | undefined, secure: Outlet | undefined): void {
    if (secure !== undefined) this.dtls?.attach(secure);
    this.driver.attach({ send: (batch) => this.#send(batch, plain) });
  }

  #send(batch: readonly Datagram[], plain: Outlet | undefined): void {
    this.#passes(batch, 'out');
    if (this.dtls === undefined) return plain?.send(batch);
    const secured = batch.filter(({ peer }) => isSecure(peer));
    if (secured.length > 0) this.dtls.send(secured);
    if (secured.length < batch.length) plain?.send(batch.filter(({ peer }) => !isSecure(peer)));
  }

  /** Nothing is sent or told any more. */
  close(): void {
    this.driver.close();
    this.dtls?.close();
  }
}
