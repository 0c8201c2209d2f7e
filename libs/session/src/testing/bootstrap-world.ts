/** Bootstrap configurations and credentials of a cluster in memory: what a bootstrap server prepares, and what the edge takes. */
import { ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Assignments, ConfigurationStore, type CredentialMaker, ProvisioningDesk, type BootstrapCandidate, type ServerKey } from '../index.ts';
import type { DocumentLimit, DocumentPut, DocumentSet, DocumentStore } from '../ports.ts';
import { CredentialWorld } from './credential-world.ts';

const model = new ObjectModel(ddfDirectory());

/** The `DocumentStore` port in memory; `before` as in the credential store. */
class MemoryDocuments implements DocumentStore {
  readonly sets = new Map<string, { version: number; documents: Map<string, string> }>();
  readonly #before: (step: string) => void | Promise<void>;

  constructor(before: (step: string) => void | Promise<void>) {
    this.#before = before;
  }

  async documents(name: string, known?: number): Promise<DocumentSet | undefined> {
    await this.#before('documents');
    const { version, documents } = this.sets.get(name) ?? { version: 0, documents: new Map() };
    return version === known ? undefined : { version, documents: new Map(documents) };
  }

  async putDocument(name: string, document: string, content: string | undefined, limit: DocumentLimit): Promise<DocumentPut> {
    await this.#before('putDocument');
    const set = this.sets.get(name) ?? { version: 0, documents: new Map<string, string>() };
    if (set.documents.get(document) === content) return 'unchanged';
    if (content !== undefined && !set.documents.has(document) && set.documents.size >= limit.documents) return 'full';
    if (content === undefined) set.documents.delete(document);
    else set.documents.set(document, content);
    this.sets.set(name, { ...set, version: set.version + 1 });
    return 'stored';
  }
}

export class BootstrapWorld extends CredentialWorld {
  readonly documents = new MemoryDocuments((step) => this.step(step));
  readonly labels = new Map<string, BootstrapCandidate['labels']>();
  readonly tenants = new Map<string, string>();
  /** Endpoints that register without security. */
  readonly opened = new Set<string>();
  /** Group → labels that it asks for. */
  readonly groups = new Map<string, Record<string, string>>();
  serverKeys: readonly ServerKey[] = [];
  certificate: CredentialMaker['certificate'];
  /** Called before each step on the store, of any port. */
  step: (step: string) => void | Promise<void> = () => {};
  readonly configurations = new ConfigurationStore({ documents: this.documents, sealer: this.sealer, timeMs: async () => this.nowMs });

  constructor() {
    super();
    this.store.before = (step) => this.step(step);
  }

  /** A bootstrap server that has just started. */
  provisioning(): ProvisioningDesk {
    const groupsOf = async ({ labels }: BootstrapCandidate, names: readonly string[]) =>
      names.filter((name) => Object.entries(this.groups.get(name) ?? { none: '' }).every(([key, value]) => labels[key] === value));
    const { find, keep } = this.devices;
    return new ProvisioningDesk({
      store: this.configurations,
      assignments: new Assignments({ store: this.configurations, groupsOf }),
      credentials: this.desk(),
      lookup: this.lookup(100, 'bootstrap'),
      devices: {
        find: async (endpoint) => (await this.step('find'), find(endpoint)),
        keep: async (endpoint) => (await this.step('keep'), this.opened.delete(endpoint), keep(endpoint)),
        open: async (endpoint) => (await this.step('open'), this.opened.add(endpoint), keep(endpoint)),
        named: async (number) => {
          await this.step('named');
          const endpoint = [...this.numbers].find(([, each]) => each === number)?.[0];
          return endpoint === undefined ? undefined : { endpoint, tenant: this.tenants.get(endpoint) ?? 'default', labels: this.labels.get(endpoint) ?? {}, paths: [] };
        },
      },
      maker: { random: (length) => randomBytes(length), keyPair, certificate: this.certificate },
      serverKeys: () => this.serverKeys,
      model,
    });
  }
}

function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { spki: publicKey.export({ format: 'der', type: 'spki' }), privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }) };
}
