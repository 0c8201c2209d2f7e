/** The list of updates, what REST refuses of software, and what is counted. */
import { firmware } from '@cluster/lwm2m';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bench } from '../testing/bench.ts';
import { OPTIONS } from '../testing/world.ts';
import { UpdateTurn } from './update-turn.ts';

const request = { delivery: 'pull', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;
const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };
const UPDATES = '/api/v1/firmware/updates';
const SOFTWARE = '/api/v1/endpoints/nobody/software';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
  await bench.start({ pollMs: 60_000 });
  const turn = new UpdateTurn(bench.deps, OPTIONS);
  for (const [endpoint, stage] of [['a', 'failed'], ['b', 'updating'], ['c', 'failed'], ['ü', 'failed']] as const) {
    await turn.change(endpoint, (_, scene) => {
      const begun = firmware.begin({ id: `u-${endpoint}`, package: PACKAGE, request, objectVersion: '1.1', secure: false }, scene);
      const ended = { sequence: 2, from: begun.stage, stage, atMs: begun.startedAtMs + 700_000, reason: 'so it is', ...(stage === 'failed' ? { failure: 'device' as const } : {}) };
      return { ...begun, stage, reason: ended.reason, failure: ended.failure, out: undefined, transitions: 2, untold: [...begun.untold, ended] };
    });
  }
  await bench.store.changeUpdate('d', 0, '{"of":"a newer version"}', undefined, 'failed');
});
afterAll(() => bench.close());

async function names(query: string): Promise<{ names: unknown[]; next: unknown }> {
  const { status, body } = await bench.call('GET', UPDATES + query);
  expect(status).toBe(200);
  return { names: (body['updates'] as { endpoint: string }[]).map(({ endpoint }) => endpoint), next: body['next'] };
}

test('updates are listed by stage and outcome, by pages, without those that only a newer version can read', async () => {
  expect((await names('')).names).toEqual(['a', 'b', 'c', 'ü']);
  expect((await names('?stage=updating')).names).toEqual(['b']);
  expect((await names('?stage=downloading')).names).toEqual([]);
  const first = await names('?outcome=failed&limit=2');
  expect(first.names).toEqual(['a', 'c']);
  expect(await names(`?outcome=failed&limit=2&cursor=${String(first.next)}`)).toEqual({ names: ['ü'], next: undefined });
  expect((await bench.call('GET', `${UPDATES}?outcome=failed`)).body).toMatchObject({ updates: [{ reason: 'so it is', failure: 'device' }, {}, {}] });
});

test.each(['?stage=failed', '?outcome=updating', '?stage=updating&outcome=failed', '?limit=0', '?cursor=%20', '?what=1'])('a list with %s is refused', async (query) => {
  expect(await bench.call('GET', UPDATES + query)).toMatchObject({ status: 400, body: { code: 'REQUEST_MALFORMED' } });
});

test('updates are counted by stage, outcome and class of error, and their time is measured', () => {
  const text = bench.deps.metrics.renderPrometheus();
  expect(text).toContain('lwm2m_firmware_stages_total{object="firmware",stage="inquiring"} 4');
  expect(text).toContain('lwm2m_firmware_ended_total{object="firmware",outcome="failed",failure="device"} 3');
  expect(text).toMatch(/lwm2m_firmware_duration_seconds_bucket\{.*le="600".*\} 0/);
  expect(text).toMatch(/lwm2m_firmware_duration_seconds_bucket\{.*le="1800".*\} 3/);
});

test.each<[string, string, unknown, number, string]>([
  ['PUT', '/0', { state: 'absent' }, 404, 'ENDPOINT_UNKNOWN'],
  ['PUT', '/65535', { state: 'absent' }, 400, 'REQUEST_MALFORMED'],
  ['PUT', '/01', { state: 'absent' }, 400, 'REQUEST_MALFORMED'],
  ['PUT', '/0', { state: 'delivered' }, 400, 'REQUEST_MALFORMED'],
  ['PUT', '/0', { state: 'absent', package: PACKAGE.id }, 400, 'REQUEST_MALFORMED'],
  ['PUT', '/0', { package: PACKAGE.id }, 404, 'PACKAGE_UNKNOWN'],
  ['GET', '/0', undefined, 404, 'SOFTWARE_UNKNOWN'],
  ['DELETE', '/0', undefined, 404, 'SOFTWARE_UNKNOWN'],
])('%s of software %s with %j is answered %i', async (method, path, body, status, code) => {
  expect(await bench.call(method, SOFTWARE + path, body)).toMatchObject({ status, body: { code } });
});

test('an endpoint that had no software has an empty list', async () => {
  expect((await bench.call('GET', SOFTWARE)).body).toEqual([]);
});
