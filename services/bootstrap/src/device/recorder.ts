/** Keeps each session that is over, tells of it on Kafka, and counts it. */
import { bootstrapSessionSummary, type BootstrapSessionView, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher } from '@cluster/events';
import type { BootstrapDesk, BootstrapSessionStore, DeviceNumber } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';

interface Deps {
  readonly store: BootstrapSessionStore;
  readonly desk: Pick<BootstrapDesk, 'finished'>;
  readonly publisher: Pick<EventPublisher, 'publish'>;
  /** Whose a device is. */
  readonly tenantOf: (number: DeviceNumber) => Promise<string>;
  readonly encoding: EventEncoding;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** One source for all processes: a session has one id. */
const SOURCE = '/lwm2m/bootstrap';
const BOUNDS = { perEndpoint: 10, inAll: 10_000 };

export class Recorder {
  readonly #deps: Deps;
  readonly #writing = new Set<Promise<void>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A session is over. `number`: of a device that is known; a session of nobody known is only listed. */
  keep(view: BootstrapSessionView, number: DeviceNumber | undefined): void {
    const { metrics, log } = this.#deps;
    const { outcome, reason = 'none' } = view;
    metrics.counter('lwm2m_bootstrap_sessions_total', 'Bootstrap sessions that ended, by outcome and reason', { outcome, reason }).inc();
    const writing = this.#write(view, number)
      .catch((err: unknown) => log.warn({ err, session: view.id }, 'a bootstrap session could not be kept or told of'))
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Resolves when all that was kept is written. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #write(view: BootstrapSessionView, number: DeviceNumber | undefined): Promise<void> {
    const { store, desk, publisher, tenantOf } = this.#deps;
    const { id, endpoint, outcome, reason } = view;
    const summary = bootstrapSessionSummary.parse(view);
    const bounds = number === undefined ? { ...BOUNDS, perEndpoint: 0 } : BOUNDS;
    await store.putBootstrapSession({ id, endpoint, outcome, record: JSON.stringify(view), summary: JSON.stringify(summary) }, bounds);
    const endedAtMs = Date.parse(view.endedAt ?? view.startedAt);
    if (number === undefined) return;
    if (outcome === 'finished' || outcome === 'failed') await desk.finished({ endpoint, number, outcome, reason, endedAtMs });
    await publisher.publish([this.#event(summary, endedAtMs, await tenantOf(number))]);
  }

  #event(data: ReturnType<typeof bootstrapSessionSummary.parse>, timeMs: number, tenant: string) {
    return buildEvent({
      topic: topics.bootstrap, type: eventTypes.bootstrapEnded, id: data.id, source: SOURCE, endpoint: data.endpoint, data, timeMs,
      encoding: this.#deps.encoding, tenant, generation: 0, fence: 0, sessionVersion: 0,
    });
  }
}
