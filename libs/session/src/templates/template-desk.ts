/** What operators do with observation templates: list, read, set and remove them. */
import type { ObservationTemplate, ObservationTemplateView, StoredTemplate } from '@cluster/contracts';
import { checkCommand, type CommandFault } from '@cluster/lwm2m';
import { checkObservation } from '../check-observation.ts';
import type { DocumentLimit, DocumentStore } from '../ports.ts';
import { exampleOf } from './template-paths.ts';
import { NO_TEMPLATES, TEMPLATES, TemplateSet } from './template-set.ts';

/** Every worker holds all templates. */
export const TEMPLATE_LIMIT: DocumentLimit = { documents: 1_000, bytes: 1_048_576 };

export type TemplatePut =
  | { readonly outcome: 'stored'; readonly template: ObservationTemplateView }
  | { readonly outcome: 'malformed'; readonly faults: readonly CommandFault[] }
  | { readonly outcome: 'full' };

export class TemplateDesk {
  readonly #documents: DocumentStore;
  #held: TemplateSet | undefined;

  constructor(documents: DocumentStore) {
    this.#documents = documents;
  }

  /** The set as it stands now. */
  async read(): Promise<TemplateSet> {
    const stored = await this.#documents.documents(TEMPLATES, this.#held?.version);
    if (stored !== undefined) this.#held = TemplateSet.read(stored);
    return this.#held ?? NO_TEMPLATES;
  }

  /** In order of their names. */
  async list(): Promise<ObservationTemplateView[]> {
    return [...(await this.read()).templates].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async get(name: string): Promise<ObservationTemplateView | undefined> {
    return (await this.read()).templates.find((template) => template.name === name);
  }

  /** Sets a template; every worker takes it up within seconds. */
  async put(name: string, template: StoredTemplate): Promise<TemplatePut> {
    const faults = template.observations.flatMap((desired, i) => checkTemplateObservation(desired, `observations.${i}`));
    if (template.match.object !== undefined) faults.push(...checkMatchedObject(template.match.object));
    if (faults.length > 0) return { outcome: 'malformed', faults };
    const put = await this.#documents.putDocument(TEMPLATES, name, JSON.stringify(template), TEMPLATE_LIMIT);
    return put === 'full' ? { outcome: 'full' } : { outcome: 'stored', template: { name, ...template } };
  }

  /** False: there was none. */
  async remove(name: string): Promise<boolean> {
    return (await this.#documents.putDocument(TEMPLATES, name, undefined, TEMPLATE_LIMIT)) === 'stored';
  }
}

function checkTemplateObservation(desired: ObservationTemplate['observations'][number], at: string): CommandFault[] {
  const { path, paths, ...rest } = desired;
  return checkObservation(
    {
      ...rest,
      ...(path === undefined ? {} : { path: exampleOf(path) }),
      ...(paths === undefined ? {} : { paths: paths.map(exampleOf) }),
    },
    at,
  );
}

function checkMatchedObject(path: string): CommandFault[] {
  return checkCommand({ op: 'discover', path }).map(({ message }) => ({ path: 'match.object', message }));
}
