/** Counting over many endpoints, of which some are observed, some wait and some refuse. */
import type { ObservationTemplateView, TemplateEndpoint } from '@cluster/contracts';
import { StoreUnavailable } from '@cluster/session';
import { beforeEach, describe, expect, it } from 'vitest';
import { TemplateTotals } from './template-totals.ts';

const TEMPLATE: ObservationTemplateView = { name: 'meters', match: {}, observations: [{ path: '/3303/0/5700' }] };
const NAMES = Array.from({ length: 2_500 }, (_, i) => `device-${String(i).padStart(5, '0')}`);

let asked: (readonly string[])[];
let tenants: (string | undefined)[];
let held: Promise<void> | undefined;
let failure: Error | undefined;

beforeEach(() => {
  [asked, tenants, held, failure] = [[], [], undefined, undefined];
});

const selection = {
  candidates: async (_: unknown, after: string | undefined, limit: number) => {
    const rest = NAMES.filter((name) => after === undefined || name > after);
    return { names: rest.slice(0, limit), more: rest.length > limit };
  },
};
/** Of five: two observed, one that waits, one that refuses, one of no concern. */
const stateOf = (endpoint: string): TemplateEndpoint[] => {
  const kind = Number(endpoint.slice(-1)) % 5;
  const states = [{ wanted: 0, active: 2, refused: 0 }, { wanted: 0, active: 1, refused: 0 }, { wanted: 1, active: 1, refused: 1 }, { wanted: 0, active: 1, refused: 1 }];
  const state = states[kind];
  return state === undefined ? [] : [{ endpoint, ...state }];
};
const northbound = {
  observedFor: async (_: string, names: readonly string[], tenant?: string) => {
    if (failure !== undefined) throw failure;
    asked.push(names);
    tenants.push(tenant);
    if (asked.length === 2) await held;
    return names.flatMap(stateOf);
  },
};

describe('totals of a template', () => {
  it('are those of all endpoints, page by page', async () => {
    expect(await new TemplateTotals(northbound, selection).of(TEMPLATE, 'acme')).toMatchObject({
      endpoints: 2_000, observed: 1_000, waiting: 500, refused: 500, observations: { wanted: 500, active: 2_500, refused: 1_000 }, complete: true,
    });
    expect(asked.flat()).toEqual(NAMES);
    expect(new Set(tenants)).toEqual(new Set(['acme']));
  });

  it('are counted once for all who ask, and anew for another tenant or a changed template', async () => {
    const totals = new TemplateTotals(northbound, selection);
    const [one, other] = await Promise.all([totals.of(TEMPLATE), totals.of(TEMPLATE)]);
    expect(other).toEqual(one);
    expect(await totals.of(TEMPLATE)).toEqual(one);
    expect(asked).toHaveLength(3);
    await totals.of(TEMPLATE, 'acme');
    await totals.of({ ...TEMPLATE, priority: 1 });
    expect(asked).toHaveLength(9);
  });

  it('are shown as far as they are counted, and the count goes on', async () => {
    const gate = Promise.withResolvers<void>();
    held = gate.promise;
    const totals = new TemplateTotals(northbound, selection, 20);
    expect(await totals.of(TEMPLATE)).toMatchObject({ endpoints: 800, complete: false });
    gate.resolve();
    await expect.poll(async () => (await totals.of(TEMPLATE)).complete).toBe(true);
    expect(asked).toHaveLength(3);
  });

  it('fail while the store is away, and are counted when it is back', async () => {
    failure = new StoreUnavailable('away');
    const totals = new TemplateTotals(northbound, selection);
    await expect(totals.of(TEMPLATE)).rejects.toBe(failure);
    failure = undefined;
    expect(await totals.of(TEMPLATE)).toMatchObject({ endpoints: 2_000, complete: true });
  });
});
