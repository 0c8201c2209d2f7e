/**
 * The endpoints that a selector names, by pages in order of their names. The directory proposes candidates; what decides
 * is the session of each, so that a label or object of a moment ago counts.
 */
import type { Selector } from '@cluster/contracts';
import { type Candidate, isSelected, prefixOf } from './selector.ts';

export interface SelectionPage {
  readonly endpoints: readonly string[];
  /** Name up to which candidates were looked at; undefined on the last page. */
  readonly next: string | undefined;
}

export interface Candidates {
  readonly names: readonly string[];
  readonly more: boolean;
}

/** The directory, as far as endpoints are selected from it: in order of their names, after `after`. */
export interface Directory {
  list(options: { after?: string; limit: number; labels?: Readonly<Record<string, string>> }): Promise<readonly { readonly endpoint: string }[]>;
}

/** What sessions tell of endpoints, in their order; undefined: the cluster does not know it. */
export interface Traits {
  traits(endpoints: readonly string[]): Promise<(SelectedTraits | undefined)[]>;
}

export interface SelectedTraits extends Candidate {
  readonly tenant: string;
  readonly present: boolean;
}

export class Selection {
  readonly #model: Directory;
  readonly #northbound: Traits;

  constructor(model: Directory, northbound: Traits) {
    this.#model = model;
    this.#northbound = northbound;
  }

  /** Looks at `limit` candidates after a name, of one tenant or all. A page may have few endpoints, or none, though others follow. */
  async page(selector: Selector, after: string | undefined, limit: number, tenant?: string): Promise<SelectionPage> {
    const { names, more } = await this.candidates(selector, after, limit);
    const traits = await this.#northbound.traits(names);
    const endpoints = names.filter((_, i) => {
      const known = traits[i];
      // A name alone selects an endpoint that nobody knows: its command is refused where one can see it.
      if (known === undefined) return Object.keys(selector).join() === 'endpoints';
      if (tenant !== undefined && known.tenant !== tenant) return false;
      return (known.present || selector.endpoints !== undefined) && isSelected(known, { ...selector, endpoints: undefined });
    });
    return { endpoints, next: more ? names.at(-1) : undefined };
  }

  /** Endpoints that may be selected, as the directory knows them. */
  async candidates({ endpoints, endpointPattern, labels }: Selector, after: string | undefined, limit: number): Promise<Candidates> {
    if (endpoints !== undefined) {
      const rest = [...new Set(endpoints)].sort().filter((name) => after === undefined || name > after);
      return { names: rest.slice(0, limit), more: rest.length > limit };
    }
    const prefix = endpointPattern === undefined ? '' : prefixOf(endpointPattern);
    const from = after ?? (prefix === '' ? undefined : prefix);
    const listed = await this.#model.list({ limit, ...(from === undefined ? {} : { after: from }), ...(labels === undefined ? {} : { labels }) });
    const fitting = listed.map(({ endpoint }) => endpoint).filter((name) => name.startsWith(prefix));
    // Names come in order: the first without the prefix is behind all that have it.
    const more = listed.length === limit && fitting.length === limit;
    return { names: after === undefined && prefix !== '' ? [prefix, ...fitting] : fitting, more };
  }
}
