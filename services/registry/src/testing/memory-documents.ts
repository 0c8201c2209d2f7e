/** Document sets in memory: where a registry under test keeps its templates. */
import type { DocumentLimit, DocumentPut, DocumentSet, DocumentStore } from '@cluster/session';

export class MemoryDocuments implements DocumentStore {
  readonly #documents = new Map<string, string>();
  #version = 0;
  /** Thrown by every call while set. */
  failure: Error | undefined;

  async documents(_set: string, known?: number): Promise<DocumentSet | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return known === this.#version ? undefined : { version: this.#version, documents: new Map(this.#documents) };
  }

  async putDocument(_set: string, name: string, document: string | undefined, limit: DocumentLimit): Promise<DocumentPut> {
    if (this.failure !== undefined) throw this.failure;
    if (this.#documents.get(name) === document) return 'unchanged';
    if (document !== undefined && !this.#documents.has(name) && this.#documents.size >= limit.documents) return 'full';
    if (document === undefined) this.#documents.delete(name);
    else this.#documents.set(name, document);
    this.#version++;
    return 'stored';
  }
}
