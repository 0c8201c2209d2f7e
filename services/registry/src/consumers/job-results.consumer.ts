/** Brings the results of commands to the jobs that they belong to. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import { JobResults } from '../jobs/job-results.ts';

@Controller()
export class JobResultsConsumer {
  readonly #results: JobResults;

  constructor(results: JobResults) {
    this.#results = results;
  }

  @EventPattern(topics.commandResults)
  async commandResults(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#results.take(records);
  }
}
