/** The served document is valid OpenAPI and describes exactly the routes that there are. */
import { restRoutes } from '@cluster/contracts';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bench, DEVICE, send } from './testing/bench.ts';

interface Document {
  readonly components: { readonly schemas: Record<string, object> };
}

const bench = new Bench();
let url: string;
let document: Document;

beforeAll(async () => {
  url = await bench.replica();
  document = (await (await fetch(`${url}/api/openapi.json`)).json()) as Document;
});
afterAll(() => bench.close());

test('is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate({ ...structuredClone(document) });
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
});

test('its schemas compile and accept what is answered', async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'doc', ...document });
  for (const name of Object.keys(document.components.schemas)) ajv.compile({ $ref: `doc#/components/schemas/${name}` });
  const accepts = (name: string, value: unknown) => ajv.validate({ $ref: `doc#/components/schemas/${name}` }, value);
  const device = `${url}/api/v1/endpoints/${encodeURIComponent(DEVICE)}`;
  expect(accepts('EndpointView', await (await fetch(device)).json())).toBe(true);
  expect(accepts('CommandStatus', await (await send(`${device}/commands`, 'POST', { op: 'read', path: '/3' })).json())).toBe(true);
  expect(accepts('Problem', await (await send(`${device}/commands`, 'POST', {})).json())).toBe(true);
  expect(accepts('CommandRequest', { op: 'read', path: '/3' })).toBe(true);
  expect(accepts('CommandRequest', { op: 'read', unknown: 1 })).toBe(false);
});

test.each(restRoutes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))('%s exists', async (_name, route) => {
  const path = route.path.replace('{endpoint}', 'nobody').replace('{id}', 'x').replace('{name}', 'x');
  const abort = new AbortController();
  const response = await fetch(url + path, { method: route.method.toUpperCase(), signal: abort.signal });
  const known = response.headers.get('content-type')?.startsWith('application/problem+json') ? await response.json() : {};
  abort.abort();
  expect(known).not.toMatchObject({ code: 'ROUTE_UNKNOWN' });
});

test('there is no route besides the described ones', async () => {
  const metrics = async () => (await (await fetch(`${url}/metrics`)).text()).matchAll(/method="(\w+)",route="([^"]+)"/g);
  const seen = [...(await metrics())].map(([, method, route]) => `${method} ${route?.replaceAll(/:(\w+)/g, '{$1}')}`);
  const described = restRoutes.map((route) => `${route.method.toUpperCase()} ${route.path}`);
  expect(seen.filter((route) => !described.includes(route) && !route.startsWith('GET /api/'))).toEqual([]);
});

test('the page needs nothing from elsewhere', async () => {
  const page = await (await fetch(`${url}/api/docs`)).text();
  const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) {
    expect(file).not.toMatch(/^(https?:)?\/\//);
    expect((await fetch(new URL(file, `${url}/api/docs`))).status).toBe(200);
  }
});
