/**
 * Which configuration a device has. In this order: a document of its own; the configuration that is assigned to it by name;
 * of those assigned to groups that it is in the one with the greatest priority, then the first by name; of those that are
 * the default the same. A configuration that is a tenant's is for that tenant's devices alone, and comes before those for all.
 */
import type { BootstrapConfiguration, BootstrapDocument } from '@cluster/contracts';
import type { ConfigurationSet, ConfigurationStore, OfEndpoint, StoredConfiguration } from './configuration-store.ts';

/** What groups select by. */
export interface BootstrapCandidate {
  readonly endpoint: string;
  readonly tenant: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Paths that it registered, if it ever did. */
  readonly paths: readonly string[];
}

export interface Assigned {
  /** `own` for a document of its own. */
  readonly name: string;
  readonly revision: number;
  readonly source: 'own' | 'assigned' | 'group' | 'default';
  readonly document: BootstrapDocument;
  /** Of the default. */
  readonly unknownEndpoints: boolean;
}

/** A text says why there is none. */
export type Assignment = Assigned | string;

/** What is read of configurations and groups serves for so long. */
export const ASSIGNMENT_AGE_MS = 2_000;

interface Deps {
  readonly store: Pick<ConfigurationStore, 'read'>;
  /** The names of those of `names` that select the candidate. */
  readonly groupsOf: (candidate: BootstrapCandidate, names: readonly string[]) => Promise<readonly string[]>;
}

export class Assignments {
  readonly #deps: Deps;
  #held: { readonly set: ConfigurationSet; readonly untilMs: number } | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async of(own: OfEndpoint['own'], candidate: BootstrapCandidate, nowMs: number): Promise<Assignment> {
    if (own?.kind === 'document') {
      if (own.document === undefined) return 'its own document can not be read';
      return { name: 'own', revision: own.revision, source: 'own', document: own.document, unknownEndpoints: false };
    }
    const configurations = (await this.#configurations(nowMs)).configurations.filter((configuration) => isFor(configuration, candidate));
    if (own !== undefined) {
      const assigned = configurations.find(({ name }) => name === own.configuration);
      return (assigned && assignedAs(assigned, 'assigned')) ?? `its configuration ${own.configuration} is gone, another tenant's, or can not be read`;
    }
    return (await this.#byGroup(configurations, candidate)) ?? this.#byDefault(configurations) ?? 'no configuration is assigned to it';
  }

  async #byGroup(configurations: ConfigurationSet['configurations'], candidate: BootstrapCandidate): Promise<Assigned | undefined> {
    const grouped = inOrder(configurations.filter(({ configuration }) => (configuration?.assign?.groups?.length ?? 0) > 0));
    if (grouped.length === 0) return undefined;
    const names = [...new Set(grouped.flatMap(({ configuration }) => configuration?.assign?.groups ?? []))];
    const of = await this.#deps.groupsOf(candidate, names);
    const found = grouped.find(({ configuration }) => configuration?.assign?.groups?.some((group) => of.includes(group)));
    return found && assignedAs(found, 'group');
  }

  #byDefault(configurations: ConfigurationSet['configurations']): Assigned | undefined {
    const [first] = inOrder(configurations.filter(({ configuration }) => configuration?.assign?.default === true));
    return first && assignedAs(first, 'default');
  }

  async #configurations(nowMs: number): Promise<ConfigurationSet> {
    const held = this.#held;
    if (held !== undefined && nowMs < held.untilMs && held.untilMs - nowMs <= ASSIGNMENT_AGE_MS) return held.set;
    const set = (await this.#deps.store.read(held?.set.version)) ?? held?.set ?? { version: 0, configurations: [] };
    this.#held = { set, untilMs: nowMs + ASSIGNMENT_AGE_MS };
    return set;
  }
}

/** Whether the device may have it: what is a tenant's is not for others. */
export function isFor({ tenant }: Pick<StoredConfiguration, 'tenant'>, candidate: Pick<BootstrapCandidate, 'tenant'>): boolean {
  return tenant === undefined || tenant === candidate.tenant;
}

function inOrder(configurations: ConfigurationSet['configurations']): ConfigurationSet['configurations'] {
  const ownFirst = (a: StoredConfiguration, b: StoredConfiguration) => Number(a.tenant === undefined) - Number(b.tenant === undefined);
  const priority = (configuration: BootstrapConfiguration | undefined) => configuration?.assign?.priority ?? 0;
  return [...configurations].sort((a, b) => ownFirst(a, b) || priority(b.configuration) - priority(a.configuration) || (a.name < b.name ? -1 : 1));
}

function assignedAs({ name, revision, configuration }: ConfigurationSet['configurations'][number], source: Assigned['source']): Assigned | undefined {
  if (configuration === undefined) return undefined;
  const { assign, ...document } = configuration;
  return { name, revision, source, document, unknownEndpoints: source === 'default' && assign?.unknownEndpoints === true };
}
