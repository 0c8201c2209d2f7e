/**
 * How templates stand over all their endpoints: counted page by page when somebody asks, once for all who ask meanwhile,
 * and one template after the other. Nothing is kept but the newest answer.
 */
import { setTimeout as elapse } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ObservationTemplateView, TemplateEndpoint, TemplateTotals as Totals } from '@cluster/contracts';
import type { Selection } from '@cluster/fleet';
import type { NorthboundPort } from '../northbound-port.ts';

const PAGE = 1_000;
/** How long a caller waits for the end of a count. */
const PATIENCE_MS = 5_000;
/** How long a count is the answer to those who come later. */
const FRESH_MS = 10_000;

interface Count {
  totals: Totals;
  readonly over: Promise<void>;
  endedMs: number;
}

@Injectable()
export class TemplateTotals {
  readonly #northbound: Pick<NorthboundPort, 'observedFor'>;
  readonly #selection: Pick<Selection, 'candidates'>;
  readonly #patienceMs: number;
  readonly #counts = new Map<string, Count>();
  #before: Promise<unknown> = Promise.resolve();

  constructor(northbound: Pick<NorthboundPort, 'observedFor'>, selection: Pick<Selection, 'candidates'>, patienceMs = PATIENCE_MS) {
    this.#northbound = northbound;
    this.#selection = selection;
    this.#patienceMs = patienceMs;
  }

  /** The template's totals among the devices of one tenant, or all; rejects if the store is away. */
  async of(template: ObservationTemplateView, tenant?: string): Promise<Totals> {
    this.#forgetOld();
    // A template that was changed is another one.
    const key = JSON.stringify([template, tenant]);
    const count = this.#counts.get(key) ?? this.#begin(key, template, tenant);
    const waited = new AbortController();
    const patience = elapse(this.#patienceMs, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([count.over, patience]).finally(() => waited.abort());
    return count.totals;
  }

  #forgetOld(): void {
    const sinceMs = performance.now() - FRESH_MS;
    for (const [key, { endedMs }] of this.#counts) if (endedMs < sinceMs) this.#counts.delete(key);
  }

  #begin(key: string, template: ObservationTemplateView, tenant?: string): Count {
    const over = this.#before.then(() => this.#count(count, template, tenant));
    const none = { endpoints: 0, observed: 0, waiting: 0, refused: 0, observations: { wanted: 0, active: 0, refused: 0 } };
    const count: Count = { totals: { ...none, complete: false, countedAt: new Date().toISOString() }, over, endedMs: Infinity };
    this.#counts.set(key, count);
    // Who asks next tries again.
    this.#before = over.catch(() => this.#counts.delete(key));
    return count;
  }

  async #count(count: Count, { name, match: { endpointPattern, labels } }: ObservationTemplateView, tenant?: string): Promise<void> {
    const narrowed = { ...(endpointPattern === undefined ? {} : { endpointPattern }), ...(labels === undefined ? {} : { labels }) };
    for (let after: string | undefined, more = true; more; ) {
      const page = await this.#selection.candidates(narrowed, after, PAGE);
      const observed = await this.#northbound.observedFor(name, page.names, tenant);
      count.totals = observed.reduce(withEndpoint, count.totals);
      after = page.names.at(-1);
      more = page.more && after !== undefined;
    }
    count.totals = { ...count.totals, complete: true };
    count.endedMs = performance.now();
  }
}

function withEndpoint(totals: Totals, { wanted, active, refused }: TemplateEndpoint): Totals {
  const { observations } = totals;
  const state = wanted > 0 ? 'waiting' : refused > 0 ? 'refused' : 'observed';
  return {
    ...totals,
    endpoints: totals.endpoints + 1,
    [state]: totals[state] + 1,
    observations: { wanted: observations.wanted + wanted, active: observations.active + active, refused: observations.refused + refused },
  };
}
