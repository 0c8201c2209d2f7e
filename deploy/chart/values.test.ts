/** The values of the chart: its defaults are ones, and helm checks by the schema that stands here. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { bootstrapRoutes, firmwareRoutes, pkiRoutes, restRoutes } from '@cluster/contracts';
import { loadConfig } from '@cluster/config';
import { chartSchema, chartValues } from './values.ts';

const file = (name: string) => readFileSync(new URL(`../../helm/${name}`, import.meta.url), 'utf8');

test('the defaults are values', () => {
  expect(chartValues.safeParse(parse(file('values.yaml'))).error?.issues ?? []).toEqual([]);
});

test('helm/values.schema.json is the present schema (npm run docs)', () => {
  expect(JSON.parse(file('values.schema.json'))).toEqual(JSON.parse(JSON.stringify(chartSchema())));
});

test.each<[what: string, change: object]>([
  ['a misspelt name', { edgee: {} }],
  ['an unknown egress', { egress: 'both' }],
  ['no replicas', { edge: { ...(parse(file('values.yaml')) as { edge: object }).edge, replicas: 0 } }],
  ['a secret in the clear', { secrets: { master: { value: '00' } } }],
])('%s is refused', (_what, change) => {
  expect(chartValues.safeParse({ ...(parse(file('values.yaml')) as object), ...change }).success).toBe(false);
});

interface RestPaths {
  readonly prefixes: readonly string[];
  readonly endpoints: readonly string[];
}

/** As an ingress leads: by the pattern of an endpoint's path, else by the longest prefix. */
function servedBy(path: string): string {
  const table = Object.entries(parse(file('files/rest-paths.yaml')) as Record<string, RestPaths>);
  const within = table.find(([, { endpoints }]) => endpoints.some((name) => new RegExp(`^/api/v1/endpoints/.+/${name}(/.*)?$`).test(path)));
  return (within ?? table.find(([, { prefixes }]) => prefixes.some((prefix) => `${path}/`.startsWith(`${prefix}/`))))?.[0] ?? 'registry';
}

test('one host leads each path of REST to the service that serves it', () => {
  const services = { bootstrap: [...bootstrapRoutes, ...pkiRoutes], 'firmware-orchestrator': firmwareRoutes, registry: restRoutes };
  for (const [service, routes] of Object.entries(services)) {
    const elsewhere = routes.map(({ path }) => path.replaceAll(/\{\w+\}/g, 'urn:dev:a/b')).filter((path) => servedBy(path) !== service);
    expect(elsewhere).toEqual([]);
  }
});

const composed = parse(readFileSync(new URL('../compose.yaml', import.meta.url), 'utf8'), { merge: true }) as {
  services: Record<string, { command?: string[]; environment?: Record<string, string> }>;
};

test.each([['edge-1', 'edge'], ['edge-2', 'edge'], ['registry', 'registry'], ['bootstrap', 'bootstrap'], ['firmware-orchestrator', 'firmware']] as const)(
  'compose.yaml gives %s an environment that it starts with',
  (name, kind) => {
    expect(() => loadConfig(composed.services[name]?.environment ?? {}, { kind })).not.toThrow();
  },
);

test('the alert rules and the dashboard can be read, and name metrics that there are', () => {
  const rules = (parse(file('files/alerts.yaml')) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap((group) => group.rules);
  const panels = (JSON.parse(file('files/dashboard.json')) as { panels: { targets: { expr: string }[] }[] }).panels;
  const named = [...rules.map(({ expr }) => expr), ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))]
    .flatMap((expr) => expr.match(/\b(?:lwm2m|http_server|process)_[a-z_0-9]+/g) ?? []);
  expect(new Set(named).size).toBeGreaterThan(20);
  expect([...new Set(named)].filter((name) => !isServed(name))).toEqual([]);
});

const sources = [...new Set(['services', 'libs'].flatMap((folder) => metricNames(folder)))];

function isServed(name: string): boolean {
  return sources.includes(name.replace(/_(bucket|count|sum)$/, ''));
}

/** Names of metrics as they stand in the code, those of the engines by their parts. */
function metricNames(folder: string): string[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^[^/]+\/src\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'))
    .flatMap((path) => [...readFileSync(new URL(path, root), 'utf8').matchAll(/['`]((?:lwm2m|http_server|process)_[a-z_0-9]+)['`]|: \['([a-z_]+)', '/g)])
    .flatMap(([, whole, part]) => (whole === undefined ? [`lwm2m_coap_${part}_total`, `lwm2m_dtls_${part}_total`] : [whole]));
}
