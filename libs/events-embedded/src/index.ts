/** Events without a broker: a durable log in a SQLite file, for one process that runs everything. */
import { EmbeddedConsumer, type SharedLog } from './consumer.ts';
import { GroupRegistry } from './groups.ts';
import { EventLog, type Retention } from './log.ts';
import { EmbeddedPublisher } from './publisher.ts';
import type { TopicReader } from './reader.ts';
import type { EventConsumer, EventPublisher } from '@cluster/events';

export type { Retention } from './log.ts';

export interface EmbeddedEventsOptions {
  /** The database file; may be that of the embedded store: the tables here are named `event_*`. */
  readonly file: string;
  readonly retention?: Retention;
  /** ms since 1970. */
  readonly now?: () => number;
}

/** The log of one file. Publishers and consumers of one log wake each other; those of other processes do not. */
export interface EmbeddedEvents {
  publisher(): EventPublisher;
  consumer(): EventConsumer;
  /** Applies retention now; otherwise a topic's next publish does. */
  retain(): void;
  /** Closes what was opened from here, then the file. */
  close(): Promise<void>;
}

/** Opens the log; throws when the file can't be used. */
export function openEmbeddedEvents(options: EmbeddedEventsOptions): EmbeddedEvents {
  const log = new EventLog(options.file, options.retention ?? {}, options.now ?? Date.now);
  const readers = new Set<TopicReader>();
  const shared: SharedLog = { log, readers, groups: new GroupRegistry(log, readers) };
  const opened = new Set<EventPublisher | EventConsumer>();
  const wakeAll = (): void => {
    for (const reader of readers) reader.wake();
  };
  const keep = <T extends EventPublisher | EventConsumer>(part: T): T => {
    opened.add(part);
    return part;
  };
  return {
    publisher: () => keep(new EmbeddedPublisher(log, wakeAll)),
    consumer: () => keep(new EmbeddedConsumer(shared)),
    retain: () => log.retain(),
    async close() {
      for (const part of opened) await part.close();
      log.close();
    },
  };
}
