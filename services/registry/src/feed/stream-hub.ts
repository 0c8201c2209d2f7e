/** The event streams of this replica: opens them, beats their hearts, ends them when the service stops. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { EventConsumer } from '@cluster/events';
import { unavailable } from '@cluster/nest-kit';
import { EventStream, type StreamFilter, type StreamSink } from './event-stream.ts';
import type { LiveFeed } from './live-feed.ts';
import type { PositionVector } from './positions.ts';
import { StreamAdmission, type StreamLimits } from './stream-admission.ts';
import { Turns } from './turns.ts';

export interface StreamHubOptions extends StreamLimits {
  readonly heartbeatMs: number;
  /** Readers who are given old events from the topics at the same time. */
  readonly catchUps: number;
}

@Injectable()
export class StreamHub implements OnModuleDestroy {
  readonly #feed: LiveFeed;
  readonly #consumer: EventConsumer;
  readonly #admission: StreamAdmission;
  readonly #catchUps: Turns;
  readonly #streams = new Set<EventStream>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(feed: LiveFeed, consumer: EventConsumer, options: StreamHubOptions) {
    this.#feed = feed;
    this.#consumer = consumer;
    this.#admission = new StreamAdmission(options, () => performance.now());
    this.#catchUps = new Turns(options.catchUps);
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs).unref();
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream at a position, or at the present end. `connect` is called once it is admitted. Throws what the caller
   * is answered instead.
   */
  open(from: PositionVector | undefined, filter: StreamFilter, connect: () => StreamSink): void {
    if (!this.#feed.running) throw unavailable('EVENTS_UNAVAILABLE', undefined, 'Events can not be read now: open the stream again.');
    const leave = this.#admission.enter();
    const sink = connect();
    const deps = { feed: this.#feed, consumer: this.#consumer, sink, catchUps: this.#catchUps };
    const stream = new EventStream(deps, from ?? this.#feed.position(), filter);
    this.#streams.add(stream);
    sink.onClose(() => {
      this.#streams.delete(stream);
      leave();
    });
    // The broker is away: the reader comes again with the id it has.
    stream.start().catch(() => stream.close());
  }

  onModuleDestroy(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#streams) stream.close();
  }

  #beat(): void {
    for (const stream of this.#streams) stream.heartbeat();
  }
}
