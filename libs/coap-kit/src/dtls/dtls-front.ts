/**
 * CoAP over DTLS: drives the DTLS engine between its socket and the CoAP engine. Datagrams come in and go out in batches;
 * what happens on an association that this worker holds asks nobody.
 */
import type { Config } from '@cluster/config';
import { DtlsServer, startSignatureCheck, type Credential, type DtlsQuestion, type DtlsServerEvent, type TrustStore } from '@cluster/dtls';
import {
  AssociationKeeper, CredentialLookup, distrust, EndpointNumbers, PeerVerdicts, RevocationWatch, type ClusterStore, type CredentialUse, type Rng, type SessionStore,
} from '@cluster/session';
import type { Metrics } from '@cluster/telemetry';
import { EngineDriver, type Datagram } from '@cluster/transport';
import type { WorkerClock } from '../clock.ts';
import { addressName, Answers } from './answers.ts';
import { showDtls } from './dtls-metrics.ts';
import { HelloBudget } from './hello-budget.ts';
import { PublicKeyPool } from './public-key-pool.ts';
import { ENDINGS, Revocation } from './revocation.ts';
import type { SecurePeers } from './secure-peers.ts';
import type { DtlsSecurity } from './security.ts';
import { publicKeyLimits, SEND_BLOCK, serverOptions } from './server-options.ts';

interface Deps {
  readonly config: Config;
  readonly security: DtlsSecurity;
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly clock: WorkerClock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly peers: SecurePeers;
  /** The interface that devices are served with here: credentials of another one do not count. */
  readonly use: CredentialUse;
  /** Takes the plaintext of one turn. */
  readonly received: (datagrams: readonly Datagram[]) => void;
}

const CACHED_CREDENTIALS = 20_000;
/** Such devices often come from another port with each handshake: no address is kept for long. */
const ADDRESS_TTL_MS = 86_400_000;
/** RFC 7252 §3: the code's class is 0, its detail is not. */
const LAST_REQUEST_CODE = 31;

/**
 * A request in a record that a former worker may have had already is not carried out: its device repeats it in a new
 * record, an attacker can only repeat the old one. A notification may come twice, as one event.
 */
function isRequest(bytes: Uint8Array): boolean {
  const code = bytes[1] ?? 0;
  return code > 0 && code <= LAST_REQUEST_CODE;
}

export class DtlsFront {
  readonly revocation: Revocation;
  readonly #deps: Deps;
  readonly #driver: EngineDriver<DtlsServer>;
  readonly #answers: Answers;
  readonly #keeper: AssociationKeeper;
  readonly #lookup: CredentialLookup;
  readonly #watch: RevocationWatch;
  readonly #hellos: HelloBudget;
  readonly #pool: PublicKeyPool;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { config, security, sessions, clock, peers, rng } = deps;
    const { store, secrets: { sealer } } = security;
    const nowMs = () => clock.storeMs();
    const limits = { perSource: config.dtlsSourceHellosPerS, inAll: config.dtlsHellosPerS };
    const overBudget = (budget: string) => this.#count('lwm2m_dtls_hellos_dropped_total', 'ClientHellos dropped beyond a budget', budget);
    this.#hellos = new HelloBudget(limits, () => clock.monotonicMs(), overBudget);
    const engine = new DtlsServer(serverOptions(config, security));
    this.#pool = new PublicKeyPool(publicKeyLimits(config));
    showDtls(deps.metrics, engine, this.#pool);
    this.#driver = new EngineDriver(engine);
    this.#lookup = new CredentialLookup({ store, sessions, sealer, cacheEntries: CACHED_CREDENTIALS, use: deps.use });
    this.#watch = new RevocationWatch(this.#lookup);
    this.#keeper = new AssociationKeeper({
      store, sealer, rng,
      areLive: (credentials) => this.#areLive(credentials),
      ttlMs: config.dtlsIdleS * 1_000,
      sendBlock: SEND_BLOCK,
      nowMs: () => clock.monotonicMs(),
      abandoned: () => this.#count('lwm2m_dtls_abandoned_total', 'Associations given up since the store contradicts what it had told', 'lost-write'),
    });
    const run = (work: (engine: DtlsServer, nowMs: number) => void) => this.#driver.run(work);
    const ticketLifetimeMs = config.dtlsTicketLifetimeS * 1_000;
    this.#answers = new Answers({
      keeper: this.#keeper, areLive: (credentials) => this.#areLive(credentials), verdicts: this.#verdicts(), pool: this.#pool, sessions, peers, nowMs, ticketLifetimeMs, run,
      addressLookupsPerS: config.dtlsAddressLookupsPerS,
      overBudget: () => this.#count('lwm2m_dtls_address_lookups_dropped_total', 'Records without a Connection ID beyond the budget of lookups by address', 'all'),
    });
    this.revocation = new Revocation({ watch: this.#watch, cluster: deps.cluster, nowMs, end: (associations, why) => this.#end(associations, why) });
    this.#driver.onEvents((events) => this.#happened(events));
    security.onFiles(({ trust }) => this.#endDistrusted(trust));
  }

  /** Whether what was made with credentials still holds: as the store has them, and as revocation lists say. */
  async #areLive(credentials: readonly Credential[]): Promise<boolean[]> {
    const { trust } = this.#deps.security.files();
    const live = await this.#lookup.areLive(credentials, this.#deps.clock.storeMs());
    return credentials.map((credential, i) => live[i] === true && distrust(credential, trust) === undefined);
  }

  /** Where records go. */
  attach(transport: { send(datagrams: readonly Datagram[]): void }): void {
    this.#driver.attach(transport);
  }

  /** Takes a batch from the socket. */
  readonly receive = (datagrams: readonly Datagram[]): void => this.#driver.receive(this.#hellos.admitted(datagrams));

  /** Sends CoAP messages, each by the association of its peer. */
  send(datagrams: readonly Datagram[]): void {
    this.#driver.run((engine) => {
      for (const { peer, bytes } of datagrams) {
        const to = this.#deps.peers.live(peer);
        const result = to === undefined ? 'unknown' : engine.send(to.association, bytes);
        if (result !== 'sent' && result !== 'queued') this.#count('lwm2m_dtls_unsent_total', 'Messages that no association could take', result);
      }
    });
  }

  /**
   * The device got what it came for, so that it needs no former credential: those that this one replaced are over. Where
   * that can not be stored, the next time does it.
   */
  served(name: string): void {
    const peer = this.#deps.peers.live(name);
    if (peer === undefined || peer.served) return;
    peer.served = true;
    this.#lookup.used(peer.credential, this.#deps.clock.storeMs()).catch(() => (peer.served = false));
  }

  close(): void {
    this.#driver.close();
  }

  #happened(events: readonly DtlsServerEvent[]): void {
    const plain: Datagram[] = [];
    const questions: DtlsQuestion[] = [];
    for (const event of events) {
      if (event.kind === 'data') this.#data(event, plain);
      else if ('question' in event) questions.push(event);
      else this.#occurred(event);
    }
    if (questions.length > 0) this.#answers.answer(questions);
    if (plain.length > 0) this.#deps.received(plain);
  }

  #data({ association, bytes, fresh }: Extract<DtlsServerEvent, { kind: 'data' }>, plain: Datagram[]): void {
    const from = this.#deps.peers.byAssociation(association);
    if (from === undefined) return;
    from.fresh = fresh;
    if (!fresh && isRequest(bytes)) return this.#count('lwm2m_dtls_unsure_requests_total', 'Requests that a former worker may have carried out', 'not-fresh');
    plain.push({ peer: from.name, bytes });
  }

  #occurred(event: Exclude<DtlsServerEvent, DtlsQuestion | { kind: 'data' }>): void {
    switch (event.kind) {
      case 'established':
        return this.#established(event);
      case 'closed':
        return this.#closed(event);
      case 'address-changed':
        return this.#moved(event);
      case 'refused': // the engine counts it
    }
  }

  #established(event: Extract<DtlsServerEvent, { kind: 'established' }>): void {
    const { association, credential, cid, cidAgreed, peer } = event;
    this.#deps.peers.established(event);
    this.#watch.established(association, credential);
    this.#answers.establish(association, cid);
    if (!cidAgreed) this.#bind(peer, credential.deviceNumber);
  }

  /** Without a Connection ID another worker finds the association by its address only. */
  #bind(peer: string, number: string): void {
    const ttlMs = Math.min(ADDRESS_TTL_MS, this.#deps.config.dtlsIdleS * 1_000);
    this.#deps.sessions.bindAddresses([{ peer: addressName(peer), number, ttlMs }]).catch(() => undefined);
  }

  #moved({ association, to }: Extract<DtlsServerEvent, { kind: 'address-changed' }>): void {
    const { peers } = this.#deps;
    peers.moved(association, to);
    const peer = peers.byAssociation(association);
    // Where it can't be stored, the next owner learns it from the device's next record.
    if (peer !== undefined) this.#keeper.advance(peer.cid, { peer: to }, () => undefined);
  }

  #closed({ association, reason }: Extract<DtlsServerEvent, { kind: 'closed' }>): void {
    const peer = this.#deps.peers.closed(association);
    if (peer === undefined) return;
    this.#watch.closed(association, peer.number);
    this.#count('lwm2m_dtls_closed_total', 'Associations that left this worker', reason);
    const over = reason === 'close-notify' || reason === 'peer-alert' || reason === 'closed' || reason === 'sequence-numbers';
    if (!over) return this.#keeper.forget(peer.cid);
    const resumable = reason === 'close-notify' || reason === 'sequence-numbers';
    this.#keeper.end(peer.cid, { resumable }).catch(() => undefined); // else it ends for want of use
  }

  #end(associations: readonly number[], why: keyof typeof ENDINGS): void {
    this.#driver.run((engine) => {
      for (const association of associations) {
        this.#count('lwm2m_dtls_ended_total', 'Associations whose credential holds no more', why);
        engine.close(association, ENDINGS[why]);
      }
    });
  }

  #endDistrusted(trust: TrustStore): void {
    for (const { association, credential } of this.#deps.peers.all) {
      const why = distrust(credential, trust);
      if (why !== undefined) this.#end([association], why);
    }
  }

  #verdicts(): PeerVerdicts {
    const { config, security, sessions, cluster, rng } = this.#deps;
    return new PeerVerdicts({
      lookup: this.#lookup,
      devices: new EndpointNumbers({ sessions, cluster, rng }),
      policy: () => ({ trust: security.files().trust, requireRevocationLists: config.dtlsCrlRequired }),
      check: (check) =>
        new Promise((checked) => {
          this.#pool.goOn((done) =>
            startSignatureCheck(check, (valid) => {
              done();
              checked(valid);
            }),
          );
        }),
      refused: (reason) => this.#count('lwm2m_dtls_peers_refused_total', 'Peers that were not who they must be', reason),
    });
  }

  /** The reason comes from this program alone. */
  #count(name: string, help: string, reason: string): void {
    this.#deps.metrics.counter(name, help, { reason }).inc();
  }
}
