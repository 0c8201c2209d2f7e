/** The read model in memory, with the rules of its port. */
import type { DirectoryChange, DirectoryEntry, ReadModelStore, StoredValue } from '@cluster/session';

export class MemoryModel implements ReadModelStore {
  readonly #entries = new Map<string, DirectoryEntry>();
  readonly #labelled = new Map<string, NonNullable<DirectoryChange['labelled']>>();
  readonly #values = new Map<string, Map<string, StoredValue>>();
  /** Thrown by every call while set. */
  failure: Error | undefined;

  async putEntries(entries: readonly DirectoryChange[]): Promise<void> {
    this.#check();
    for (const { labelled, ...entry } of entries) {
      const known = this.#entries.get(entry.endpoint);
      if (known === undefined || known.changedAtMs <= entry.changedAtMs) this.#entries.set(entry.endpoint, entry);
      const since = this.#labelled.get(entry.endpoint)?.atMs ?? -Infinity;
      if (labelled !== undefined && since <= labelled.atMs) this.#labelled.set(entry.endpoint, labelled);
    }
  }

  async list({ after, limit, states, labels = {} }: Parameters<ReadModelStore['list']>[0]): Promise<DirectoryEntry[]> {
    this.#check();
    return [...this.#entries.values()]
      .sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1))
      .map((entry) => this.#withLabels(entry))
      .filter((entry) => Object.entries(labels).every(([key, value]) => entry.labels?.[key] === value))
      .filter((entry) => (after === undefined || entry.endpoint > after) && (states === undefined || states.includes(entry.state)))
      .slice(0, limit);
  }

  #withLabels(entry: DirectoryEntry): DirectoryEntry {
    const { labels = {} } = this.#labelled.get(entry.endpoint) ?? {};
    return Object.keys(labels).length === 0 ? entry : { ...entry, labels };
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
