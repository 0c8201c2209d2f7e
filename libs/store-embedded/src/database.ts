/**
 * One SQLite file behind asynchronous calls. Writes of the same turn of the event loop share one transaction, and so
 * one flush to the disk; each is told only after that flush.
 */
import { StoreUnavailable } from '@cluster/session';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

export type Row = Record<string, SQLOutputValue>;

interface PendingWrite {
  readonly work: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #pending: PendingWrite[] = [];
  #closed = false;

  constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite;
  }

  /** Runs `work` in the next transaction; it must not wait for anything. */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(unavailable('closed'));
      this.#pending.push({ work, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#flush());
    });
  }

  /** Reads what was written before; it may run before writes that were asked for in the same turn. */
  async read<T>(work: () => T): Promise<T> {
    if (this.#closed) throw unavailable('closed');
    try {
      return work();
    } catch (error) {
      throw unavailable('reading failed', error);
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values);
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#sqlite.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#sqlite.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #flush(): void {
    const group = this.#pending;
    if (group.length === 0) return;
    this.#pending = [];
    try {
      const results = this.#transaction(() => group.map(({ work }) => work()));
      group.forEach(({ resolve }, index) => resolve(results[index] as never));
    } catch (error) {
      group.forEach(({ reject }) => reject(unavailable('writing failed', error)));
    }
  }

  #transaction<T>(work: () => T): T {
    this.#sqlite.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#sqlite.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK');
      throw error;
    }
  }
}

function unavailable(why: string, cause?: unknown): StoreUnavailable {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new StoreUnavailable(`embedded store: ${why}${detail}`, { cause });
}
