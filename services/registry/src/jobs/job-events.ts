/** Tells on lwm2m.jobs that a job changed its state, with its counts as they are then. */
import { DEFAULT_TENANT, eventTypes, type JobView, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher } from '@cluster/events';

/** One for all replicas: a change that is told again has the same source and id. */
const SOURCE = '/lwm2m/registry';

export class JobEvents {
  readonly #publisher: Pick<EventPublisher, 'publish'>;
  readonly #encoding: EventEncoding;

  constructor(publisher: Pick<EventPublisher, 'publish'>, encoding: EventEncoding) {
    this.#publisher = publisher;
    this.#encoding = encoding;
  }

  /** Resolves when it is acknowledged. */
  async tell(view: JobView, { atMs, sequence }: { atMs: number; sequence: number }): Promise<void> {
    const event = buildEvent({
      topic: topics.jobs, type: eventTypes.jobChanged, id: `${view.id}.${sequence}`, source: SOURCE, endpoint: view.id, data: view,
      timeMs: atMs, encoding: this.#encoding, tenant: view.tenant ?? DEFAULT_TENANT, generation: 0, fence: 0, sessionVersion: sequence,
    });
    await this.#publisher.publish([event]);
  }
}
