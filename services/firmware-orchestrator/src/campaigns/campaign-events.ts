/** Tells on lwm2m.firmware that a campaign changed its state, with its counts as they are then. */
import { type CampaignView, DEFAULT_TENANT, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher } from '@cluster/events';
import { SOURCE } from '../updates/firmware-events.ts';

export class CampaignEvents {
  readonly #publisher: Pick<EventPublisher, 'publish'>;
  readonly #encoding: EventEncoding;

  constructor(publisher: Pick<EventPublisher, 'publish'>, encoding: EventEncoding) {
    this.#publisher = publisher;
    this.#encoding = encoding;
  }

  /** Resolves when it is acknowledged. */
  async tell(view: CampaignView, { atMs, sequence }: { atMs: number; sequence: number }): Promise<void> {
    const event = buildEvent({
      topic: topics.firmware, type: eventTypes.campaignChanged, id: `${view.id}.${sequence}`, source: SOURCE, endpoint: view.id, data: view,
      timeMs: atMs, encoding: this.#encoding, tenant: view.tenant ?? DEFAULT_TENANT, generation: 0, fence: 0, sessionVersion: sequence,
    });
    await this.#publisher.publish([event]);
  }
}
