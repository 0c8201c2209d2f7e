/** The observation templates of the cluster in one version, and what they want of one device. Pure; held by every worker. */
import { storedTemplate, type Attributes, type DesiredObservation, type StoredTemplate, type TemplateMatch } from '@cluster/contracts';
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

export interface NamedTemplate extends StoredTemplate {
  readonly name: string;
}

/** Observations by their keys. */
type Wants = ReadonlyMap<string, Observation>;

/** What each template wants at devices with one list of objects; undefined where it asks for objects that they lack. */
interface Expansion {
  readonly lwm2mVersion: TemplateSubject['lwm2mVersion'];
  readonly wants: readonly (Wants | undefined)[];
}

export class TemplateSet {
  readonly version: number;
  /** In the order in which they count: the greater priority first, then by name. */
  readonly templates: readonly NamedTemplate[];
  /** Names of documents that this version of the program cannot read. */
  readonly unreadable: readonly string[];
  readonly #expansions = new WeakMap<TemplateSubject['objectLinks'], Expansion>();

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
    const expansions = this.#expansionsAt(subject);
    const matching = expansions.filter(
      (wants, i): wants is Wants => wants !== undefined && concerns(this.templates[i]!, subject),
    );
    const [only, ...others] = matching;
    const wanted = others.length === 0 ? only : gathered(matching.flatMap((wants) => [...wants]));
    return [...(wanted?.values() ?? [])];
  }

  /** Devices of one kind share their object list while they register: what it means to the templates is worked out once. */
  #expansionsAt(subject: TemplateSubject): readonly (Wants | undefined)[] {
    const known = this.#expansions.get(subject.objectLinks);
    if (known?.lwm2mVersion === subject.lwm2mVersion) return known.wants;
    const announced = new Announced(subject);
    const wants = this.templates.map((template) => (announces(template.match, announced) ? wantsOf(template, announced) : undefined));
    this.#expansions.set(subject.objectLinks, { lwm2mVersion: subject.lwm2mVersion, wants });
    return wants;
  }
}

/** No templates, before any were read. */
export const NO_TEMPLATES = new TemplateSet(0, []);

function readTemplate(document: string): StoredTemplate | undefined {
  try {
    return storedTemplate.safeParse(JSON.parse(document)).data;
  } catch {
    return undefined;
  }
}

/** Whether the device has the objects that the template asks for. */
function announces({ object: path, objectVersion }: TemplateMatch, announced: Announced): boolean {
  if (path === undefined) return true;
  const [object = -1, instance] = path.slice(1).split('/').map(Number);
  return announced.has(object, instance) && (objectVersion === undefined || announced.version(object) === objectVersion);
}

/** Whether the template asks for this very device. */
function concerns({ match: { endpointPattern, labels: asked }, tenant: its }: StoredTemplate, { endpoint, tenant, labels = {} }: TemplateSubject): boolean {
  if (its !== undefined && its !== tenant) return false;
  if (endpointPattern !== undefined && !globMatches(endpointPattern, endpoint)) return false;
  return asked === undefined || Object.entries(asked).every(([key, value]) => labels[key] === value);
}

function wantsOf(template: NamedTemplate, announced: Announced): Wants {
  const wanted = template.observations.flatMap((desired) => expand(desired, template.name, announced));
  return gathered(wanted.map((observation) => [observationKey(observation), observation]));
}

/** Each observation once, in the order in which they count. */
function gathered(wanted: readonly (readonly [key: string, Observation])[]): Wants {
  const once = new Map<string, Observation>();
  for (const [key, observation] of wanted) {
    const before = once.get(key);
    once.set(key, before === undefined ? observation : merged(before, observation));
  }
  return once;
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
