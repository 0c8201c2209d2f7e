/** Where a reader of the topics stands, as a vector of the next offsets, and its text form: the id of a server-sent event. */
import { type Topic, topics } from '@cluster/contracts';
import type { ConsumedRecord, Positions } from '@cluster/events';

/** The topics of the event stream. Their places in this list are written into ids: append only. */
export const streamTopics: readonly Topic[] = [topics.registrations, topics.notifications, topics.sends, topics.commandResults, topics.jobs, topics.firmware, topics.bootstrap];

const VERSION = 1;
const MAX_TEXT = 8_192;
const MAX_PARTITION = 65_535n;
const MAX_OFFSET = (1n << 63n) - 1n;

export class PositionVector {
  readonly #next = new Map<string, Map<number, bigint>>();

  static from(positions: Positions): PositionVector {
    const vector = new PositionVector();
    for (const [topic, partitions] of Object.entries(positions)) {
      for (const [partition, offset] of Object.entries(partitions)) vector.set(topic, Number(partition), BigInt(offset));
    }
    return vector;
  }

  copy(): PositionVector {
    const vector = new PositionVector();
    for (const [topic, partition, offset] of this) vector.set(topic, partition, offset);
    return vector;
  }

  /** The next offset to read, if the partition is known. */
  get(topic: string, partition: number): bigint | undefined {
    return this.#next.get(topic)?.get(partition);
  }

  set(topic: string, partition: number, offset: bigint): void {
    const partitions = this.#next.get(topic);
    if (partitions === undefined) this.#next.set(topic, new Map([[partition, offset]]));
    else partitions.set(partition, offset);
  }

  remove(topic: string, partition: number): void {
    this.#next.get(topic)?.delete(partition);
  }

  /** Moves past a record. False if the reader had it already. */
  advance(record: ConsumedRecord): boolean {
    const offset = BigInt(record.offset);
    const next = this.get(record.topic, record.partition);
    if (next !== undefined && offset < next) return false;
    this.set(record.topic, record.partition, offset + 1n);
    return true;
  }

  /** Whether this reader has read all that lies before `floor`. */
  reaches(floor: PositionVector): boolean {
    for (const [topic, partition, offset] of floor) {
      if ((this.get(topic, partition) ?? 0n) < offset) return false;
    }
    return true;
  }

  *[Symbol.iterator](): Generator<readonly [topic: string, partition: number, offset: bigint]> {
    for (const [topic, partitions] of this.#next) {
      for (const [partition, offset] of partitions) yield [topic, partition, offset];
    }
  }

  toPositions(): Positions {
    const positions: Record<string, Record<number, string>> = {};
    for (const [topic, partition, offset] of this) (positions[topic] ??= {})[partition] = offset.toString();
    return positions;
  }

  /** Version, then for each topic its place, how many partitions, and pairs of partition and offset; base64url. */
  encode(): string {
    const bytes: number[] = [VERSION];
    for (const [place, topic] of streamTopics.entries()) {
      const partitions = this.#next.get(topic);
      if (partitions === undefined || partitions.size === 0) continue;
      bytes.push(place);
      pushVarint(bytes, BigInt(partitions.size));
      for (const [partition, offset] of partitions) {
        pushVarint(bytes, BigInt(partition));
        pushVarint(bytes, offset);
      }
    }
    return Buffer.from(bytes).toString('base64url');
  }

  /** Reads an id back; undefined for anything that is none. */
  static decode(text: string): PositionVector | undefined {
    if (text.length > MAX_TEXT || !/^[\w-]+$/.test(text)) return undefined;
    const reader = new VarintReader(Buffer.from(text, 'base64url'));
    if (reader.byte() !== VERSION) return undefined;
    const vector = new PositionVector();
    while (!reader.atEnd) {
      const topic = streamTopics[reader.byte() ?? streamTopics.length];
      const count = reader.varint();
      if (topic === undefined || count === undefined || count > MAX_PARTITION) return undefined;
      for (let i = 0n; i < count; i++) {
        const partition = reader.varint();
        const offset = reader.varint();
        if (partition === undefined || partition > MAX_PARTITION || offset === undefined || offset > MAX_OFFSET) return undefined;
        vector.set(topic, Number(partition), offset);
      }
    }
    return vector;
  }
}

/** Seven bits a byte, least first. */
function pushVarint(bytes: number[], value: bigint): void {
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}

class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number | undefined {
    return this.#bytes[this.#at++];
  }

  varint(): bigint | undefined {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  }
}
