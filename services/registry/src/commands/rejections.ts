/** Tells on lwm2m.command-results which commands from Kafka were not queued, and why. */
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type CommandRejection, DEFAULT_TENANT, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type ConsumedRecord, type EventEncoding, type EventPublisher } from '@cluster/events';
import type { Asked } from './command-record.ts';

/** One for all replicas: a rejection that is told again has the same source and id. */
const SOURCE = '/lwm2m/registry';

@Injectable()
export class Rejections {
  readonly #publisher: Pick<EventPublisher, 'publish'>;
  readonly #encoding: EventEncoding;

  constructor(publisher: Pick<EventPublisher, 'publish'>, encoding: EventEncoding) {
    this.#publisher = publisher;
    this.#encoding = encoding;
  }

  /** Resolves when it is acknowledged. One that nobody can be told of is left to the dead letters. */
  async tell(record: ConsumedRecord, { endpoint, op, origin }: Asked, why: Pick<CommandRejection, 'code' | 'reason' | 'faults' | 'id'>): Promise<void> {
    if (endpoint === '') return;
    const data: CommandRejection = {
      endpoint,
      state: 'rejected',
      ...why,
      ...(op === undefined ? {} : { op }),
      ...(origin === undefined ? {} : { correlation: origin.id, correlationSource: origin.source }),
    };
    const event = buildEvent({
      topic: topics.commandResults, type: eventTypes.commandResult, id: rejectionId(record), source: SOURCE, endpoint, data,
      timeMs: Date.now(), encoding: this.#encoding,
      // It concerns no registration: nothing that a consumer knows is older than it.
      tenant: DEFAULT_TENANT, generation: 0, fence: 0, sessionVersion: 0,
    });
    await this.#publisher.publish([event]);
  }
}

/** The record's place is its own: two rejected commands are two events, whatever they call themselves. */
function rejectionId({ topic, partition, offset, value }: ConsumedRecord): string {
  return `rejected.${createHash('sha256').update(`${topic} ${partition} ${offset} `).update(value).digest('hex').slice(0, 32)}`;
}
