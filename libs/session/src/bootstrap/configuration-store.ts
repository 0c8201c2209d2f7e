/**
 * Bootstrap configurations as they are stored: one set for those with a name, one set for each endpoint that has something
 * of its own. What operators wrote is sealed, since it may hold keys.
 */
import { type BootstrapConfiguration, bootstrapConfiguration, type BootstrapDocument, bootstrapDocument } from '@cluster/contracts';
import { decodeUtf8, encodeUtf8 } from '@cluster/bytes';
import type { Sealer } from '@cluster/secrets';
import { Buffer } from 'node:buffer';
import { Contended } from '../commands.ts';
import type { DocumentLimit, DocumentStore } from '../ports.ts';
import { NO_VISITS, readVisits, type Visits } from './visits.ts';

interface Stored {
  readonly revision: number;
  readonly updatedAtMs: number;
  /** Whose it is; undefined: for the devices of all tenants. */
  readonly tenant?: string | undefined;
}

export interface StoredConfiguration extends Stored {
  readonly name: string;
  /** undefined: it does not open, or this version of the program can not read it. */
  readonly configuration: BootstrapConfiguration | undefined;
}

/** What an endpoint has of its own. */
export type OwnConfiguration = Stored & (
  | { readonly kind: 'assigned'; readonly configuration: string }
  | { readonly kind: 'document'; readonly document: BootstrapDocument | undefined }
);

export interface OfEndpoint {
  readonly own: OwnConfiguration | undefined;
  readonly visits: Visits;
}

export interface ConfigurationSet {
  readonly version: number;
  /** In order of their names. */
  readonly configurations: readonly StoredConfiguration[];
}

const CONFIGURATIONS = 'bootstrap-configurations';
/** Every bootstrap server holds all that have a name. */
export const CONFIGURATION_LIMIT: DocumentLimit = { documents: 1_000, bytes: 4 * 1_048_576 };
/** A document of its own, and when it came. */
const OWN_LIMIT: DocumentLimit = { documents: 2, bytes: 131_072 };
const OWN = 'own';
const VISITS = 'visits';

interface Deps {
  readonly documents: DocumentStore;
  readonly sealer: Sealer;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
}

export class ConfigurationStore {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** All with a name; undefined if nothing changed since version `known`. */
  async read(known?: number): Promise<ConfigurationSet | undefined> {
    const stored = await this.#deps.documents.documents(CONFIGURATIONS, known);
    if (stored === undefined) return undefined;
    const configurations = [...stored.documents].map(([name, text]) => this.#configuration(name, text));
    return { version: stored.version, configurations: configurations.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  async get(name: string): Promise<StoredConfiguration | undefined> {
    return (await this.read())?.configurations.find((each) => each.name === name);
  }

  /** `full`: there are as many as may be. */
  put(name: string, configuration: BootstrapConfiguration, tenant?: string): Promise<Stored | 'full'> {
    return this.#put(CONFIGURATIONS, name, CONFIGURATION_LIMIT, configuration, tenant);
  }

  /** False: there was none. */
  async remove(name: string): Promise<boolean> {
    return (await this.#deps.documents.putDocument(CONFIGURATIONS, name, undefined, CONFIGURATION_LIMIT)) === 'stored';
  }

  async ofEndpoint(endpoint: string): Promise<OfEndpoint> {
    const stored = await this.#deps.documents.documents(setOf(endpoint));
    const text = stored?.documents.get(OWN);
    return { own: text === undefined ? undefined : this.#own(endpoint, text), visits: readVisits(stored?.documents.get(VISITS)) };
  }

  putOwn(endpoint: string, own: { readonly configuration: string } | { readonly document: BootstrapDocument }): Promise<Stored | 'full'> {
    return this.#put(setOf(endpoint), OWN, OWN_LIMIT, own);
  }

  async removeOwn(endpoint: string): Promise<boolean> {
    return (await this.#deps.documents.putDocument(setOf(endpoint), OWN, undefined, OWN_LIMIT)) === 'stored';
  }

  async putVisits(endpoint: string, visits: Visits): Promise<void> {
    const text = visits === NO_VISITS ? undefined : JSON.stringify(visits);
    await this.#deps.documents.putDocument(setOf(endpoint), VISITS, text, OWN_LIMIT);
  }

  /** Seals what has a name under the current secret. */
  async reseal(): Promise<number> {
    return this.#resealAll(CONFIGURATIONS, CONFIGURATION_LIMIT, () => true);
  }

  /** Seals what the endpoint has of its own. */
  async resealOwn(endpoint: string): Promise<number> {
    return this.#resealAll(setOf(endpoint), OWN_LIMIT, (name) => name === OWN);
  }

  async #resealAll(set: string, limit: DocumentLimit, concerns: (name: string) => boolean): Promise<number> {
    const { documents, sealer } = this.#deps;
    let count = 0;
    for (const [name, text] of (await documents.documents(set))?.documents ?? []) {
      const envelope = concerns(name) ? parsed<Envelope>(text) : undefined;
      if (envelope === undefined || sealer.isCurrent(bytesOf(envelope))) continue;
      const opened = this.#open(set, name, envelope);
      if (opened === undefined) continue;
      await documents.putDocument(set, name, this.#sealed(set, name, envelope, opened), limit);
      count += 1;
    }
    return count;
  }

  /** Two who write at once: the one whose document stands has done it, the other is told. @throws {Contended} */
  async #put(set: string, name: string, limit: DocumentLimit, content: unknown, tenant?: string): Promise<Stored | 'full'> {
    const { documents, timeMs } = this.#deps;
    const before = parsed<Envelope>((await documents.documents(set))?.documents.get(name) ?? '');
    const stored: Stored = { revision: (before?.revision ?? 0) + 1, updatedAtMs: await timeMs(), ...(tenant === undefined ? {} : { tenant }) };
    const text = this.#sealed(set, name, stored, content);
    if ((await documents.putDocument(set, name, text, limit)) === 'full') return 'full';
    if ((await documents.documents(set))?.documents.get(name) !== text) throw new Contended(`${name} was written by somebody else at the same time`);
    return stored;
  }

  #sealed(set: string, name: string, { revision, updatedAtMs, tenant }: Stored, content: unknown): string {
    const sealed = this.#deps.sealer.seal(sealedName(set, name), encodeUtf8(JSON.stringify(content)));
    const envelope: Envelope = { revision, updatedAtMs, tenant, sealed: Buffer.from(sealed).toString('base64') };
    return JSON.stringify(envelope);
  }

  #open(set: string, name: string, envelope: Envelope): unknown {
    const opened = this.#deps.sealer.open(sealedName(set, name), bytesOf(envelope));
    return opened.ok ? parsed(decodeUtf8(opened.plaintext)) : undefined;
  }

  #configuration(name: string, text: string): StoredConfiguration {
    const envelope = parsed<Envelope>(text);
    if (envelope === undefined) return { name, revision: 1, updatedAtMs: 0, configuration: undefined };
    const { revision, updatedAtMs, tenant } = envelope;
    return { name, revision, updatedAtMs, tenant, configuration: bootstrapConfiguration.safeParse(this.#open(CONFIGURATIONS, name, envelope)).data };
  }

  #own(endpoint: string, text: string): OwnConfiguration {
    const envelope = parsed<Envelope>(text);
    const { revision = 1, updatedAtMs = 0 } = envelope ?? {};
    const content = (envelope && this.#open(setOf(endpoint), OWN, envelope)) as { configuration?: string; document?: unknown } | undefined;
    if (content?.configuration !== undefined) return { revision, updatedAtMs, kind: 'assigned', configuration: content.configuration };
    return { revision, updatedAtMs, kind: 'document', document: bootstrapDocument.safeParse(content?.document).data };
  }
}

/** Forgets what an endpoint has of its own, and how often it came. A repeat changes nothing. */
export async function forgetBootstrap(documents: Pick<DocumentStore, 'putDocument'>, endpoint: string): Promise<void> {
  for (const name of [OWN, VISITS]) await documents.putDocument(setOf(endpoint), name, undefined, OWN_LIMIT);
}

interface Envelope extends Stored {
  /** base64 */
  readonly sealed: string;
}

function setOf(endpoint: string): string {
  return `bootstrap-of/${endpoint}`;
}

function sealedName(set: string, name: string): string {
  return `${set}\n${name}`;
}

function bytesOf({ sealed }: Envelope): Uint8Array {
  return Buffer.from(sealed, 'base64');
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
