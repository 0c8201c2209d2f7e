/** Puts the parts of a worker together; starts none of them. */
import { randomUUID } from 'node:crypto';
import { Code, type CoapEngine, formatCode } from '@cluster/coap';
import { blocksFor, CertificateNews, CoapFront, type DtlsSecurity, EstResource, SystemRng, toldCertificates, WorkerClock } from '@cluster/coap-kit';
import type { Config, HeldAuthority } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { takes, type EventPublisher } from '@cluster/events';
import type { PackageReader } from '@cluster/firmware';
import type { ObjectModel } from '@cluster/lwm2m';
import { CachedReader } from '@cluster/package-storage';
import type { CertificateStore } from '@cluster/pki';
import type { KeyRing } from '@cluster/secrets';
import type { ClusterStore, Rng, SessionRecord, SessionStore } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import type { EngineDriver } from '@cluster/transport';
import { ByteMeter } from './byte-meter.ts';
import { EdgeCounters } from './counters.ts';
import { DeviceSteps } from './device-steps.ts';
import { DomainEvents } from './domain-events.ts';
import { CommandRunner } from './downlink/command-runner.ts';
import { Dispatcher } from './downlink/dispatcher.ts';
import { Exchanges } from './downlink/exchanges.ts';
import { MuteRunner } from './downlink/mute-runner.ts';
import { ObservationRunner } from './downlink/observation-runner.ts';
import { PackageBlocks } from './downlink/package-blocks.ts';
import { Pace } from './downlink/pace.ts';
import { PutOff } from './downlink/put-off.ts';
import { Settler } from './downlink/settler.ts';
import { Turns } from './downlink/turns.ts';
import { UnaskedResponses } from './downlink/unasked-responses.ts';
import { EndedRegistrations } from './ended-registrations.ts';
import { isAtHome } from './files/at-home.ts';
import { FileServer } from './files/file-server.ts';
import { HeldSessions } from './held-sessions.ts';
import { HeldTemplates } from './held-templates.ts';
import { NetworkIdentities } from './network-identities.ts';
import { Presence } from './presence.ts';
import { Refusals } from './refusals.ts';
import { refusalOf } from './session-change.ts';
import { Sweeper } from './sweeper.ts';
import { TemplateWalk } from './template-walk.ts';
import { Traces } from './traces.ts';
import { AddressBindings } from './uplink/address-bindings.ts';
import { ResetBudget } from './uplink/reset-budget.ts';
import { Router } from './uplink/router.ts';
import type { Uplink } from './uplink/uplink.ts';
import { WorkerLease } from './worker-lease.ts';

/** What the worker runs on: ports, and whether the store behind them answers. */
export interface EdgeDeps {
  readonly sessions: SessionStore;
  readonly cluster: ClusterStore;
  readonly store: { readonly available: boolean; onAvailability(listener: (available: boolean, reason?: Error) => void): () => void };
  readonly publisher: EventPublisher;
  /** Without it no DTLS is served. */
  readonly security?: DtlsSecurity;
  /** Firmware packages, which are pushed and, with a ring to open links with, served. */
  readonly packages?: { readonly reader: PackageReader; readonly ring?: KeyRing | undefined } | undefined;
  /** Without it devices renew no certificates here. */
  readonly issuing?: { readonly authority: HeldAuthority; readonly certificates: CertificateStore };
  readonly model: ObjectModel;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Says whether to trace the next message; none unless told. */
  readonly sample?: () => boolean;
  /** Where random numbers and fresh ids come from; the machine's own unless told. */
  readonly rng?: Rng;
  readonly newId?: () => string;
}

/** The parts that have to be started, watched and stopped. */
export interface Parts {
  readonly worker: string;
  readonly clock: WorkerClock;
  readonly front: CoapFront;
  readonly driver: EngineDriver<CoapEngine>;
  readonly held: HeldSessions;
  readonly steps: DeviceSteps;
  readonly presence: Presence;
  readonly identities: NetworkIdentities;
  readonly lease: WorkerLease;
  readonly dispatcher: Dispatcher;
  readonly refusals: Refusals;
  readonly sweeper: Sweeper;
  readonly templates: HeldTemplates;
  readonly walk: TemplateWalk;
}

export function assemble(config: Config, deps: EdgeDeps): Parts {
  const worker = config.workerId ?? randomUUID();
  const clock = new WorkerClock();
  const rng = deps.rng ?? new SystemRng();
  const events = new DomainEvents(worker, { encoding: config.eventEncoding, payload: config.eventPayload });
  const held = new HeldSessions(config.cacheSessions);
  const identities = new NetworkIdentities(config.networkIdentity, deps.log);
  const presence = new Presence({ mayTell: () => takes(deps.publisher, topics.registrations), clock, maxTransmitWaitMs: config.maxTransmitWaitS * 1_000 });
  const meter = new ByteMeter(clock, config.cacheSessions, (peer, way) => front.peers.live(peer)?.overhead[way] ?? 0);
  const lease = new WorkerLease({ cluster: deps.cluster, clock, worker, log: deps.log });
  const { sessions, cluster, publisher, metrics, security, log } = deps;
  const front: CoapFront = new CoapFront({ config, sessions, cluster, security, use: 'management', clock, rng, metrics, passes: (datagrams, way) => meter.count(datagrams, way) });
  const { driver, peers: secure } = front;
  const traces = new Traces(deps.sample ?? (() => false));
  const counters = new EdgeCounters(deps.metrics);
  const steps = new DeviceSteps({
    sessions, publisher, held, log,
    pendingEvents: (number, version, record) => events.pending(number, version, record),
    changeEvent: (number, version, record) => events.endpointChanged(number, version, record),
    stamped: (record, device) => meter.stamped(presence.stamped(record, device), device),
    finish: (work) => driver.run(work),
    taken: (before, number) => {
      // Only a hint, that the former owner need not find out by a conflict.
      void deps.cluster.ring([{ worker: before.owner, number }]).catch(() => undefined);
      refusals.taken(number, before);
    },
    refused: (cause) => counters.refusedStep(cause),
  });
  presence.attach(steps);
  const templates = new HeldTemplates({ documents: deps.cluster, limit: config.maxObservations, log });
  const uplink: Uplink = {
    ...engineSide(driver, traces),
    settings: settingsOf(config, worker),
    sessions, publisher, held, presence, identities, meter, events, clock, rng, templates, secure,
    served: (peer) => front.dtls?.served(peer),
    resets: new ResetBudget(() => clock.monotonicMs()),
    model: deps.model,
    est: estResource(config, deps, rng),
    counters,
    bindings: new AddressBindings(sessions, (count) => counters.lostHints.add(count)),
    heard(session) {
      refusals.heard(session);
      // A record that a former worker may have had already tells nothing of where the device is now.
      if (secure.live(session.record.peer)?.fresh !== false) dispatcher.heard(session);
    },
    refused: (number, sinceMs) => refusals.mark(number, sinceMs),
  };
  const packages = deps.packages && new CachedReader(deps.packages.reader, { stretchBytes: STRETCH_BYTES, mostBytes: config.firmwareCacheBytes });
  const blocks = new PackageBlocks(packages, rng);
  const { dispatcher, unasked } = assembleDownlink(config, uplink, { steps, driver, lease, blocks, newId: deps.newId ?? randomUUID });
  const refusals = new Refusals({ steps, publisher, clock, events, cluster: deps.cluster, wake: (number) => dispatcher.wake(number) });
  const router = new Router(uplink, unasked, steps, traces, fileServer(packages, deps, uplink));
  driver.onEvents((coapEvents) => {
    dispatcher.ended(coapEvents);
    router.route(coapEvents);
  });
  const maxTransmitWaitMs = (record: SessionRecord) => presence.windowMs(record);
  const ended = new EndedRegistrations({ sessions, cluster: deps.cluster, steps, events, clock, worker, maxTransmitWaitMs });
  const sweeper = new Sweeper({
    sessions, publisher, steps, presence, ended, clock, lease, worker, log, templates,
    cluster: deps.cluster,
    graceMs: config.expiryGraceS * 1_000,
    serve: (number) => dispatcher.rung(number),
  });
  const walk = new TemplateWalk({
    sessions, templates, clock, log,
    cluster: deps.cluster,
    shards: () => sweeper.shards,
    ring: (number, record) => sweeper.call(number, record),
  });
  return { worker, clock, front, driver, identities, held, steps, presence, lease, dispatcher, refusals, sweeper, templates, walk };
}

/** Blocks of all sizes lie within a stretch; one read brings those of some seconds of one device. */
const STRETCH_BYTES = 65_536;

function fileServer(reader: CachedReader | undefined, { packages }: EdgeDeps, uplink: Uplink): FileServer | undefined {
  if (reader === undefined || packages?.ring === undefined) return undefined;
  const { clock, counters, respond, rng } = uplink;
  return new FileServer({
    reader,
    rng,
    ring: packages.ring,
    nowS: () => clock.storeMs() / 1_000,
    isAtHome: (device, peer) => isAtHome(uplink, device, peer),
    respond,
    counters: { served: () => counters.blocksServed.add(1), refused: (why) => counters.refused('file', why) },
  });
}

function estResource(config: Config, { issuing, security, sessions, cluster, publisher, metrics, log }: EdgeDeps, rng: Rng): EstResource | undefined {
  if (issuing === undefined || security === undefined) return undefined;
  const news = new CertificateNews({ publisher, sessions, encoding: config.eventEncoding, metrics, log });
  return new EstResource({ config, authority: issuing.authority, certificates: toldCertificates(issuing.certificates, news), credentials: security.store, secrets: security.secrets, sessions, cluster, rng, metrics, log });
}

function settingsOf(config: Config, worker: string): Uplink['settings'] {
  return {
    worker,
    graceMs: config.expiryGraceS * 1_000,
    egress: config.egress,
    unknownParameters: config.unknownParameters,
    nosecRebind: config.noSecRebind,
  };
}

function engineSide(
  driver: EngineDriver<CoapEngine>, traces: Traces,
): Pick<Uplink, 'respond' | 'acknowledge' | 'reject' | 'abandon'> {
  return {
    respond(exchange, response) {
      driver.run((engine, nowMs) => engine.respond(nowMs, exchange, response));
      traces.ended(exchange, formatCode(response.code), response.code >= Code.INTERNAL_SERVER_ERROR);
    },
    acknowledge(exchange) {
      driver.run((engine, nowMs) => engine.acknowledge(nowMs, exchange));
      traces.ended(exchange, 'acknowledged', false);
    },
    reject(exchange) {
      driver.run((engine, nowMs) => engine.reject(nowMs, exchange));
      traces.ended(exchange, 'rejected', false);
    },
    abandon(exchange) {
      driver.run((engine) => engine.abandon(exchange));
      traces.ended(exchange, 'unanswered', true);
    },
  };
}

interface DownlinkParts {
  readonly steps: DeviceSteps;
  readonly driver: EngineDriver<CoapEngine>;
  readonly lease: WorkerLease;
  readonly blocks: PackageBlocks;
  readonly newId: () => string;
}

function assembleDownlink(config: Config, uplink: Uplink, { steps, driver, lease, blocks, newId }: DownlinkParts): { dispatcher: Dispatcher; unasked: UnaskedResponses } {
  const exchanges = new Exchanges({
    withEngine: (work) => driver.run(work),
    maxBodyBytes: config.maxBodyBytes,
    transmission: (record) => ({ ...blocksFor(uplink.secure.live(record.peer)), ...uplink.presence.transmission(record) }),
  });
  const { sessions } = uplink;
  const settler = new Settler(sessions, (error) => refusalOf(error) === undefined && uplink.counters.failures.inc());
  const wake = (number: string) => dispatcher.wake(number);
  const putOff = new PutOff(uplink, wake);
  const commands = new CommandRunner({ uplink, steps, sessions, exchanges, settler, blocks, wake, mayGoOn: (held) => dispatcher.mayGoOn(held) });
  const dispatcher: Dispatcher = new Dispatcher({
    uplink, steps, sessions, exchanges, settler, commands,
    turns: new Turns(config.maxExchanges),
    observations: new ObservationRunner({ uplink, steps, exchanges, putOff }),
    muting: new MuteRunner({ uplink, steps, exchanges, putOff, shortServerId: config.shortServerId }),
    pace: new Pace({ perSecond: config.reconcilePerS, nowMs: () => uplink.clock.monotonicMs(), wake }),
    tickMs: config.tickMs,
    mayTransmit: () => lease.holds(),
  });
  return { dispatcher, unasked: new UnaskedResponses({ uplink, steps, sessions, exchanges, commands, newId, wake }) };
}
