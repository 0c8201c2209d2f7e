/** The durable log in a SQLite file: records of each topic in one partition, offsets of groups, retention. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { recordBytes, type ConsumedRecord, type EventRecord } from '@cluster/events';
import type { Topic } from '@cluster/contracts';

/** What is kept of each topic; what is older goes with the next publish. */
export interface Retention {
  /** 1,000,000 unless told. */
  readonly maxRecords?: number;
  /** Bytes of keys, headers and values. 1 GiB unless told. */
  readonly maxBytes?: number;
  /** Age, ms. 7 days unless told. */
  readonly ms?: number;
}

/** First and next offset of a topic. */
export interface TopicRange {
  readonly first: number;
  readonly next: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS event_topics (
    topic TEXT PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS event_records (
    topic TEXT NOT NULL, offset INTEGER NOT NULL, at_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
    key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (topic, offset)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS event_groups (
    name TEXT NOT NULL, topic TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (name, topic)
  ) STRICT, WITHOUT ROWID;
`;
const DAY_MS = 86_400_000;
const EMPTY: TopicState = { first: 0, next: 0, bytes: 0 };

interface TopicState {
  first: number;
  next: number;
  bytes: number;
}

interface RecordRow {
  readonly offset: number;
  readonly key: string;
  readonly headers: string;
  readonly value: Uint8Array;
}

export class EventLog {
  readonly #database: DatabaseSync;
  readonly #retention: Required<Retention>;
  readonly #now: () => number;
  readonly #statements: ReturnType<typeof prepare>;

  /** Opens or creates the log; throws when the file can't be used. */
  constructor(file: string, retention: Retention, now: () => number) {
    this.#database = new DatabaseSync(file, { timeout: 5_000 });
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#database.exec(SCHEMA);
    this.#retention = { maxRecords: 1_000_000, maxBytes: 2 ** 30, ms: 7 * DAY_MS, ...retention };
    this.#now = now;
    this.#statements = prepare(this.#database);
  }

  /** Appends all records in one transaction that is on disk when this returns; all or none of them. */
  append(records: readonly EventRecord[]): void {
    this.#transaction(() => {
      const topics = new Map<string, TopicState>();
      for (const record of records) {
        const state = topics.get(record.topic) ?? { ...this.#state(record.topic) };
        topics.set(record.topic, state);
        this.#insert(record, state);
      }
      for (const [topic, state] of topics) this.#retain(topic, state);
    });
  }

  /** Applies retention to all topics now. */
  retain(): void {
    this.#transaction(() => {
      const names = this.#statements.topics.all() as { topic: string }[];
      for (const { topic } of names) this.#retain(topic, { ...this.#state(topic) });
    });
  }

  range(topic: string): TopicRange {
    return this.#state(topic);
  }

  /** At most `limit` records from `offset` on. */
  read(topic: Topic, offset: number, limit: number): ConsumedRecord[] {
    const rows = this.#statements.read.all(topic, offset, limit) as unknown as RecordRow[];
    return rows.map((row) => ({
      topic, partition: 0, offset: String(row.offset), key: row.key,
      headers: JSON.parse(row.headers) as Record<string, string>, value: row.value,
    }));
  }

  /** Next offset of a group, 0 when it is new. */
  committed(group: string, topic: string): number {
    return (this.#statements.committed.get(group, topic) as { next: number } | undefined)?.next ?? 0;
  }

  commit(group: string, topic: string, next: number): void {
    this.#statements.commit.run(group, topic, next);
  }

  close(): void {
    this.#database.close();
  }

  #insert(record: EventRecord, state: TopicState): void {
    const bytes = recordBytes(record);
    const headers = JSON.stringify(record.headers);
    this.#statements.insert.run(record.topic, state.next, this.#now(), bytes, record.key, headers, record.value);
    state.next++;
    state.bytes += bytes;
  }

  #retain(topic: string, state: TopicState): void {
    const oldestMs = this.#now() - this.#retention.ms;
    for (const row of this.#statements.oldest.iterate(topic) as Iterable<{ offset: number; at_ms: number; bytes: number }>) {
      const kept = state.next - state.first <= this.#retention.maxRecords && state.bytes <= this.#retention.maxBytes;
      if (kept && row.at_ms >= oldestMs) break;
      state.first = row.offset + 1;
      state.bytes -= row.bytes;
    }
    this.#statements.forget.run(topic, state.first);
    this.#statements.setTopic.run(topic, state.first, state.next, state.bytes);
  }

  #state(topic: string): Readonly<TopicState> {
    return (this.#statements.topic.get(topic) as TopicState | undefined) ?? EMPTY;
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function prepare(database: DatabaseSync): Record<
  'topics' | 'topic' | 'setTopic' | 'insert' | 'read' | 'oldest' | 'forget' | 'committed' | 'commit', StatementSync
> {
  return {
    topics: database.prepare('SELECT topic FROM event_topics'),
    topic: database.prepare('SELECT first, next, bytes FROM event_topics WHERE topic = ?'),
    setTopic: database.prepare(`INSERT INTO event_topics VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET first = excluded.first, next = excluded.next, bytes = excluded.bytes`),
    insert: database.prepare('INSERT INTO event_records VALUES (?, ?, ?, ?, ?, ?, ?)'),
    read: database.prepare(`SELECT offset, key, headers, value FROM event_records
      WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?`),
    oldest: database.prepare('SELECT offset, at_ms, bytes FROM event_records WHERE topic = ? ORDER BY offset'),
    forget: database.prepare('DELETE FROM event_records WHERE topic = ? AND offset < ?'),
    committed: database.prepare('SELECT next FROM event_groups WHERE name = ? AND topic = ?'),
    commit: database.prepare('INSERT INTO event_groups VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next'),
  };
}
