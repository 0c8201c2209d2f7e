/** Groups and jobs over HTTP: their answers, and a job from its start to its end. */
import { eventTypes, jobView, problem, topics, type JobView } from '@cluster/contracts';
import { commandIdOf } from '@cluster/fleet';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Bench, DEVICE, send } from '../testing/bench.ts';
import { commandResult } from '../testing/events.ts';

let bench: Bench;
let api: string;

beforeEach(async () => {
  bench = new Bench();
  api = `${await bench.replica()}/api/v1`;
});
afterEach(() => bench.close());

async function expectProblem(response: Response, status: number, code: string): Promise<unknown> {
  expect(response.status).toBe(status);
  const document = problem.parse(await response.json());
  expect(document.code).toBe(code);
  return document.faults;
}

const READ = { op: 'read', path: '/3/0/9' };
const start = async (body: unknown) => jobView.parse(await (await send(`${api}/jobs`, 'POST', body)).json());
const show = async (id: string): Promise<JobView> => jobView.parse(await (await fetch(`${api}/jobs/${id}`)).json());
const finished = (id: string, code: string) =>
  commandResult(DEVICE, { id: commandIdOf(id, 0), op: 'read', path: '/3/0/9', state: 'done', attempts: 1, acceptedAt: '2026-03-01T09:00:00.000Z', response: { code } });

describe('groups', () => {
  test('are kept, shown, listed and forgotten', async () => {
    expect(await (await send(`${api}/groups/site-a`, 'PUT', { labels: { site: 'a' } })).json()).toEqual({ name: 'site-a', selector: { labels: { site: 'a' } } });
    await send(`${api}/groups/all`, 'PUT', { endpoints: [DEVICE] });
    expect(await (await fetch(`${api}/groups`)).json()).toMatchObject([{ name: 'all' }, { name: 'site-a' }]);
    expect(await (await fetch(`${api}/groups/all/endpoints`)).json()).toEqual({ endpoints: [DEVICE] });
    expect((await send(`${api}/groups/all`, 'DELETE')).status).toBe(204);
    for (const [method, path] of [['GET', 'all'], ['DELETE', 'all'], ['GET', 'all/endpoints']] as const) {
      await expectProblem(await send(`${api}/groups/${path}`, method), 404, 'GROUP_UNKNOWN');
    }
  });

  test.each([
    ['a name with a slash', 'a%2Fb', { labels: { a: 'b' } }],
    ['an empty selector', 'g', {}],
    ['an object that is none', 'g', { object: '3303' }],
    ['a label that is none', 'g', { labels: { 'a b': 'c' } }],
    ['another field', 'g', { labels: { a: 'b' }, tags: [] }],
  ])('%s is refused', async (_what, name, selector) => {
    await expectProblem(await send(`${api}/groups/${name}`, 'PUT', selector), 400, 'REQUEST_MALFORMED');
  });
});

describe('jobs', () => {
  test('run from their start to their end, and tell it', async () => {
    const response = await send(`${api}/jobs`, 'POST', { target: { endpoints: [DEVICE] }, commands: [READ] });
    expect(response.status).toBe(202);
    const { id } = jobView.parse(await response.json());
    expect(response.headers.get('location')).toBe(`/api/v1/jobs/${id}`);
    await vi.waitFor(async () => expect((await show(id)).counts).toMatchObject({ targets: 1, open: 1 }));
    bench.topics.publish(finished(id, '2.05'), finished(id, '4.04'));
    await vi.waitFor(async () => expect(await show(id)).toMatchObject({ state: 'done', finishedAt: expect.any(String), counts: { done: { '2.05': 1 } } }));
    expect(await (await fetch(`${api}/jobs/${id}/devices?state=done`)).json()).toMatchObject({
      devices: [{ endpoint: DEVICE, state: 'done', step: 0, code: '2.05', commandId: commandIdOf(id, 0) }],
    });
    expect(await (await fetch(`${api}/jobs/${id}/devices?state=open`)).json()).toEqual({ devices: [] });
    expect(await (await fetch(`${api}/jobs?limit=1`)).json()).toMatchObject({ jobs: [{ id }] });
    for (const action of ['pause', 'resume', 'cancel']) await expectProblem(await send(`${api}/jobs/${id}/${action}`, 'POST'), 409, 'JOB_OVER');
  });

  test('tell each state on their topic', async () => {
    const { id } = await start({ target: { endpoints: [DEVICE] }, commands: [READ] });
    await vi.waitFor(async () => expect((await show(id)).counts.open).toBe(1));
    bench.topics.publish(finished(id, '2.05'));
    const told = () => [0, 1, 2].flatMap((partition) => bench.topics.log(topics.jobs, partition).records);
    await vi.waitFor(() => expect(told()).toHaveLength(2));
    expect(told().map(({ key, headers, value }) => [key, headers['ce_type'], (JSON.parse(Buffer.from(value).toString()) as JobView).state])).toEqual([
      [id, eventTypes.jobChanged, 'running'], [id, eventTypes.jobChanged, 'done'],
    ]);
  });

  test('are listed though there is one that can not be read', async () => {
    await bench.store.createJob('newer', Date.now(), '{"format":2}');
    const { id } = await start({ target: { endpoints: [DEVICE] }, commands: [READ] });
    const list = (await (await fetch(`${api}/jobs`)).json()) as { jobs: JobView[] };
    expect(list.jobs.map((job) => job.id)).toEqual([id]);
  });

  test('are not started twice under one key, on whichever replica', async () => {
    const other = `${await bench.replica()}/api/v1`;
    const body = { target: { endpoints: [DEVICE] }, commands: [READ], idempotencyKey: 'evening' };
    const { id } = await start(body);
    expect(await (await send(`${other}/jobs`, 'POST', body)).json()).toMatchObject({ id });
    expect(await (await fetch(`${api}/jobs`)).json()).toMatchObject({ jobs: [{ id }] });
    for (const other of [{ commands: [READ, READ] }, { target: { endpoints: ['other'] } }, { target: { group: 'lights' } }, { ratePerSecond: 7 }]) {
      await expectProblem(await send(`${api}/jobs`, 'POST', { ...body, ...other }), 422, 'IDEMPOTENCY_KEY_REUSED');
    }
  });

  test('are the same under one key though their group has changed since', async () => {
    const group = (endpoint: string) => send(`${api}/groups/keyed`, 'PUT', { endpoints: [endpoint] });
    await group(DEVICE);
    const body = { target: { group: 'keyed' }, commands: [READ], idempotencyKey: 'morning' };
    const { id } = await start(body);
    await group('other');
    expect(await start(body)).toMatchObject({ id });
  });

  test('are paused, gone on with and cancelled', async () => {
    const { id } = await start({ target: { endpoints: [DEVICE] }, commands: [READ] });
    await vi.waitFor(async () => expect((await show(id)).counts.open).toBe(1));
    const act = async (action: string) => (await (await send(`${api}/jobs/${id}/${action}`, 'POST')).json()) as JobView;
    expect(await act('pause')).toMatchObject({ state: 'paused' });
    expect(await act('pause')).toMatchObject({ state: 'paused' });
    expect(await act('resume')).toMatchObject({ state: 'running' });
    expect(await act('cancel')).toMatchObject({ state: 'cancelling' });
    await expectProblem(await send(`${api}/jobs/${id}/pause`, 'POST'), 409, 'JOB_OVER');
  });

  test('that can not be are refused, with all that is wrong', async () => {
    const malformed = [{ ...READ, path: '/65535' }, READ];
    expect(await expectProblem(await send(`${api}/jobs`, 'POST', { target: { endpoints: [DEVICE] }, commands: malformed }), 400, 'COMMAND_MALFORMED')).toMatchObject(
      [{ path: 'commands.0.path' }],
    );
    await expectProblem(await send(`${api}/jobs`, 'POST', { target: { group: 'none' }, commands: [READ] }), 404, 'GROUP_UNKNOWN');
    for (const body of [
      { target: {}, commands: [READ] }, { target: { endpoints: [DEVICE] }, commands: [] }, { target: { endpoints: [DEVICE] }, commands: Array(9).fill(READ) },
      { target: { endpoints: [DEVICE] }, commands: [{ ...READ, idempotencyKey: 'mine' }] },
      { target: { endpoints: [DEVICE] }, commands: [READ], ratePerSecond: 0 },
      { target: { endpoints: [DEVICE] }, commands: [{ op: 'write', path: '/3/0/14', value: 'x'.repeat(70_000) }] },
    ]) {
      await expectProblem(await send(`${api}/jobs`, 'POST', body), 400, 'REQUEST_MALFORMED');
    }
    for (const path of ['none', 'none/devices']) await expectProblem(await fetch(`${api}/jobs/${path}`), 404, 'JOB_UNKNOWN');
    await expectProblem(await send(`${api}/jobs/none/cancel`, 'POST'), 404, 'JOB_UNKNOWN');
  });
});
