/** The observation templates as this worker holds them: read at the start, and again whenever they change. */
import {
  NO_TEMPLATES, TEMPLATES, TemplateSet, withTemplates, type DocumentStore, type SessionRecord,
} from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { Held } from './held-sessions.ts';

/** How often the store is asked whether they changed: one small question a worker, and no message that could get lost. */
const POLL_MS = 1_000;

export interface HeldTemplatesDeps {
  readonly documents: DocumentStore;
  /** Observations of one device at most. */
  readonly limit: number;
  readonly log: Logger;
}

export class HeldTemplates {
  readonly #documents: DocumentStore;
  readonly #limit: number;
  readonly #log: Logger;
  #set = NO_TEMPLATES;
  /** Until they were read once, nothing is known of them, and what devices have stays as it is. */
  #known = false;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor({ documents, limit, log }: HeldTemplatesDeps) {
    this.#documents = documents;
    this.#limit = limit;
    this.#log = log;
  }

  /** Reads the templates, and from then on their changes. Rejects if the store is away. */
  async start(): Promise<void> {
    await this.refresh();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.refresh().catch(() => undefined), POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The version that is held; 0: there never were any, or they were not read yet. */
  get version(): number {
    return this.#set.version;
  }

  get size(): number {
    return this.#set.templates.length;
  }

  /** Asks the store whether they changed. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** The session with what the templates want of it. */
  apply(record: SessionRecord): SessionRecord {
    return this.#known ? withTemplates(record, this.#set, this.#limit) : record;
  }

  /** Whether the templates want something else than the session has. */
  changes(record: SessionRecord): boolean {
    if (!this.#known || (record.templates ?? 0) === this.#set.version || record.state !== 'registered') return false;
    return this.apply(record).observations !== record.observations;
  }

  /** As {@link changes}, asked with each message: worked out once for each version of the templates. */
  changesHeld(held: Held): boolean {
    if (held.templatesSeen === this.#set.version) return false;
    const changes = this.changes(held.record);
    if (!changes) held.templatesSeen = this.#set.version;
    return changes;
  }

  async #ask(): Promise<void> {
    const stored = await this.#documents.documents(TEMPLATES, this.#known ? this.#set.version : undefined);
    if (stored === undefined) return;
    this.#set = TemplateSet.read(stored);
    this.#known = true;
    for (const name of this.#set.unreadable) this.#log.error({ template: name }, 'a template could not be read');
    this.#log.debug({ version: this.#set.version, templates: this.size }, 'observation templates read');
  }
}
