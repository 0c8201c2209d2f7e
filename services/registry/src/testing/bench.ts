/** Registries that listen on free ports, over shared ports in memory. */
import type { EventRecord } from '@cluster/events';
import { type Log, silentLog } from '@cluster/nest-kit';
import { TemplateDesk } from '@cluster/session';
import { type EmbeddedStore, openEmbeddedStore } from '@cluster/store-embedded';
import { Metrics } from '@cluster/telemetry';
import { createRegistry, type Registry } from '../app.ts';
import type { RegistryDeps, RegistryOptions } from '../options.ts';
import { MemoryModel } from './memory-model.ts';
import { MemoryCredentials } from './memory-credentials.ts';
import { MemoryDocuments } from './memory-documents.ts';
import { MemoryNorthbound } from './memory-northbound.ts';
import { MemoryTopics } from './memory-topics.ts';

export const DEVICE = 'urn:dev:1';

export class Bench {
  readonly topics = new MemoryTopics();
  readonly model = new MemoryModel();
  readonly documents = new MemoryDocuments();
  readonly northbound = new MemoryNorthbound([DEVICE, 'a/b ü%', 'urn:dev:tried']);
  readonly store = openEmbeddedStore({ file: ':memory:' });
  storeFailure: Error | undefined;
  readonly #registries: Registry[] = [];

  /** A further replica; resolves with its base URL when its feed and its group read. */
  async replica(options: Partial<RegistryOptions> = {}, deps: Partial<RegistryDeps> = {}): Promise<string> {
    const log: Log = silentLog;
    const timeMs = async () => {
      if (this.storeFailure !== undefined) throw this.storeFailure;
      return 0;
    };
    const publisher = { publish: async (records: readonly EventRecord[]) => this.topics.publish(...records) };
    const registry = await createRegistry(
      {
        northbound: this.northbound, templates: new TemplateDesk(this.documents), sessions: { timeMs }, model: this.model,
        fleet: failing(this.store, () => this.northbound.failure),
        credentials: new MemoryCredentials(() => this.northbound.failure),
        events: this.topics.consumer(), publisher, metrics: new Metrics(), log, ...deps,
      },
      { port: 0, heartbeatMs: 60_000, retryMs: 5, drainMs: 100, ...options },
    );
    this.#registries.push(registry);
    const { port } = await registry.listen();
    // Lets the feed and the group subscribe.
    await new Promise((resolve) => setImmediate(resolve));
    return `http://127.0.0.1:${port}`;
  }

  async closeLast(): Promise<void> {
    await this.#registries.pop()?.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#registries.splice(0).map((registry) => registry.close()));
    await this.store.close();
  }
}

/** The store, whose calls fail while there is a failure. */
function failing(store: EmbeddedStore, failure: () => Error | undefined): EmbeddedStore {
  return new Proxy(store, {
    get: (target, name) => (...args: unknown[]) => {
      const error = failure();
      return error === undefined ? Reflect.apply(Reflect.get(target, name) as () => unknown, target, args) : Promise.reject(error);
    },
  });
}

export async function send(url: string, method: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}
