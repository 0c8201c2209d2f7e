/** What the compliance suite of the event ports asks of an adapter's test, and how it watches what arrives. */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer, EventPublisher, EventRecord, Positions } from '@cluster/events';

/** One adapter under test, with what keeps its events. */
export interface EventsHarness {
  /** A new, empty topic; with several partitions where the adapter has them. */
  topic(): Promise<Topic>;
  publisher(): Promise<EventPublisher>;
  consumer(): Promise<EventConsumer>;
  /** Ends and starts again what keeps the events. Publishers and consumers from before are closed by then. */
  restart(): Promise<void>;
  /** Lets retention take all records of the topic. */
  expire(topic: Topic): Promise<void>;
  close(): Promise<void>;
}

/** Collects what a handler gets; `until` resolves when a condition on it holds. */
export class Inbox {
  readonly records: ConsumedRecord[] = [];
  readonly #waiting = new Set<() => void>();

  readonly handler = async (records: readonly ConsumedRecord[]): Promise<void> => {
    this.records.push(...records);
    for (const check of this.#waiting) check();
  };

  get texts(): string[] {
    return this.records.map(textOf);
  }

  /** Resolves when `condition` is true of this inbox, at once or after some later batch. */
  until(condition: (inbox: Inbox) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition(this)) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves when so many records have come. */
  count(count: number): Promise<void> {
    return this.until((inbox) => inbox.records.length >= count);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A record whose value is `text`. */
export function record(topic: Topic, key: string, text: string): EventRecord {
  return { topic, key, headers: { ce_id: `${key}/${text}` }, value: encoder.encode(text) };
}

/** The value of a record as text. */
export function textOf({ value }: EventRecord): string {
  return decoder.decode(value);
}

/** The beginning of each partition. */
export async function beginning(consumer: EventConsumer, topic: Topic): Promise<Positions> {
  const ends = (await consumer.ends([topic]))[topic]!;
  return { [topic]: Object.fromEntries(Object.keys(ends).map((partition) => [Number(partition), '0'])) };
}

/** Reads `count` records from the beginning, in the order in which they came. */
export async function readFromStart(harness: EventsHarness, topic: Topic, count: number): Promise<ConsumedRecord[]> {
  const consumer = await harness.consumer();
  const inbox = new Inbox();
  await consumer.tail([topic], await beginning(consumer, topic), inbox.handler);
  await inbox.count(count);
  await consumer.close();
  return inbox.records;
}

/** The values of each key, in the order in which they came. */
export function byKey(records: readonly EventRecord[]): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const item of records) (keys[item.key] ??= []).push(textOf(item));
  return keys;
}
