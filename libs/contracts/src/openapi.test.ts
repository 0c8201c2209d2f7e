/** The OpenAPI document: complete, without dangling references, with examples that their schemas accept. */
import { expect, describe, test } from 'vitest';
import { z } from 'zod';
import { openApiDocument, problemsOf } from './openapi.ts';
import { bootstrapRoutes } from './bootstrap-routes.ts';
import { firmwareRoutes } from './firmware-routes.ts';
import { pkiRoutes } from './pki-routes.ts';
import { problemCodes, restRoutes } from './rest-routes.ts';

const routes = [...restRoutes, ...firmwareRoutes, ...bootstrapRoutes, ...pkiRoutes];
const document = openApiDocument('1.2.3', routes) as {
  info: { version: string };
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  components: { schemas: Record<string, unknown> };
};

test('has every route once, under its own id', () => {
  const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map((operation) => operation.operationId));
  expect(ids.sort()).toEqual(routes.map((route) => route.id).sort());
  expect(new Set(ids).size).toBe(ids.length);
  expect(document.info.version).toBe('1.2.3');
});

test('refers only to schemas that it has, and uses each', () => {
  const used = new Set([...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]));
  const streamed = ['StreamedEvent', 'StreamGap'];
  expect([...used, ...streamed].sort()).toEqual(Object.keys(document.components.schemas).sort());
});

test('names every code of a problem at some route', () => {
  const named = new Set(routes.flatMap(problemsOf));
  expect([...named].sort()).toEqual(Object.keys(problemCodes).sort());
});

describe('examples are what their schemas say', () => {
  for (const route of routes) {
    for (const [name, example] of Object.entries(route.body?.examples ?? {})) {
      test(`${route.id} takes ${name}`, () => expect(route.body?.schema.safeParse(example)).toMatchObject({ success: true }));
    }
    for (const [status, { schema, example }] of Object.entries(route.answers)) {
      if (schema === undefined) continue;
      test(`${route.id} answers ${status}`, () => expect(z.safeParse(schema, example).error).toBeUndefined());
    }
  }
});

test('every answer but an empty one has an example, every operation its errors', () => {
  for (const route of routes) {
    for (const [status, { example }] of Object.entries(route.answers)) expect({ [route.id]: example !== undefined || status === '204' }).toEqual({ [route.id]: true });
    for (const code of route.problems) {
      expect(Object.keys(document.paths[route.path]?.[route.method]?.responses ?? {})).toContain(String(problemCodes[code].status));
    }
  }
});
