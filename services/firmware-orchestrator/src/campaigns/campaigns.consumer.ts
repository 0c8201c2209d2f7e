/** What the topics tell campaigns: where updates stand, and which devices were heard. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { eventTypes, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { understood } from '../updates/received.ts';
import { CampaignResults } from './campaign-results.ts';

const HEARD: readonly (string | undefined)[] = [eventTypes.registered, eventTypes.awake];

@Controller()
export class CampaignsConsumer {
  readonly #results: CampaignResults;

  constructor(results: CampaignResults) {
    this.#results = results;
  }

  @EventPattern(topics.firmware)
  async updates(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#results.take(records);
  }

  @EventPattern(topics.registrations)
  async registrations(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    const heard = understood(records.filter(({ headers }) => HEARD.includes(headers['ce_type'])));
    await this.#results.heard(heard.map(({ endpoint }) => endpoint));
  }
}
