/** What the group `registry` makes of the topics: the directory, last values, dead letters; repeats change nothing. */
import { eventTypes, restExamples, topics } from '@cluster/contracts';
import { EventsUnavailable } from '@cluster/events';
import { silentLog } from '@cluster/nest-kit';
import { StoreUnavailable } from '@cluster/session';
import { Metrics } from '@cluster/telemetry';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DEVICE } from '../testing/bench.ts';
import { commandResult, event, notification, registration } from '../testing/events.ts';
import type { DeadLetter } from './dead-letters.ts';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

async function lastValues(): Promise<Record<string, unknown>> {
  await bench.topics.settled();
  const values = await bench.model.values(DEVICE);
  return Object.fromEntries(values.map(({ path, json }) => [path, (JSON.parse(json) as { value: unknown }).value]));
}

describe('the directory', () => {
  test.each([
    [eventTypes.registered, 'registered'],
    [eventTypes.updated, 'registered'],
    [eventTypes.deregistered, 'deregistered'],
    [eventTypes.expired, 'expired'],
    [eventTypes.removed, 'removed'],
    [eventTypes.asleep, 'asleep'],
    [eventTypes.awake, 'registered'],
    [eventTypes.disabled, 'disabled'],
    [eventTypes.overdue, 'deregistered'],
  ])('%s makes it %s', async (type, state) => {
    await bench.replica();
    bench.topics.publish(registration(DEVICE, type));
    await bench.topics.settled();
    expect(await bench.model.list({ limit: 10 })).toEqual([{ endpoint: DEVICE, state, changedAtMs: Date.parse('2026-03-01T09:00:00.000Z') }]);
  });

  test('a De-register of a disabled device is no end', async () => {
    await bench.replica();
    const left = { ...restExamples.endpoint, endpoint: DEVICE, disabledUntil: '2026-03-01T10:00:00.000Z' };
    bench.topics.publish(event(topics.registrations, eventTypes.deregistered, DEVICE, left));
    await bench.topics.settled();
    expect((await bench.model.list({ limit: 10 }))[0]?.state).toBe('left-disabled');
  });

  test('an older event that comes again does not bring an endpoint back', async () => {
    await bench.replica();
    const registered = registration(DEVICE, eventTypes.registered, '2026-03-01T08:00:00.000Z');
    bench.topics.publish(registered, registration(DEVICE, eventTypes.expired, '2026-03-01T09:00:00.000Z'), registered);
    await bench.topics.settled();
    expect((await bench.model.list({ limit: 10 }))[0]?.state).toBe('expired');
  });
});

describe('labels in the directory', () => {
  const change = (state: string, time: string, labels: Record<string, string>) =>
    event(topics.registrations, eventTypes.endpointChanged, DEVICE, { endpoint: DEVICE, state, stateAt: '2026-03-01T07:00:00.000Z', labels, settings: {} }, { time });

  test('are those of the newest change, and change no state that is newer', async () => {
    await bench.replica();
    const first = change('provisioned', '2026-03-01T08:00:00.000Z', { site: 'a' });
    bench.topics.publish(first, registration(DEVICE, eventTypes.registered), change('registered', '2026-03-01T10:00:00.000Z', { site: 'b' }), first);
    await bench.topics.settled();
    const entry = { endpoint: DEVICE, state: 'registered', changedAtMs: Date.parse('2026-03-01T09:00:00.000Z'), labels: { site: 'b' } };
    expect(await bench.model.list({ limit: 10, labels: { site: 'b' } })).toEqual([entry]);
    expect(await bench.model.list({ limit: 10, labels: { site: 'a' } })).toEqual([]);
  });

  test('an endpoint that never registered is listed as provisioned', async () => {
    await bench.replica();
    bench.topics.publish(change('provisioned', '2026-03-01T08:00:00.000Z', {}));
    await bench.topics.settled();
    expect(await bench.model.list({ limit: 10, states: ['provisioned'] })).toMatchObject([{ changedAtMs: Date.parse('2026-03-01T07:00:00.000Z') }]);
  });
});

describe('last values', () => {
  const NOON = '2026-03-01T12:00:00.000Z';
  const noonS = Date.parse(NOON) / 1_000;

  test.each<[name: string, reports: Parameters<typeof notification>[2][], last: number]>([
    ['the later of two by server time', [{ receivedAt: '2026-03-01T11:00:00.000Z' }, { receivedAt: NOON }], 1],
    ['the later by server time, whatever came last', [{ receivedAt: NOON }, { receivedAt: '2026-03-01T11:00:00.000Z' }], 0],
    ["the later by the device's time", [{ receivedAt: NOON, time: noonS - 10 }, { receivedAt: NOON, time: noonS - 20 }], 0],
    ['a value of now over one of a clock that runs ahead', [{ receivedAt: '2026-03-01T11:59:00.000Z', time: noonS + 99_999 }, { receivedAt: NOON }], 1],
    ['a value of the corrected clock, though it is older by the wrong one', [{ receivedAt: '2026-03-01T11:59:00.000Z', time: noonS + 99_999 }, { receivedAt: NOON, time: noonS }], 1],
    ['the last of two of the same time', [{ receivedAt: NOON }, { receivedAt: NOON }], 1],
  ])('keep %s', async (_name, reports, last) => {
    await bench.replica();
    bench.topics.publish(...reports.map((extra, value) => notification(DEVICE, value, extra)));
    expect(await lastValues()).toEqual({ '/3303/0/5700': last });
  });

  test('the newest of a history in one message', async () => {
    await bench.replica();
    const values = [10, 30, 20].map((age) => ({ path: '/3303/0/5700', value: age, type: 'float', time: noonS - age }));
    bench.topics.publish(event(topics.sends, eventTypes.send, DEVICE, { endpoint: DEVICE, registrationId: 'r', paths: [], receivedAt: NOON, values }));
    expect(await lastValues()).toEqual({ '/3303/0/5700': 10 });
  });

  test('the newest of a history that is all in the future', async () => {
    await bench.replica();
    const values = [10, 30, 20].map((ahead) => ({ path: '/3303/0/5700', value: ahead, type: 'float', time: noonS + 9_000 + ahead, timeSuspect: true }));
    bench.topics.publish(event(topics.sends, eventTypes.send, DEVICE, { endpoint: DEVICE, registrationId: 'r', paths: [], receivedAt: NOON, values }));
    expect(await lastValues()).toEqual({ '/3303/0/5700': 30 });
  });

  test('nothing that came out of order, unless its own time says that it is newer', async () => {
    await bench.replica();
    const late = (value: number, extra: object) => event(topics.notifications, eventTypes.notification, DEVICE, {
      endpoint: DEVICE, registrationId: 'r', paths: ['/3303/0/5700'], receivedAt: NOON, outOfOrder: true,
      values: [{ path: '/3303/0/5700', value, type: 'float', ...extra }],
    });
    bench.topics.publish(notification(DEVICE, 1, { receivedAt: '2026-03-01T11:59:00.000Z' }), late(2, {}), late(3, { time: noonS - 3_600 }));
    expect(await lastValues()).toEqual({ '/3303/0/5700': 1 });
    bench.topics.publish(late(4, { time: noonS - 1 }));
    expect(await lastValues()).toEqual({ '/3303/0/5700': 4 });
  });

  test('of reads that succeeded; nothing else that a command brings', async () => {
    await bench.replica();
    const result = (id: string, code: string, path: string) =>
      commandResult(DEVICE, {
        id, op: 'read', state: 'done', attempts: 1, acceptedAt: NOON, finishedAt: NOON,
        response: { code, values: [{ path, value: 95, type: 'integer' }, { path: '/9/0', value: null, type: 'unknown' }] },
      });
    bench.topics.publish(result('c1', '2.05', '/3/0/9'), result('c2', '4.04', '/3/0/10'));
    bench.topics.publish(commandResult(DEVICE, { id: 'c3', op: 'delete', state: 'expired', attempts: 0, acceptedAt: NOON }));
    expect(await lastValues()).toEqual({ '/3/0/9': 95 });
  });

  test('no more paths than an endpoint may have', async () => {
    await bench.replica({ valuesPerEndpoint: 2 });
    bench.topics.publish(...[0, 1, 2].map((i) => notification(DEVICE, i, { path: `/3303/${i}/5700` })));
    expect(Object.keys(await lastValues())).toHaveLength(2);
  });

  test('a gap is no value', async () => {
    await bench.replica();
    const gap = { endpoint: DEVICE, registrationId: 'r', from: NOON, to: NOON, paths: [] };
    bench.topics.publish(event(topics.notifications, eventTypes.notificationGap, DEVICE, gap));
    expect(await lastValues()).toEqual({});
  });

  test('a batch that could not be stored comes again', async () => {
    await bench.replica();
    bench.model.failure = new StoreUnavailable('away');
    bench.topics.publish(notification(DEVICE, 1));
    await new Promise((resolve) => setImmediate(resolve));
    bench.model.failure = undefined;
    await expect.poll(lastValues).toEqual({ '/3303/0/5700': 1 });
  });
});

describe('records that can not be understood', () => {
  const broken = () => [
    { ...notification(DEVICE, 0), headers: {} },
    event(topics.notifications, 'some.other.type', DEVICE, {}),
    event(topics.notifications, eventTypes.notification, DEVICE, { endpoint: 5 }),
    event(topics.notifications, eventTypes.notification, DEVICE, undefined, { value: Buffer.from([0xff, 0xfe]) }),
    event(topics.notifications, eventTypes.notification, DEVICE, undefined, { value: Buffer.from('{"a"') }),
    event(topics.notifications, eventTypes.notification, DEVICE, undefined, { value: Buffer.from([0x9f]), contentType: 'application/cbor' }),
    event(topics.registrations, eventTypes.send, DEVICE, {}),
    { ...registration(DEVICE), headers: { ...registration(DEVICE).headers, ce_time: 'yesterday' } },
  ];

  test('are counted, logged once a kind and buried; the others of their batch count', async () => {
    const metrics = new Metrics();
    const warned: string[] = [];
    const buried: DeadLetter[] = [];
    await bench.replica({}, {
      log: { ...silentLog, warn: (_fields, message) => warned.push(message) },
      metrics,
      deadLetters: { keep: async (letters) => void buried.push(...letters) },
    });
    bench.topics.publish(...broken(), ...broken(), notification(DEVICE, 7));
    expect(await lastValues()).toEqual({ '/3303/0/5700': 7 });
    expect(metrics.renderPrometheus()).toContain('lwm2m_dead_letters_total{topic="lwm2m.notifications"} 12\n');
    expect(buried).toHaveLength(16);
    expect(warned).toHaveLength(6);
    expect(await bench.model.list({ limit: 1 })).toEqual([]);
  });

  test('come again when they could not be buried', async () => {
    let tries = 0;
    const keep = async () => {
      if (++tries < 3) throw new EventsUnavailable('away');
    };
    await bench.replica({}, { deadLetters: { keep } });
    bench.topics.publish(...broken().slice(0, 1));
    await expect.poll(() => tries).toBe(3);
  });
});
