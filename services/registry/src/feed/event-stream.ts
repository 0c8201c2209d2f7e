/**
 * One reader's stream of events: gives each event once and in the order of its partition, first from where the reader
 * stood, then live. What was sent is told by the reader's own position vector, whichever way a record came.
 */
import type { StreamedEvent } from '@cluster/contracts';
import type { ConsumedRecord, EventConsumer, EventSubscription } from '@cluster/events';
import { receivedEvent } from '@cluster/nest-kit';
import type { FeedItem, Gap } from './event-ring.ts';
import type { LiveFeed } from './live-feed.ts';
import { type PositionVector, streamTopics } from './positions.ts';
import type { Turns } from './turns.ts';

/** Where a stream is written to. */
export interface StreamSink {
  /** False if the reader should be given time; `onDrain` tells when it is over. */
  write(text: string): boolean;
  onDrain(listener: () => void): void;
  onClose(listener: () => void): void;
  end(): void;
  /** Cuts the connection: the reader is too slow. It comes again with the id it has. */
  destroy(): void;
}

export interface StreamFilter {
  readonly endpoints?: ReadonlySet<string> | undefined;
  readonly types?: ReadonlySet<string> | undefined;
  /** What of an event the reader may see; undefined: nothing. All of every event unless told. */
  readonly seen?: (event: StreamedEvent) => StreamedEvent | undefined;
}

export interface StreamDeps {
  readonly feed: LiveFeed;
  readonly consumer: EventConsumer;
  readonly sink: StreamSink;
  /** For readers who need the topics read again: each of them is a consumer of its own. */
  readonly catchUps: Turns;
}

export class EventStream {
  readonly #deps: StreamDeps;
  readonly #vector: PositionVector;
  readonly #filter: StreamFilter;
  #cursor: number | undefined;
  #detach: () => void = () => {};
  #closed = false;
  /** Resolves when the reader takes more; undefined while it does. */
  #drained: PromiseWithResolvers<void> | undefined;
  #stalledBeats = 0;
  #toldId: string | undefined;

  /** `vector` is where the reader stands. */
  constructor(deps: StreamDeps, vector: PositionVector, filter: StreamFilter) {
    this.#deps = deps;
    this.#vector = vector;
    this.#filter = filter;
    deps.sink.onDrain(() => this.#onDrain());
    deps.sink.onClose(() => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Goes on from the ring if it reaches back far enough, else reads the topics again until it does. */
  async start(): Promise<void> {
    this.#write('retry: 2000\n\n');
    for (const gap of await this.#forgetUnknownPositions()) this.#tellGap(gap);
    this.#tellId();
    if (this.#deps.feed.covers(this.#vector)) this.#attach();
    else await this.#inTurn(() => this.#catchUp());
  }

  /** Keeps the connection alive, and tells readers with narrow filters how far they are. */
  heartbeat(): void {
    if (this.#closed) return;
    if (this.#drained === undefined) {
      this.#stalledBeats = 0;
      this.#tellId();
      this.#write(': \n\n');
    } else if (++this.#stalledBeats >= 2) {
      this.#cut();
    }
  }

  /** Ends the stream; the reader resumes elsewhere. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#detach();
    this.#drained?.resolve();
    this.#deps.sink.end();
  }

  #cut(): void {
    this.#deps.sink.destroy();
    this.close();
  }

  /** Positions that the topics never reached: they were made anew since, so all that is in them is new to the reader. */
  async #forgetUnknownPositions(): Promise<Gap[]> {
    const live = this.#deps.feed.position();
    if (live.reaches(this.#vector)) return [];
    const ends = await this.#deps.consumer.ends(streamTopics);
    const gaps: Gap[] = [];
    for (const [topic, partition, offset] of [...this.#vector]) {
      const end = ends[topic]?.[partition];
      if (end !== undefined && offset <= BigInt(end)) continue;
      gaps.push({ topic, partition });
      if (end === undefined) this.#vector.remove(topic, partition);
      else this.#vector.set(topic, partition, 0n);
    }
    return gaps;
  }

  async #inTurn(step: () => Promise<void>): Promise<void> {
    const done = await this.#deps.catchUps.take();
    try {
      if (!this.#closed) await step();
    } finally {
      done();
    }
  }

  async #catchUp(): Promise<void> {
    const { consumer, feed } = this.#deps;
    const over = Promise.withResolvers<void>();
    this.#detach = () => over.resolve();
    const from = this.#vector.copy();
    for (const [topic, partition] of feed.position()) if (from.get(topic, partition) === undefined) from.set(topic, partition, 0n);
    const tail: EventSubscription = await consumer.tail(
      streamTopics,
      from.toPositions(),
      async (records) => {
        if (await this.#giveOld(records)) over.resolve();
      },
      (topic, partition) => {
        if (this.#cursor === undefined) this.#tellGap({ topic, partition });
      },
    );
    await over.promise;
    await tail.close();
  }

  /** True when the reader needs no further old records: it reads the ring now, or is gone. */
  async #giveOld(records: readonly ConsumedRecord[]): Promise<boolean> {
    for (const record of records) {
      while (this.#drained !== undefined && !this.#closed) await this.#drained.promise;
      if (this.#closed || this.#cursor !== undefined) return true;
      this.#give(record);
      if (this.#deps.feed.covers(this.#vector)) {
        this.#attach();
        return true;
      }
    }
    return false;
  }

  #attach(): void {
    if (this.#closed) return;
    this.#cursor = this.#deps.feed.ring.first;
    const finishCatchUp = this.#detach;
    const stopListening = this.#deps.feed.onGrowth(() => this.#pump());
    this.#detach = () => {
      stopListening();
      finishCatchUp();
    };
    this.#pump();
  }

  /** Gives what the ring has until the reader wants a pause. A reader that the ring overtakes is cut. */
  #pump(): void {
    const { ring } = this.#deps.feed;
    if (this.#closed || this.#cursor === undefined) return;
    if (this.#cursor < ring.first) {
      this.#cut();
      return;
    }
    while (this.#drained === undefined && !this.#closed) {
      const item: FeedItem | undefined = ring.get(this.#cursor);
      if (item === undefined) return;
      this.#cursor++;
      if (item.record === undefined) this.#tellGap(item.gap);
      else this.#give(item.record);
    }
  }

  #give(record: ConsumedRecord): void {
    if (!this.#vector.advance(record)) return;
    const { endpoints, types, seen } = this.#filter;
    if (endpoints !== undefined && !endpoints.has(record.key)) return;
    if (types !== undefined && !types.has(record.headers['ce_type'] ?? '')) return;
    const frame = seen === undefined ? frameOf(record) : frameOf(record, seen);
    if (frame === undefined) return;
    this.#toldId = this.#vector.encode();
    this.#write(`id: ${this.#toldId}\n${frame}`);
  }

  #tellGap(gap: Gap): void {
    this.#write(`event: gap\ndata: ${JSON.stringify({ topic: gap.topic, partition: gap.partition })}\n\n`);
  }

  /** An id without data moves the reader's Last-Event-ID and raises no event (HTML Living Standard §9.2.6). */
  #tellId(): void {
    const id = this.#vector.encode();
    if (id === this.#toldId) return;
    this.#toldId = id;
    this.#write(`id: ${id}\n\n`);
  }

  #write(text: string): void {
    if (this.#closed) return;
    if (!this.#deps.sink.write(text)) this.#drained ??= Promise.withResolvers<void>();
  }

  #onDrain(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.resolve();
    this.#pump();
  }
}

const frames = new WeakMap<ConsumedRecord, string>();

/** The event's lines without its id; undefined for a record that is no event, or none for this reader. Made once for all readers who see all. */
function frameOf(record: ConsumedRecord, seen?: StreamFilter['seen']): string | undefined {
  if (seen !== undefined) return frameFor(record, seen);
  const made = frames.get(record);
  if (made !== undefined) return made === '' ? undefined : made;
  let frame = '';
  try {
    frame = linesOf(receivedEvent(record));
  } catch {
    // Counted where the group consumes it; a reader can do nothing with it.
  }
  frames.set(record, frame);
  return frame === '' ? undefined : frame;
}

function frameFor(record: ConsumedRecord, seen: NonNullable<StreamFilter['seen']>): string | undefined {
  try {
    const event = seen(receivedEvent(record));
    return event && linesOf(event);
  } catch {
    return undefined;
  }
}

function linesOf(event: StreamedEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
