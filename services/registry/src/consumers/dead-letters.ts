/** Where records go that can't be understood: they are counted, the first of a kind is logged, and all are kept if a topic for them is wired. */
import type { ConsumedRecord } from '@cluster/events';
import type { Log } from '@cluster/nest-kit';

/** A record that could not be understood, and why. */
export interface DeadLetter {
  readonly record: ConsumedRecord;
  readonly reason: string;
}

/** Keeps records in their dead-letter topics. Rejects if they could not be kept: they come again then. */
export interface DeadLetterSink {
  keep(letters: readonly DeadLetter[]): Promise<void>;
}

const MAX_KINDS = 1_000;

export class DeadLetters {
  readonly #log: Log;
  readonly #count: (topic: string) => void;
  readonly #sink: DeadLetterSink | undefined;
  readonly #told = new Set<string>();

  constructor(log: Log, count: (topic: string) => void, sink?: DeadLetterSink) {
    this.#log = log;
    this.#count = count;
    this.#sink = sink;
  }

  async bury(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await this.#sink?.keep(letters);
    for (const letter of letters) this.#tell(letter);
  }

  #tell({ record, reason }: DeadLetter): void {
    this.#count(record.topic);
    const kind = `${record.topic} ${reason}`;
    if (this.#told.has(kind) || this.#told.size >= MAX_KINDS) return;
    this.#told.add(kind);
    const { topic, partition, offset } = record;
    this.#log.warn({ topic, partition, offset, reason }, 'record can not be understood; further ones of this kind are only counted');
  }
}
