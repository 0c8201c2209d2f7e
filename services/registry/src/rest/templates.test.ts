/** Observation templates through real HTTP. */
import { observationTemplateView, problem, restExamples, templateEndpoints, templateTotals } from '@cluster/contracts';
import { TEMPLATE_LIMIT } from '@cluster/session';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';

let bench: Bench;
let templates: string;

beforeEach(async () => {
  bench = new Bench();
  templates = `${await bench.replica()}/api/v1/observation-templates`;
});
afterEach(() => bench.close());

async function expectProblem(response: Response, status: number, code: string, ...faults: string[]): Promise<void> {
  const body = problem.parse(await response.json());
  expect({ status: response.status, code: body.code, faults: (body.faults ?? []).map(({ path }) => path) }).toEqual({ status, code, faults });
}

test('a template is put, shown, listed, replaced and removed', async () => {
  expect(await (await fetch(templates)).json()).toEqual([]);
  const put = await send(`${templates}/meters`, 'PUT', restExamples.template);
  expect(put.status).toBe(200);
  expect(observationTemplateView.parse(await put.json())).toEqual(restExamples.templateView);
  await send(`${templates}/all`, 'PUT', { match: {}, observations: [{ path: '/3/0' }] });
  expect(await (await fetch(`${templates}/meters`)).json()).toEqual(restExamples.templateView);
  expect(await (await fetch(templates)).json()).toMatchObject([{ name: 'all' }, { name: 'meters' }]);
  await send(`${templates}/all`, 'PUT', { match: {}, observations: [{ path: '/4/0' }] });
  expect(await (await fetch(`${templates}/all`)).json()).toEqual({ name: 'all', match: {}, observations: [{ path: '/4/0' }] });
  expect((await send(`${templates}/all`, 'DELETE')).status).toBe(204);
  await expectProblem(await fetch(`${templates}/all`), 404, 'TEMPLATE_UNKNOWN');
  await expectProblem(await send(`${templates}/all`, 'DELETE'), 404, 'TEMPLATE_UNKNOWN');
});

test('the endpoints that a template decides for are listed by pages, as far as its conditions allow', async () => {
  await send(`${templates}/all`, 'PUT', { match: { endpointPattern: 'urn:*' }, observations: [{ path: '/3/0' }] });
  await send(`${templates}/none`, 'PUT', { match: {}, observations: [{ path: '/4/0' }] });
  await bench.model.putEntries(['a/b ü%', DEVICE].map((endpoint) => ({ endpoint, state: 'registered' as const, changedAtMs: 1 })));
  expect(await (await fetch(`${templates}/all/endpoints`)).json()).toEqual({ endpoints: [{ endpoint: DEVICE, wanted: 0, active: 1, refused: 0 }] });
  const page = templateEndpoints.parse(await (await fetch(`${templates}/none/endpoints?limit=1`)).json());
  expect(page).toEqual({ endpoints: [], next: expect.any(String) });
  await expectProblem(await fetch(`${templates}/unknown/endpoints`), 404, 'TEMPLATE_UNKNOWN');
  await expectProblem(await fetch(`${templates}/all/endpoints?limit=0`), 400, 'REQUEST_MALFORMED', 'limit');
});

test('the totals of a template are counted, and those of none are unknown', async () => {
  await send(`${templates}/all`, 'PUT', { match: {}, observations: [{ path: '/3/0' }] });
  await bench.model.putEntries(['a/b ü%', DEVICE].map((endpoint) => ({ endpoint, state: 'registered' as const, changedAtMs: 1 })));
  expect(templateTotals.parse(await (await fetch(`${templates}/all/totals`)).json())).toMatchObject({
    endpoints: 2, observed: 2, waiting: 0, refused: 0, observations: { wanted: 0, active: 2, refused: 0 }, complete: true,
  });
  await expectProblem(await fetch(`${templates}/unknown/totals`), 404, 'TEMPLATE_UNKNOWN');
});

test('what is malformed is named', async () => {
  const put = (body: unknown, name = 't') => send(`${templates}/${name}`, 'PUT', body);
  const observations = [{ path: '/3/0' }];
  await expectProblem(await put({ match: {}, observations: [] }), 400, 'REQUEST_MALFORMED', 'observations');
  await expectProblem(await put({ observations }), 400, 'REQUEST_MALFORMED', 'match');
  await expectProblem(await put({ match: { moon: 1 }, observations }), 400, 'REQUEST_MALFORMED', 'match');
  await expectProblem(await put({ match: { object: '3303' }, observations }), 400, 'REQUEST_MALFORMED', 'match.object');
  await expectProblem(await put({ match: { objectVersion: '1.1' }, observations }), 400, 'REQUEST_MALFORMED', 'match.objectVersion');
  await expectProblem(await put({ match: {}, observations: [{ path: '/3303/0/*' }] }), 400, 'TEMPLATE_MALFORMED', 'observations.0.path');
  await expectProblem(await put({ match: {}, observations }, 'a%20b'), 400, 'REQUEST_MALFORMED', '');
  await expectProblem(await put({ match: {}, observations }, 'x'.repeat(65)), 400, 'REQUEST_MALFORMED', '');
});

test('a cluster holds so many templates; those it has can still be changed', async () => {
  for (let i = 0; i < TEMPLATE_LIMIT.documents; i++) await bench.documents.putDocument('observation-templates', `t${i}`, '{}', TEMPLATE_LIMIT);
  const body = { match: {}, observations: [{ path: '/3/0' }] };
  await expectProblem(await send(`${templates}/more`, 'PUT', body), 409, 'TEMPLATES_FULL');
  expect((await send(`${templates}/t0`, 'PUT', body)).status).toBe(200);
});
