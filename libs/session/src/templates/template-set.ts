/** The observation templates of the cluster in one version, and what they want of one device. Pure; held by every worker. */
import { observationTemplate, type Attributes, type DesiredObservation, type ObservationTemplate } from '@cluster/contracts';
import { checkCommand } from '@cluster/lwm2m';
import { observationKey, toObservation } from '../observations.ts';
import type { DocumentSet } from '../ports.ts';
import type { Observation } from '../record.ts';
import { Announced, type TemplateSubject } from './announced.ts';
import { globMatches } from './glob.ts';
import { expandPath } from './template-paths.ts';

/** The name under which the store keeps the templates. */
export const TEMPLATES = 'observation-templates';
/** What Observe-Composite takes. OMA LwM2M Core 1.2 §6.4.4 */
const MAX_COMPOSITE_PATHS = 200;

export interface NamedTemplate extends ObservationTemplate {
  readonly name: string;
}

export class TemplateSet {
  readonly version: number;
  /** In the order in which they count: the greater priority first, then by name. */
  readonly templates: readonly NamedTemplate[];
  /** Names of documents that this version of the program cannot read. */
  readonly unreadable: readonly string[];

  constructor(version: number, templates: readonly NamedTemplate[], unreadable: readonly string[] = []) {
    this.version = version;
    this.templates = [...templates].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (a.name < b.name ? -1 : 1));
    this.unreadable = unreadable;
  }

  /** Reads a set as the store has it. */
  static read({ version, documents }: DocumentSet): TemplateSet {
    const unreadable: string[] = [];
    const templates = [...documents].flatMap(([name, document]) => {
      const template = readTemplate(document);
      if (template === undefined) unreadable.push(name);
      return template === undefined ? [] : [{ ...template, name }];
    });
    return new TemplateSet(version, templates, unreadable);
  }

  /** What the templates that match want, each observation once, the most important first. */
  observationsFor(subject: TemplateSubject): Observation[] {
    if (this.templates.length === 0) return [];
    const announced = new Announced(subject);
    const wanted = new Map<string, Observation>();
    for (const template of this.templates) {
      if (!matches(template, subject, announced)) continue;
      for (const desired of template.observations) {
        for (const observation of expand(desired, template.name, announced)) {
          const key = observationKey(observation);
          const before = wanted.get(key);
          wanted.set(key, before === undefined ? observation : merged(before, observation));
        }
      }
    }
    return [...wanted.values()];
  }
}

/** No templates, before any were read. */
export const NO_TEMPLATES = new TemplateSet(0, []);

function readTemplate(document: string): ObservationTemplate | undefined {
  try {
    return observationTemplate.safeParse(JSON.parse(document)).data;
  } catch {
    return undefined;
  }
}

function matches({ match }: NamedTemplate, { endpoint, labels = {} }: TemplateSubject, announced: Announced): boolean {
  if (match.object !== undefined) {
    const [object = -1, instance] = match.object.slice(1).split('/').map(Number);
    if (!announced.has(object, instance)) return false;
    if (match.objectVersion !== undefined && announced.version(object) !== match.objectVersion) return false;
  }
  if (match.labels !== undefined && !Object.entries(match.labels).every(([key, value]) => labels[key] === value)) return false;
  return match.endpointPattern === undefined || globMatches(match.endpointPattern, endpoint);
}

function expand(desired: DesiredObservation, name: string, announced: Announced): Observation[] {
  const from = `template:${name}`;
  if (desired.paths === undefined) {
    return expandPath(desired.path ?? '/', announced).map((path) => ({ ...toObservation({ ...desired, path }), from }));
  }
  const paths = [...new Set(desired.paths.flatMap((path) => expandPath(path, announced)))].slice(0, MAX_COMPOSITE_PATHS);
  return paths.length === 0 ? [] : [{ ...toObservation({ ...desired, paths }), from }];
}

/** The same observation in two templates: attributes that the first leaves open are the second's, unless they contradict it. */
function merged(first: Observation, second: Observation): Observation {
  if (second.attributes === undefined) return first;
  const attributes: Attributes = { ...second.attributes, ...first.attributes };
  return contradict(attributes) ? first : { ...first, attributes };
}

function contradict(attributes: Attributes): boolean {
  return checkCommand({ op: 'write-attributes', path: '/1/0/1', attributes }).length > 0;
}
