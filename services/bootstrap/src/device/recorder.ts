/** Keeps each session while it is under way and when it is over, tells of its end on Kafka, and counts it. */
import { bootstrapSessionSummary, type BootstrapSessionSummary, type BootstrapSessionView, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher } from '@cluster/events';
import type { BootstrapDesk, BootstrapSessionStore, DeviceNumber } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';
import { encodeOpen } from './open-session.ts';

interface Deps {
  readonly store: BootstrapSessionStore;
  readonly desk: Pick<BootstrapDesk, 'finished'>;
  readonly publisher: Pick<EventPublisher, 'publish'>;
  /** The endpoint that has the number, and whose it is. */
  readonly deviceOf: (number: DeviceNumber) => Promise<{ readonly endpoint?: string; readonly tenant: string }>;
  readonly encoding: EventEncoding;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** One source for all processes: a session has one id. */
const SOURCE = '/lwm2m/bootstrap';
/** A session may take as long as its device waits: 247 s. */
const DURATION_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240];
const BOUNDS = { perEndpoint: 10, inAll: 10_000 };
const MOST_OPEN = 100_000;

export class Recorder {
  readonly #deps: Deps;
  readonly #writing = new Set<Promise<void>>();
  /** Beginnings of sessions under way: what tells an end waits for its own. */
  readonly #begun = new Map<string, Promise<void>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A session begins: should this process end before it, others find it. */
  begins(view: BootstrapSessionView, number: DeviceNumber): void {
    const { store, log } = this.#deps;
    const begun = store.openBootstrapSession({ id: view.id, record: encodeOpen({ view, number }) }, MOST_OPEN)
      .catch((err: unknown) => log.debug({ err, session: view.id }, 'the beginning of a bootstrap session could not be kept'));
    this.#begun.set(view.id, begun);
  }

  /** A session is over. */
  keep(view: BootstrapSessionView, number: DeviceNumber): void {
    this.#keep(view, () => this.#write(view, number));
  }

  /** A request was refused. It is only listed: anybody can ask. `number`: of the device that it is about. */
  refused(view: BootstrapSessionView, number: DeviceNumber | undefined): void {
    this.#keep(view, async () => {
      const { endpoint = '', ...tenant } = number === undefined ? {} : await this.#deps.deviceOf(number);
      await this.#store({ ...view, ...tenant, endpoint: view.endpoint === '' ? endpoint : view.endpoint }, { ...BOUNDS, perEndpoint: 0 });
    });
  }

  #keep(view: BootstrapSessionView, write: () => Promise<void>): void {
    const { metrics, log } = this.#deps;
    const { outcome, reason = 'none' } = view;
    metrics.counter('lwm2m_bootstrap_sessions_total', 'Bootstrap sessions that ended, by outcome and reason', { outcome, reason }).inc();
    const tookMs = Date.parse(view.endedAt ?? view.startedAt) - Date.parse(view.startedAt);
    metrics.histogram('lwm2m_bootstrap_session_seconds', 'Time that bootstrap sessions took, from the request on', DURATION_BUCKETS, { outcome }).observe(tookMs / 1_000);
    const writing = write()
      .catch((err: unknown) => log.warn({ err, session: view.id }, 'a bootstrap session could not be kept or told of'))
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Resolves when all that was kept is written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #write(view: BootstrapSessionView, number: DeviceNumber): Promise<void> {
    const { desk, publisher, deviceOf } = this.#deps;
    const { id, endpoint, outcome, reason } = view;
    await this.#begun.get(id);
    this.#begun.delete(id);
    const { tenant } = view.tenant === undefined ? await deviceOf(number) : { tenant: view.tenant };
    const summary = await this.#store({ ...view, tenant }, BOUNDS);
    const endedAtMs = Date.parse(view.endedAt ?? view.startedAt);
    if (outcome === 'finished' || outcome === 'failed') await desk.finished({ endpoint, number, outcome, reason, endedAtMs });
    await publisher.publish([this.#event(summary, endedAtMs, tenant)]);
  }

  async #store(view: BootstrapSessionView, bounds: typeof BOUNDS): Promise<BootstrapSessionSummary> {
    const { id, endpoint, outcome } = view;
    const summary = bootstrapSessionSummary.parse(view);
    await this.#deps.store.putBootstrapSession({ id, endpoint, outcome, record: JSON.stringify(view), summary: JSON.stringify(summary) }, bounds);
    return summary;
  }

  #event(data: BootstrapSessionSummary, timeMs: number, tenant: string) {
    return buildEvent({
      topic: topics.bootstrap, type: eventTypes.bootstrapEnded, id: data.id, source: SOURCE, endpoint: data.endpoint, data, timeMs,
      encoding: this.#deps.encoding, tenant, generation: 0, fence: 0, sessionVersion: 0,
    });
  }
}
