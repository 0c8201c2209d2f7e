/** Keeps the read model: the directory of endpoints and their last values. A record that comes again changes nothing. */
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type StreamedEvent, topics } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { ReadModelStore } from '@cluster/session';
import { receivedEvent } from '@cluster/nest-kit';
import { READ_MODEL, VALUES_PER_ENDPOINT } from '../tokens.ts';
import { DeadLetters, type DeadLetter } from './dead-letters.ts';
import { entryOf, valuesOf } from './projection.ts';

@Controller()
export class ReadModelConsumer {
  readonly #model: ReadModelStore;
  readonly #deadLetters: DeadLetters;
  readonly #maxPaths: number;

  constructor(@Inject(READ_MODEL) model: ReadModelStore, deadLetters: DeadLetters, @Inject(VALUES_PER_ENDPOINT) maxPaths: number) {
    this.#model = model;
    this.#deadLetters = deadLetters;
    this.#maxPaths = maxPaths;
  }

  @EventPattern(topics.registrations)
  async registrations(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    const entries = await this.#understand(records, entryOf);
    if (entries.length > 0) await this.#model.putEntries(entries);
  }

  @EventPattern(topics.notifications)
  async notifications(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#keepValues(records);
  }

  @EventPattern(topics.sends)
  async sends(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#keepValues(records);
  }

  @EventPattern(topics.commandResults)
  async commandResults(@Payload() records: readonly ConsumedRecord[]): Promise<void> {
    await this.#keepValues(records);
  }

  async #keepValues(records: readonly ConsumedRecord[]): Promise<void> {
    const values = await this.#understand(records, valuesOf);
    if (values.length > 0) await this.#model.putValues(values, this.#maxPaths);
  }

  /** What the records say; those that say nothing understandable are buried. */
  async #understand<T>(records: readonly ConsumedRecord[], read: (event: StreamedEvent) => T | undefined): Promise<T[]> {
    const understood: T[] = [];
    const dead: DeadLetter[] = [];
    for (const record of records) {
      try {
        const said = read(receivedEvent(record));
        if (said !== undefined) understood.push(said);
      } catch (error) {
        dead.push({ record, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    await this.#deadLetters.bury(dead);
    return understood;
  }
}
