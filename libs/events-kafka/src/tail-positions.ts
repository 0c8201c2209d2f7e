/** Where a tail stands in each partition, from its start through rejoins and restarts of its consumer. */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, Positions } from '@cluster/events';
import type { PartitionRange } from './admin.ts';

type RetentionListener = (topic: Topic, partition: number) => void;

export class TailPositions {
  /** topic → partition → offset of the next record. */
  readonly #next = new Map<string, Map<number, bigint>>();
  readonly #onRetentionPassed: RetentionListener;

  /** Starts at `from` where a record from there on can still be read, at the earliest where not, at the end unless told. */
  constructor(
    ranges: ReadonlyMap<string, readonly PartitionRange[]>, from: Positions, onRetentionPassed: RetentionListener = () => {},
  ) {
    this.#onRetentionPassed = onRetentionPassed;
    for (const [topic, partitions] of ranges) {
      const starts = partitions.map((range) => [range.partition, this.#start(topic, range, from)] as const);
      this.#next.set(topic, new Map(starts));
    }
  }

  /** The topic is gone: what is made in its place is read from its beginning. */
  restart(topic: Topic): void {
    const partitions = this.#next.get(topic);
    if (partitions === undefined) return;
    for (const partition of partitions.keys()) this.#onRetentionPassed(topic, partition);
    this.#next.set(topic, new Map());
  }

  /** Where to seek in the partitions that a join assigned. One that appeared after the start is read from its beginning. */
  seeks(assignment: Readonly<Record<string, readonly number[]>>): { topic: string; partition: number; offset: string }[] {
    return Object.entries(assignment).flatMap(([topic, partitions]) => (
      partitions.map((partition) => ({ topic, partition, offset: String(this.#next.get(topic)?.get(partition) ?? 0n) }))
    ));
  }

  /** Tells when a batch does not start where the last one ended: what was between is gone. */
  check({ topic, partition, offset }: ConsumedRecord): void {
    const expected = this.#next.get(topic)?.get(partition) ?? 0n;
    if (BigInt(offset) !== expected) this.#onRetentionPassed(topic, partition);
    this.advance(topic, partition, offset);
  }

  advance(topic: string, partition: number, offset: string): void {
    this.#next.get(topic)?.set(partition, BigInt(offset));
  }

  #start(topic: string, { partition, first, end }: PartitionRange, from: Positions): bigint {
    const wanted = from[topic]?.[partition];
    if (wanted === undefined) return end;
    const offset = BigInt(wanted);
    if (offset >= first && offset <= end) return offset;
    this.#onRetentionPassed(topic as Topic, partition);
    return first;
  }
}
