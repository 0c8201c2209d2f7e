/** The read model in memory, with the rules of its port. */
import type { DirectoryEntry, ReadModelStore, StoredValue } from '@cluster/session';

export class MemoryModel implements ReadModelStore {
  readonly #entries = new Map<string, DirectoryEntry>();
  readonly #values = new Map<string, Map<string, StoredValue>>();
  /** Thrown by every call while set. */
  failure: Error | undefined;

  async putEntries(entries: readonly DirectoryEntry[]): Promise<void> {
    this.#check();
    for (const entry of entries) {
      const known = this.#entries.get(entry.endpoint);
      if (known === undefined || known.changedAtMs <= entry.changedAtMs) this.#entries.set(entry.endpoint, entry);
    }
  }

  async list({ after, limit, state }: { after?: string; limit: number; state?: string }): Promise<DirectoryEntry[]> {
    this.#check();
    return [...this.#entries.values()]
      .sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1))
      .filter((entry) => (after === undefined || entry.endpoint > after) && (state === undefined || entry.state === state))
      .slice(0, limit);
  }

  async putValues(values: readonly { endpoint: string; values: readonly StoredValue[] }[], maxPaths: number): Promise<void> {
    this.#check();
    for (const { endpoint, values: list } of values) {
      const paths = this.#values.get(endpoint) ?? new Map<string, StoredValue>();
      this.#values.set(endpoint, paths);
      for (const value of list) {
        const known = paths.get(value.path);
        if (known === undefined ? paths.size < maxPaths : known.atMs <= value.atMs) paths.set(value.path, value);
      }
    }
  }

  async values(endpoint: string): Promise<StoredValue[]> {
    this.#check();
    return [...(this.#values.get(endpoint)?.values() ?? [])].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async forgetValues(endpoint: string): Promise<void> {
    this.#values.delete(endpoint);
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
