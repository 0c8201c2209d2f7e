/** An update that takes the place of another one while the broker is away: nothing that is not told is forgotten. */
import { EventsUnavailable, type EventRecord } from '@cluster/events';
import { silentLog } from '@cluster/nest-kit';
import { encodeSession, provision } from '@cluster/session';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { Metrics } from '@cluster/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import type { PackageDesk } from '../packages/package-desk.ts';
import { OPTIONS } from '../testing/world.ts';
import { UpdateDesk } from './update-desk.ts';
import { UpdateTurn } from './update-turn.ts';

test('waits until the end of the other one is told', async () => {
  const store = openEmbeddedStore({ file: ':memory:' });
  onTestFinished(() => store.close());
  let away = false;
  const stages: string[] = [];
  const publish = (records: readonly EventRecord[]) => {
    if (away) return Promise.reject(new EventsUnavailable('away'));
    stages.push(...records.map(({ value }) => (JSON.parse(Buffer.from(value).toString()) as { stage: string }).stage));
    return Promise.resolve();
  };
  const session = { version: 1, entries: 0, record: encodeSession({ ...provision('dev', 0), state: 'registered' }) };
  const sessions = { timeMs: () => Promise.resolve(1_000_000), resolve: () => Promise.resolve(['AAAAAAAA']), load: () => Promise.resolve([session]) };
  const northbound = { submit: () => Promise.resolve({ outcome: 'unknown' } as never), command: () => Promise.resolve(undefined), cancel: () => Promise.resolve('finished' as const) };
  const turn = new UpdateTurn({ northbound, sessions, updates: store, links: undefined, log: silentLog, metrics: new Metrics(), publisher: { publish } }, OPTIONS);
  const packages = { ready: () => Promise.resolve({ version: '2.0' }) } as unknown as PackageDesk;
  const desk = new UpdateDesk(packages, turn, { sessions, updates: store });
  const request = { delivery: 'push', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;

  await desk.set('dev', { ...request, package: 'a'.repeat(22) });
  away = true;
  await expect(desk.set('dev', { ...request, package: 'b'.repeat(22) })).rejects.toMatchObject({ code: 'EVENTS_UNAVAILABLE' });
  await expect(desk.set('dev', { ...request, package: 'b'.repeat(22) })).rejects.toMatchObject({ code: 'EVENTS_UNAVAILABLE' });
  away = false;
  await turn.carryOn('dev');
  expect(await desk.set('dev', { ...request, package: 'b'.repeat(22) })).toMatchObject({ stage: 'inquiring', package: 'b'.repeat(22) });
  expect(stages).toEqual(['inquiring', 'superseded', 'inquiring']);
});
