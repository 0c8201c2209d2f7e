/** Jobs on the embedded store: what each device gets, what is counted, and what a crash at any step changes. */
import { type EventRecord, EventsUnavailable } from '@cluster/events';
import { StoreUnavailable } from '@cluster/session';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobStore } from '@cluster/fleet';
import { act, commandIdOf, decodeJob, encodeJob, type JobAction } from '@cluster/fleet';
import { JobRunner, silentLog } from '@cluster/nest-kit';
import { type Behaviour, Fleet } from '../testing/fleet.ts';
import { JobEvents } from './job-events.ts';
import { JobTurn, jobWork } from './job-turn.ts';

const LIGHT_ON = { op: 'write', path: '/3311/0/5850', value: true } as const;
const DIM = { op: 'write', path: '/3311/0/5851', value: 40 } as const;
const PACE = { ratePerSecond: 1_000 };
const ok: Behaviour = () => ({ state: 'done', code: '2.04' });

let fleet: Fleet;
beforeEach(async () => {
  fleet = new Fleet();
  await fleet.serve();
});
afterEach(() => fleet.close());

async function lamps(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `lamp-${String(i).padStart(3, '0')}`);
  for (const name of names) await fleet.register(name, { kind: 'light' }, ['/3/0', '/3311/0']);
  return names;
}

async function tell(action: JobAction): Promise<void> {
  const stored = await fleet.store.loadJob('job');
  const next = stored && act(decodeJob(stored.record), action, { nowMs: fleet.nowMs, sequence: stored.version + 1 });
  if (stored === undefined || next === undefined) throw new Error('the job is past that');
  expect(await fleet.store.changeJob('job', stored.version, encodeJob(next))).toBe(true);
}

describe('a job', () => {
  it('sends its commands to each device in their order, counts the answers, and tells its states', async () => {
    const names = await lamps(30);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON, DIM], ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ targets: 30, open: 30, waiting: 0 });
    const first = await fleet.answer((endpoint) => ({ state: 'done', code: endpoint === 'lamp-007' ? '4.05' : '2.04' }));
    await fleet.results.take(first);
    await fleet.advance(turn);
    const second = await fleet.answer(ok);
    // In another order, once more, and together with what was told before.
    await fleet.results.take([...second.toReversed(), ...first, ...second]);
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'done', counts: { targets: 30, waiting: 0, open: 0, done: { '2.04': 29, '4.05': 1 } } });
    expect(fleet.told()).toEqual(['running', 'done']);
    const queued = await fleet.queued();
    for (const name of names) {
      expect(queued.get(name)?.toSorted()).toEqual(name === 'lamp-007' ? [LIGHT_ON.path] : [LIGHT_ON.path, DIM.path]);
    }
    expect(await fleet.store.activeJobs()).toEqual([]);
  });

  it('keeps within the devices that may have a command at the same time', async () => {
    await lamps(10);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], maxInFlight: 4, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 4, waiting: 6 });
    await fleet.results.take(await fleet.answer(ok));
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 4, waiting: 2, done: { '2.04': 4 } });
  });

  it('is not held up by those that sleep, are disabled or not there', async () => {
    const names = await lamps(10);
    await fleet.putAway(names.slice(0, 6));
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], maxInFlight: 2, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 8, away: 6, waiting: 2 });
    await fleet.results.take(await fleet.answer(ok));
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 2, away: 0, waiting: 0, done: { '2.04': 8 } });
  });

  it('goes on without those that fall asleep, or lose their worker, with the command in their queue', async () => {
    const names = await lamps(6);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], maxInFlight: 3, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 3, away: 0, waiting: 3 });
    await fleet.putAway(names.slice(0, 3));
    fleet.nowMs += 5_000;
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 6, away: 3, waiting: 0 });
    await fleet.bringBack(names.slice(0, 3));
    fleet.nowMs += 5_000;
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 6, away: 0 });
    await fleet.store.releaseLease('w1');
    fleet.nowMs += 5_000;
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 6, away: 6 });
    await fleet.results.take(await fleet.answer(ok));
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'done', counts: { open: 0, away: 0, done: { '2.04': 6 } } });
  });

  it('takes its commands out of the queues of those that sleep too', async () => {
    await fleet.putAway(await lamps(3));
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await tell('cancel');
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'cancelled', counts: { open: 0, away: 0, cancelled: 3 } });
  });

  it('shows what was refused, and what ended without an answer', async () => {
    await lamps(3);
    for (let i = 0; i < 10; i++) await fleet.northbound.submit('lamp-002', { op: 'read', path: '/3/0/9' });
    await fleet.start({ target: { endpoints: ['nobody', 'lamp-000', 'lamp-001', 'lamp-002'] }, commands: [LIGHT_ON], ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await fleet.results.take(await fleet.answer((endpoint) => ({ state: endpoint === 'lamp-000' ? 'expired' : 'outcome-unknown' })));
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({
      state: 'done', counts: { targets: 4, expired: 1, outcomeUnknown: 1, refused: { ENDPOINT_UNKNOWN: 1, QUEUE_FULL: 1 } },
    });
  });

  it('looks a result up that does not come, and says so where nothing is known', async () => {
    await lamps(2);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], ttlS: 10, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await fleet.answer((endpoint) => (endpoint === 'lamp-000' ? { state: 'done', code: '2.04' } : undefined));
    const [number] = await fleet.store.resolve(['lamp-001']);
    const entries = await fleet.store.loadEntries(number ?? '');
    await fleet.store.commit([{ number: number ?? '', entries: entries.map(({ id, version }) => ({ id, expected: version, record: undefined })) }]);
    fleet.nowMs += 20_000;
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 1, done: { '2.04': 1 } });
    fleet.nowMs += 200_000;
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'done', counts: { done: { '2.04': 1 }, outcomeUnknown: 1 } });
  });
});

describe('a job that this version can not read', () => {
  it('holds up neither the results of others nor the replica that could read it', async () => {
    await lamps(1);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await fleet.store.createJob('newer', fleet.nowMs, '{"format":2}');
    await fleet.store.moveDevices('newer', [{ endpoint: 'lamp-000', expected: undefined, next: 'open 0 1' }]);
    const told = await fleet.answer(ok);
    const strange = told.map((record) => ({ ...record, value: Buffer.from(Buffer.from(record.value).toString().replaceAll(commandIdOf('job', 0), commandIdOf('newer', 0))) }));
    await fleet.results.take([...strange, ...told]);
    expect((await fleet.view()).counts).toMatchObject({ done: { '2.04': 1 } });
    const runner = new JobRunner(jobWork(fleet.deps()), 'older', { pollMs: 60_000, idleMs: 1, idleMostMs: 1, retryMs: 1, leaseMs: 60_000 }, silentLog);
    runner.wake('newer');
    await vi.waitFor(() => expect(runner.size).toBe(0));
    expect(await fleet.store.takeJob('newer', 'newer', 1_000)).toBe(true);
  });
});

describe('an operator', () => {
  it('pauses a job and goes on with it', async () => {
    await lamps(6);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], maxInFlight: 2, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await tell('pause');
    await fleet.results.take(await fleet.answer(ok));
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'paused', counts: { open: 0, waiting: 4, done: { '2.04': 2 } } });
    await tell('resume');
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 2, waiting: 2 });
    expect(fleet.told()).toEqual(['running', 'paused', 'running']);
  });

  it('cancels a job: what is queued is not sent, what is in flight ends as it ends', async () => {
    await lamps(6);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON, DIM], maxInFlight: 3, ...PACE });
    const turn = new JobTurn('job', fleet.deps());
    await fleet.advance(turn);
    await fleet.answer((endpoint) => (endpoint === 'lamp-000' ? { state: 'in-flight' } : undefined));
    await tell('cancel');
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'cancelling', counts: { open: 1, waiting: 0, cancelled: 5 } });
    await fleet.results.take(await fleet.answer((endpoint) => (endpoint === 'lamp-000' ? { state: 'done', code: '4.04' } : undefined)));
    await fleet.advance(turn);
    expect(await fleet.view()).toMatchObject({ state: 'cancelled', counts: { cancelled: 5, done: { '4.04': 1 } } });
    expect(fleet.told()).toEqual(['running', 'cancelling', 'cancelled']);
  });
});

describe('brokers that are away', () => {
  it('hold up no operator, but a job is over when its end is told', async () => {
    await lamps(4);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON], maxInFlight: 2, ...PACE });
    let away = true;
    const publisher = {
      publish: async (records: readonly EventRecord[]) => {
        if (away) throw new EventsUnavailable('away');
        fleet.published.push(...records);
      },
    };
    const turn = new JobTurn('job', fleet.deps({ events: new JobEvents(publisher, 'json') }));
    await fleet.advance(turn);
    expect((await fleet.view()).counts).toMatchObject({ open: 2, waiting: 2 });
    await tell('cancel');
    await expect(fleet.advance(turn)).rejects.toThrow(EventsUnavailable);
    expect(await fleet.view()).toMatchObject({ state: 'cancelled', counts: { cancelled: 4 } });
    expect(await fleet.store.activeJobs()).toEqual(['job']);
    away = false;
    await fleet.advance(turn);
    expect(fleet.told()).toEqual(['cancelled']);
    expect(await fleet.store.activeJobs()).toEqual([]);
  });
});

describe('a replica that dies', () => {
  /** The store of a replica that dies at its `at`th call: from then on it reaches nothing. */
  function dying(at: number, after: boolean): JobStore {
    let calls = 0;
    return new Proxy<JobStore>(fleet.store, {
      get: (target, name) => async (...args: unknown[]) => {
        const dies = ++calls >= at;
        const call = () => Reflect.apply(Reflect.get(target, name) as () => Promise<unknown>, target, args);
        if (!dies) return call();
        // The last one may have reached the store, though its answer was never heard.
        if (after && calls === at) await call();
        throw new StoreUnavailable('dead');
      },
    });
  }

  it.each(Array.from({ length: 24 }, (_, at) => at + 1))('at its call %i: another goes on, and no device gets a command twice', async (at) => {
    const names = await lamps(7);
    await fleet.start({ target: { labels: { kind: 'light' } }, commands: [LIGHT_ON, DIM], maxInFlight: 5, ...PACE });
    for (const after of [false, true]) {
      const first = new JobTurn('job', fleet.deps({ jobs: dying(at, after) }));
      const died = await fleet.advance(first).then(() => false, () => true);
      if (!died) break;
      await fleet.results.take(await fleet.answer(ok));
    }
    const second = new JobTurn('job', fleet.deps());
    for (let round = 0; round < 6; round++) {
      await fleet.advance(second);
      await fleet.results.take(await fleet.answer(ok));
    }
    expect(await fleet.view()).toMatchObject({ state: 'done', counts: { targets: 7, done: { '2.04': 7 } } });
    const queued = await fleet.queued();
    for (const name of names) expect(queued.get(name)?.toSorted()).toEqual([LIGHT_ON.path, DIM.path]);
    expect(new Set(fleet.published.map(({ headers }) => headers['ce_id'])).size).toBe(2);
  });
});

describe('a selection', () => {
  const select = async (selector: Parameters<Fleet['selection']['page']>[0], limit = 2) => {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await fleet.selection.page(selector, after, limit);
      found.push(...page.endpoints);
      after = page.next;
    } while (after !== undefined);
    return found;
  };

  it('has the endpoints for which all holds, each once, by pages', async () => {
    await lamps(5);
    await fleet.register('lamp-', { kind: 'light' });
    await fleet.register('meter-1', { kind: 'meter', site: 'b' }, ['/3/0', '/3311/0']);
    await fleet.register('zz', {}, []);
    const all = ['lamp-', 'lamp-000', 'lamp-001', 'lamp-002', 'lamp-003', 'lamp-004', 'meter-1', 'zz'];
    for (const limit of [1, 2, 3, 100]) {
      expect(await select({ endpointPattern: '*' }, limit)).toEqual(all);
      expect(await select({ endpointPattern: 'lamp-*' }, limit)).toEqual(all.slice(0, 6));
      expect(await select({ endpointPattern: 'lamp-00?', labels: { kind: 'light' } }, limit)).toEqual(all.slice(1, 6));
      expect(await select({ object: '/3311' }, limit)).toEqual(all.slice(1, 7));
      expect(await select({ labels: { kind: 'light' }, object: '/3311' }, limit)).toEqual(all.slice(1, 6));
      expect(await select({ endpoints: ['zz', 'lamp-003', 'nobody', 'zz'] }, limit)).toEqual(['lamp-003', 'nobody', 'zz']);
      expect(await select({ endpoints: ['zz', 'lamp-003', 'nobody'], object: '/3311' }, limit)).toEqual(['lamp-003']);
      expect(await select({ endpointPattern: 'nobody' }, limit)).toEqual([]);
    }
  });

  it('has those for which something is kept, though their registration ended, and goes by what the session says now', async () => {
    await lamps(2);
    await fleet.register('bare');
    for (const endpoint of ['lamp-000', 'bare']) await fleet.northbound.drop(endpoint);
    expect(await select({ endpointPattern: '*' })).toEqual(['lamp-000', 'lamp-001']);
    await fleet.northbound.forget('lamp-000');
    expect(await select({ labels: { kind: 'light' } })).toEqual(['lamp-001']);
    await fleet.northbound.setProfile('lamp-001', { labels: { kind: 'heat' } });
    expect(await select({ labels: { kind: 'light' } })).toEqual([]);
  });
});
