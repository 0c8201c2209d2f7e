/** Tells on lwm2m.firmware each stage that a device's update enters. */
import { eventTypes, type FirmwareChangedValue, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher, type EventRecord } from '@cluster/events';
import { campaignOfUpdate } from '@cluster/fleet';
import type { firmware } from '@cluster/lwm2m';

/** One for all replicas: a transition that is told again has the same source and id. */
const SOURCE = '/lwm2m/firmware';

export class FirmwareEvents {
  readonly #publisher: Pick<EventPublisher, 'publish'>;
  readonly #encoding: EventEncoding;

  constructor(publisher: Pick<EventPublisher, 'publish'>, encoding: EventEncoding) {
    this.#publisher = publisher;
    this.#encoding = encoding;
  }

  /** Resolves when all transitions that are not known to be told are acknowledged. */
  async tell(endpoint: string, update: firmware.FirmwareUpdate): Promise<void> {
    await this.#publisher.publish(update.untold.map((transition) => this.#event(endpoint, update, transition)));
  }

  #event(endpoint: string, update: firmware.FirmwareUpdate, { sequence, stage, from, atMs, reason, result, failure }: firmware.FirmwareTransition): EventRecord {
    const campaign = campaignOfUpdate(update.id)?.campaign;
    const data: FirmwareChangedValue = {
      endpoint, update: update.id, package: update.package.id, version: update.package.version, stage,
      ...(from === undefined ? {} : { from }), at: new Date(atMs).toISOString(), reason, ...(result === undefined ? {} : { result }),
      ...(failure === undefined ? {} : { failure }), ...(campaign === undefined ? {} : { campaign }),
    };
    return buildEvent({
      topic: topics.firmware, type: eventTypes.firmwareChanged, id: `${update.id}.${sequence}`, source: SOURCE, endpoint, data,
      timeMs: atMs, encoding: this.#encoding, tenant: 'default', generation: 0, fence: 0, sessionVersion: sequence,
    });
  }
}
