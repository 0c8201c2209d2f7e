/** A worker's life: takes its lease, opens its sockets, sweeps, and drains when it is told to end. */
import { listen, type OpenSockets } from '@cluster/coap-kit';
import type { Config } from '@cluster/config';
import { topics } from '@cluster/contracts';
import { takes } from '@cluster/events';
import { assemble, type EdgeDeps, type Parts } from './assemble.ts';
import type { HealthParts, Readiness } from './http.ts';
import { reportOutages } from './outages.ts';

export interface Edge extends HealthParts {
  /** Where plain CoAP is served; undefined without NoSec. */
  readonly coapPort: number | undefined;
  /** Where CoAP over DTLS is served; undefined without a secret. */
  readonly coapsPort: number | undefined;
  /** Takes no more messages, lets what is under way end, gives up the lease. The stores stay open. */
  close(): Promise<void>;
}

/** How long what is under way may take to end, and how often it is asked whether it has. */
const DRAIN_MS = 5_000;
const DRAIN_POLL_MS = 20;
/** How often a store that is away at the start is tried. */
const LEASE_RETRY_MS = 1_000;

/** Starts a worker. Redis and Kafka need not be there yet: devices get 5.03 until they are. Rejects if a port is taken. */
export async function startEdge(config: Config, deps: EdgeDeps): Promise<Edge> {
  const parts = assemble(config, deps);
  if (config.networkIdentityFile !== undefined) await parts.identities.open(config.networkIdentityFile);
  const ports = { plain: config.noSec ? config.coapPort : undefined, secure: config.coapsPort };
  return liveOn(deps, parts, await listen(parts.front, ports, config, deps.metrics));
}

/** Lets an assembled worker live on a transport that is open already. */
export function liveOn(deps: EdgeDeps, parts: Parts, sockets: OpenSockets): Edge {
  return new Worker(deps, parts, sockets);
}

class Worker implements Edge {
  readonly #deps: EdgeDeps;
  readonly #parts: Parts;
  readonly #sockets: OpenSockets;
  readonly #undo: (() => unknown)[] = [];
  #phase: 'starting' | 'up' | 'draining' = 'starting';

  constructor(deps: EdgeDeps, parts: Parts, sockets: OpenSockets) {
    this.#deps = deps;
    this.#parts = parts;
    this.#sockets = sockets;
    parts.front.attach(sockets.plain, sockets.secure);
    this.#watch();
    this.#gauges();
    void this.#join();
  }

  get coapPort(): number | undefined {
    return this.#sockets.plain?.port;
  }

  get coapsPort(): number | undefined {
    return this.#sockets.secure?.port;
  }

  readiness(): Readiness {
    if (this.#phase !== 'up') return this.#phase;
    return this.#deps.publisher.available && this.#parts.lease.holds() ? 'ready' : 'degraded';
  }

  parts(): Record<string, string> {
    return {
      worker: this.#parts.worker,
      store: this.#parts.lease.holds() ? 'ok' : 'away',
      events: this.#events(),
    };
  }

  #events(): 'ok' | 'topics missing' | 'away' {
    const { available, missing } = this.#deps.publisher;
    if (!available) return 'away';
    return missing === undefined || missing.size === 0 ? 'ok' : 'topics missing';
  }

  /** Joins the cluster as soon as the store is there. */
  async #join(): Promise<void> {
    const { lease, sweeper, dispatcher, worker, templates, walk } = this.#parts;
    while (this.#phase === 'starting') {
      try {
        await templates.start();
        await lease.start();
        await this.#parts.front.dtls?.revocation.start();
        this.#undo.push(await this.#deps.cluster.onRing(worker, (number, queueOnly) => dispatcher.rung(number, queueOnly)));
        sweeper.start();
        walk.start();
        dispatcher.start();
        this.#phase = 'up';
      } catch (error) {
        this.#deps.log.warn({ err: error }, 'the store is not there yet');
        await sleep(LEASE_RETRY_MS);
      }
    }
  }

  /** What waited for the store or the brokers goes on when they are back. */
  #watch(): void {
    const { publisher, store, cluster, log } = this.#deps;
    const { refusals, dispatcher, clock, lease } = this.#parts;
    this.#undo.push(
      reportOutages({ hears: () => takes(publisher, topics.registrations), watch: (changed) => publisher.onAvailability(changed) }, cluster, clock),
      reportOutages({ hears: () => store.available, watch: (changed) => store.onAvailability(changed) }, cluster, clock),
      publisher.onAvailability(() => {
        const events = this.#events();
        log[events === 'ok' ? 'info' : 'warn']({ events }, events === 'ok' ? 'brokers acknowledge again' : 'brokers do not acknowledge all events');
        if (events === 'ok') void refusals.recovered().then(() => dispatcher.wakeAll());
      }),
      store.onAvailability((available, reason) => {
        lease.disturbed();
        if (available) log.info('the store answers again');
        else log.warn({ err: reason }, 'the store does not answer');
        if (available) dispatcher.wakeAll();
      }),
    );
  }

  #gauges(): void {
    const { metrics } = this.#deps;
    const { held, steps, dispatcher, refusals, templates } = this.#parts;
    const up = (part: 'store' | 'events') => () => (this.parts()[part] === 'away' ? 0 : 1);
    metrics.gauge('lwm2m_dependency_up', 'Whether Redis (store) and Kafka (events) answer this worker', up('store'), { part: 'store' });
    metrics.gauge('lwm2m_dependency_up', 'Whether Redis (store) and Kafka (events) answer this worker', up('events'), { part: 'events' });
    metrics.gauge('lwm2m_topics_missing', 'Topics of Kafka that are not there: their events are refused', () => this.#deps.publisher.missing?.size ?? 0);
    metrics.gauge('lwm2m_sessions_held', 'Sessions that this worker keeps in memory', () => held.size);
    metrics.gauge('lwm2m_devices_busy', 'Devices with a message under way', () => steps.busy);
    metrics.gauge('lwm2m_downlinks_active', 'Devices that requests are being sent to', () => dispatcher.active);
    metrics.gauge('lwm2m_reconcile_waiting', 'Devices that wait for their turn to be observed as they should', () => dispatcher.waiting);
    metrics.gauge('lwm2m_observation_templates', 'Observation templates that this worker holds', () => templates.size);
    metrics.gauge('lwm2m_network_identities', 'Addresses and prefixes whose identity the network told', () => this.#parts.identities.size);
    metrics.gauge('lwm2m_devices_refused', 'Devices whose notifications no broker took', () => refusals.size);
  }

  async close(): Promise<void> {
    this.#phase = 'draining';
    const { dispatcher, sweeper, steps, lease, front, templates, walk } = this.#parts;
    this.#parts.presence.close();
    this.#parts.identities.close();
    await dispatcher.close();
    templates.stop();
    await walk.stop();
    await sweeper.stop();
    await this.#drain(() => steps.busy === 0);
    await lease.stop();
    await this.#parts.front.dtls?.revocation.stop();
    for (const undo of this.#undo) await undo();
    front.close();
    await this.#sockets.plain?.close();
    await this.#sockets.secure?.close();
  }

  async #drain(done: () => boolean): Promise<void> {
    const endMs = this.#parts.clock.monotonicMs() + DRAIN_MS;
    // The answers of the last messages leave with the turn of the event loop after their commit.
    while (!done() && this.#parts.clock.monotonicMs() < endMs) await sleep(DRAIN_POLL_MS);
    await sleep(DRAIN_POLL_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
