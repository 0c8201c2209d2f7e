import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterDisable, answeredBefore, byTurn, changeObservation, changeProfile, changePublished, provision, decodeEntry, decodeSession, deadlineOf, desire, desireAlso, disabling, encodeEntry, encodeSession, end,
  expiryOf, fallAsleep, finish, idempotencyOnly, isSameCommand, newDeviceNumber, newEntry, newLocationId, nextObservationStep, numberOfLocation, overdueAt, parseToken, presenceView, published,
  register, renewAll, sleepLookMs, takeOver, toObservation, tokenOf, update, viewQueue, withDisableTimeouts, RecordUnreadable, type SessionRecord,
} from './index.ts';

let seed = 1;
const rng = { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) };

const registration = {
  endpoint: 'urn:imei:490154203237518', lifetimeS: 300, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false,
  attributes: { vendor: 'x' }, rootPath: '/', objectLinks: [{ path: '/1', version: '1.1' }, { path: '/1/0' }, { path: '/3/0' }],
  contentFormats: [112, 110],
};
const arrival = {
  worker: 'w1', nowMs: 1_000_000, peer: 'udp:127.0.0.1:5001', identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
};
const first = (): SessionRecord => register(undefined, registration, arrival);

describe('identifiers', () => {
  it('a token carries the device number and the counter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), (counter) => {
        const number = newDeviceNumber(rng);
        expect(number).toMatch(/^[\w-]{8}$/);
        expect(tokenOf(number, counter)).toHaveLength(8);
        expect(parseToken(tokenOf(number, counter))).toEqual({ number, counter });
      }),
    );
  });

  it('a location id begins with the number and is fresh each time', () => {
    const number = newDeviceNumber(rng);
    const ids = [newLocationId(number, rng), newLocationId(number, rng)];
    expect(new Set(ids).size).toBe(2);
    expect(ids.map(numberOfLocation)).toEqual([number, number]);
  });

  it.each(['', 'short', 'AAAAAAAABBBBBBB', 'AAAAAAAABBBBBBBBB', 'AAAAAAAA../../..', '\u0000AAAAAAABBBBBBBB'])('%j is no location id of ours', (id) => {
    expect(numberOfLocation(id)).toBeUndefined();
  });

  it.each([0, 1, 7, 9])('a token of %i bytes is none of ours', (length) => {
    expect(parseToken(new Uint8Array(length))).toBeUndefined();
  });
});

describe('the session record', () => {
  it('comes back as it was', () => {
    const desired = desire(first(), [
      toObservation({ path: '/3/0', accept: 112, attributes: { pmin: 5 } }),
      toObservation({ paths: ['/1/0/1', '/3/0/9'] }),
    ]);
    const rich = { ...update(desired, { smsNumber: '4912345' }, { ...arrival, code: 0x44, sequence: 2 }), refusedSinceMs: 5, kept: true, usage: { day: 20_000, bytes: 7 } };
    const away = { ...rich, disabled: { sinceMs: 5, untilMs: 9, overdue: true }, disablingS: 3, disableTimeouts: { 0: 60 } };
    const profiled = changeProfile(rich, { labels: { site: 'a' }, settings: { muteSend: true } }, { nowMs: 5, sequence: 4 });
    for (const record of [{ ...first(), secured: true }, first(), published(first()), rich, away, profiled, changePublished(profiled), provision('new', 5), end(rich, 'expired', { nowMs: 9, sequence: 3 })]) {
      expect(decodeSession(encodeSession(record))).toEqual(record);
    }
  });

  it.each([['profiles', 22], ['presence', 24], ['templates', 25], ['retired numbers', 26], ['credentials', 27], ['Mute Send', 28]])('of a version without %s is read', (_what, fields) => {
    const now = encodeSession(first());
    // An array of 30, of which the last eight are null.
    expect([now[0], now[1]]).toEqual([0x98, 30]);
    const older = Uint8Array.from(now.subarray(0, now.length - (30 - fields)));
    older[1] = fields;
    expect(decodeSession(older)).toEqual(first());
  });

  it('is small', () => {
    expect(encodeSession(first()).length).toBeLessThan(200);
  });

  it('damage is an error with a code, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(() => decodeSession(bytes)).toThrow(RecordUnreadable);
      }),
    );
  });
});

describe('register and update', () => {
  it('a new registration takes the former one\'s place and keeps what is desired', () => {
    const observed = changeObservation(desire(first(), [toObservation({ path: '/3/0' })]), 's /3/0', { state: 'active', counter: 9 });
    const again = register(observed, registration, { ...arrival, locationId: 'AAAAAAAACCCCCCCC', worker: 'w2' });
    expect(again).toMatchObject({ generation: 2, fence: 2, owner: 'w2', locationId: 'AAAAAAAACCCCCCCC' });
    expect(again.observations).toEqual([expect.objectContaining({ paths: ['/3/0'], state: 'wanted' })]);
    expect(again.observations[0]).not.toHaveProperty('counter');
  });

  it('the repeat of a request finds its answer on any worker, for EXCHANGE_LIFETIME', () => {
    const record = first();
    const repeat = { peer: arrival.peer, messageId: 7 };
    expect(answeredBefore(record, { ...repeat, nowMs: arrival.nowMs + 246_000 })?.code).toBe(0x41);
    expect(answeredBefore(record, { ...repeat, nowMs: arrival.nowMs + 247_000 })).toBeUndefined();
    expect(answeredBefore(record, { ...repeat, messageId: 8, nowMs: arrival.nowMs })).toBeUndefined();
    expect(answeredBefore(record, { ...repeat, peer: 'udp:127.0.0.1:5002', nowMs: arrival.nowMs })).toBeUndefined();
  });

  it('a message at another worker takes the path over and raises the fence, once', () => {
    const taken = takeOver(first(), { ...arrival, worker: 'w2', nowMs: arrival.nowMs + 1 });
    expect(taken).toMatchObject({ owner: 'w2', fence: 2 });
    expect(takeOver(taken, { ...arrival, worker: 'w2', nowMs: arrival.nowMs + 2 }).fence).toBe(2);
  });
});

describe('presence', () => {
  const sleepy = register(undefined, { ...registration, queueMode: true }, arrival);
  const asleep = fallAsleep(sleepy, { sinceMs: sleepy.awakeUntilMs, sequence: 2 });
  const later = { ...arrival, nowMs: arrival.nowMs + 200_000, sequence: 3 };

  it('a device listens for MAX_TRANSMIT_WAIT after its message, then it may sleep', () => {
    expect(sleepy.awakeUntilMs).toBe(arrival.nowMs + 93_000);
    expect(presenceView(sleepy, arrival.nowMs)).toEqual({
      state: 'awake', awakeUntil: new Date(arrival.nowMs + 93_000).toISOString(), lastHeard: new Date(arrival.nowMs).toISOString(),
    });
    expect(asleep.pending).toEqual({ type: 'asleep', atMs: arrival.nowMs + 93_000, sequence: 2 });
    expect(presenceView(asleep, later.nowMs).state).toBe('asleep');
    expect(decodeSession(encodeSession(asleep))).toEqual(asleep);
  });

  it.each([
    ['a Register', register(asleep, registration, { ...later, locationId: 'AAAAAAAACCCCCCCC' }), { type: 'registered', also: 'awake' }],
    ['an Update', update(asleep, {}, { ...later, code: 0x44 }), { type: 'updated', also: 'awake' }],
    ['any other message', takeOver(asleep, later), { type: 'awake' }],
  ])('%s ends a sleep, and that is told', (_what, woken, pending) => {
    expect(woken).not.toHaveProperty('asleepSinceMs');
    expect(woken).toMatchObject({ heardAtMs: later.nowMs, awakeUntilMs: later.nowMs + 93_000, pending: { ...pending, atMs: later.nowMs, sequence: 3 } });
    expect(decodeSession(encodeSession(woken))).toEqual(woken);
  });

  it('what is awake is not told so again, nor what has ended', () => {
    expect(update(sleepy, {}, { ...later, code: 0x44 }).pending).not.toHaveProperty('also');
    const ended = end(asleep, 'expired', { nowMs: later.nowMs, sequence: 3 });
    expect(register(ended, registration, { ...later, locationId: 'AAAAAAAACCCCCCCC' }).pending).not.toHaveProperty('also');
    expect(presenceView(ended, later.nowMs).state).toBe('unknown');
  });

  it('is looked at while the device may fall asleep, and only then', () => {
    expect(sleepLookMs(sleepy)).toBeGreaterThan(sleepy.awakeUntilMs);
    for (const record of [asleep, first(), end(sleepy, 'removed', { nowMs: 9, sequence: 3 })]) expect(sleepLookMs(record)).toBe(Infinity);
  });
});

describe('a disabled device', () => {
  const at = { nowMs: arrival.nowMs + 1_000, sequence: 3 };
  const command = { op: 'execute' as const, path: '/1/0/4' };
  const known = withDisableTimeouts(first(), [{ path: '/1/0/5', value: 60 }, { path: '/1/0/1', value: 7 }]);

  it('is away for its own timeout, 24 h unless told', () => {
    expect(afterDisable(disabling(known, command), true, at).disabled).toEqual({ sinceMs: at.nowMs, untilMs: at.nowMs + 60_000, overdue: false });
    expect(afterDisable(disabling(first(), command), true, at).disabled?.untilMs).toBe(at.nowMs + 86_400_000);
    expect(disabling(known, { op: 'execute', path: '/3/0/4' })).toBe(known);
  });

  it('neither expires nor is overdue before it was to be back, and our outage is added', () => {
    const away = afterDisable(disabling(withDisableTimeouts(first(), [{ path: '/1/0/5', value: 600 }]), command), true, at);
    const backMs = at.nowMs + 600_000;
    expect(expiryOf(away, 10_000, [])).toBe(backMs + 10_000);
    expect(overdueAt(away, 10_000, [])).toBe(backMs + 10_000);
    expect(overdueAt(away, 10_000, [{ fromMs: backMs - 5_000, toMs: backMs + 2_000 }])).toBe(backMs + 17_000);
    expect(overdueAt({ ...away, disabled: { ...away.disabled!, overdue: true } }, 0, [])).toBe(Infinity);
  });

  it('remembers the timeouts of few accounts, and only times', () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ path: `/1/${i}/5`, value: i }));
    expect(Object.keys(withDisableTimeouts(first(), many).disableTimeouts ?? {})).toHaveLength(8);
    for (const value of ['60', -1, null, Number.NaN]) expect(withDisableTimeouts(first(), [{ path: '/1/0/5', value }])).toEqual(first());
  });
});

describe('the end of a registration', () => {
  it('ends the observations of the device, but not what is desired', () => {
    const observed = toObservation({ path: '/3/0/9', attributes: { pmin: 5 } });
    const active = { ...observed, state: 'active' as const, attributesWritten: true, counter: 3 };
    const ended = end({ ...first(), observations: [active], cancellations: [active] }, 'deregistered', { nowMs: 9, sequence: 3 });
    expect(ended.observations).toEqual([observed]);
    expect(ended.cancellations).toEqual([]);
  });
});

describe('what an operator keeps', () => {
  const at = { nowMs: 5, sequence: 2 };

  it('an empty profile takes no room, but its change is told', () => {
    const record = changeProfile(changeProfile(first(), { labels: { a: 'b' } }, at), { labels: {} }, { nowMs: 6, sequence: 3 });
    expect(record).not.toHaveProperty('profile');
    expect(record).toMatchObject({ changed: { atMs: 6, sequence: 3 }, kept: true });
  });

  it('a device registers at the tenant that it was provisioned for', () => {
    expect(register({ ...provision('x', 0), tenant: 'acme' }, registration, arrival).tenant).toBe('acme');
    expect(first().tenant).toBe('default');
  });

  it('the first registration is later than its preparation, whatever the clocks say', () => {
    const record = register(provision('x', arrival.nowMs + 3), registration, arrival);
    expect(record).toMatchObject({ generation: 1, kept: true, updatedAtMs: arrival.nowMs + 4, pending: { atMs: arrival.nowMs + 4 } });
  });
});

describe('expiry', () => {
  const record = first();
  const deadline = arrival.nowMs + 300_000;

  it.each([
    ['no outage', [], 0],
    ['an outage before the last Update', [{ fromMs: 0, toMs: arrival.nowMs }], 0],
    ['one within', [{ fromMs: arrival.nowMs + 10_000, toMs: arrival.nowMs + 40_000 }], 30_000],
    ['one that began before the Update', [{ fromMs: arrival.nowMs - 10_000, toMs: arrival.nowMs + 5_000 }], 5_000],
    ['one after the end', [{ fromMs: deadline + 20_000, toMs: deadline + 30_000 }], 0],
    ['one across the end', [{ fromMs: deadline - 1_000, toMs: deadline + 60_000 }], 61_000],
    ['two that overlap', [{ fromMs: arrival.nowMs, toMs: arrival.nowMs + 20_000 }, { fromMs: arrival.nowMs + 10_000, toMs: arrival.nowMs + 30_000 }], 30_000],
  ])('%s', (_, outages, laterMs) => {
    expect(expiryOf(record, 10_000, outages)).toBe(deadline + 10_000 + laterMs);
  });

  it('a lifetime of 0 has no end', () => {
    expect(deadlineOf({ ...record, registration: { ...registration, lifetimeS: 0 } })).toBe(Infinity);
  });
});

describe('observations as desired state', () => {
  const desired = desire(first(), [toObservation({ path: '/3/0/9', attributes: { pmin: 1 } }), toObservation({ paths: ['/1', '/3'] })]);

  it('attributes first, then the observation, then the next one', () => {
    expect(nextObservationStep(desired)).toMatchObject({ action: 'write-attributes', command: { path: '/3/0/9', attributes: { pmin: 1 } } });
    const written = changeObservation(desired, 's /3/0/9', { attributesWritten: true });
    expect(nextObservationStep(written)).toMatchObject({ action: 'observe', command: { op: 'observe', path: '/3/0/9' } });
    const observed = changeObservation(written, 's /3/0/9', { state: 'active', counter: 1 });
    expect(nextObservationStep(observed)).toMatchObject({ command: { op: 'observe-composite', paths: ['/1', '/3'] } });
  });

  it('what is dropped is cancelled, what stays goes on', () => {
    const active = changeObservation(desired, 's /3/0/9', { state: 'active', counter: 1, attributesWritten: true });
    const less = desire(active, [toObservation({ path: '/4/0' })]);
    expect(nextObservationStep(less)).toMatchObject({ action: 'cancel', observation: { counter: 1 }, command: { op: 'cancel-observe' } });
    expect(desire(active, [toObservation({ path: '/3/0/9', attributes: { pmin: 1 } })]).observations[0]).toMatchObject({ state: 'active', counter: 1 });
    expect(desire(active, [toObservation({ path: '/3/0/9', attributes: { pmin: 2 } })]).observations[0]).toMatchObject({ state: 'wanted', counter: 1 });
  });

  it('what a caller observes again before its cancellation left is not cancelled', () => {
    const dropped = desire(changeObservation(desired, 's /3/0/9', { state: 'active', counter: 1 }), []);
    expect(dropped.cancellations).toMatchObject([{ counter: 1 }]);
    expect(desireAlso(dropped, { ...toObservation({ path: '/3/0/9' }), state: 'active', counter: 1 }).cancellations).toEqual([]);
    expect(desireAlso(dropped, { ...toObservation({ path: '/3/0/9' }), state: 'active', counter: 2 }).cancellations).toMatchObject([{ counter: 1 }]);
  });

  it('after a gap all are made again with their tokens', () => {
    const active = changeObservation(desired, 'c /1 /3', { state: 'active', counter: 4 });
    expect(renewAll(active).observations[1]).toMatchObject({ state: 'wanted', counter: 4 });
  });
});

describe('the downlink queue', () => {
  const entry = (id: string, at: Partial<{ priority: number; ttlS: number; nowMs: number }> = {}) =>
    newEntry({ op: 'read', path: '/3/0', ...(at.priority === undefined ? {} : { priority: at.priority }), ...(at.ttlS === undefined ? {} : { ttlS: at.ttlS }) }, { id, nowMs: at.nowMs ?? 0 });
  const versioned = (...entries: ReturnType<typeof entry>[]) => entries.map((e) => ({ version: 1, entry: e, bytes: 100 }));

  it('priority first, then age', () => {
    const order = [entry('old'), entry('urgent', { priority: 9, nowMs: 5 }), entry('new', { nowMs: 9 }), entry('later', { priority: 1 })].sort(byTurn);
    expect(order.map((e) => e.id)).toEqual(['urgent', 'old', 'new', 'later']);
  });

  it('the one in flight goes on before a more urgent one begins', () => {
    const inFlight = { ...entry('a'), state: 'in-flight' as const };
    expect(viewQueue(versioned(entry('b', { priority: 9 }), inFlight), 10).next?.entry.id).toBe('a');
  });

  it('a deadline ends what was not sent, with its reason', () => {
    const view = viewQueue(versioned(entry('a', { ttlS: 1 })), 1_000);
    expect(view.next).toBeUndefined();
    expect(view.over[0]?.entry).toMatchObject({ state: 'expired', unpublished: true, reason: expect.any(String) });
  });

  it('a repeat waits for its time, and the queue says when to look again', () => {
    const view = viewQueue(versioned({ ...entry('a'), notBeforeMs: 500 }), 100);
    expect(view).toMatchObject({ next: undefined, wakeAtMs: 500 });
    expect(viewQueue(versioned({ ...entry('a'), notBeforeMs: 500 }), 500).next?.entry.id).toBe('a');
  });

  it('a repeat for a device that slept goes when it is heard again', () => {
    const repeat = versioned({ ...entry('a'), notBeforeMs: 500, awayFromMs: 50 });
    expect(viewQueue(repeat, 100, 49).next).toBeUndefined();
    expect(viewQueue(repeat, 100, 50).next?.entry.id).toBe('a');
  });

  it('a key that comes again is known by what its command asks for, in whatever order that is told', () => {
    const made = newEntry({ op: 'write', path: '/3/0', values: [{ path: '/3/0/14', value: '+01' }], idempotencyKey: 'k' }, { id: 'a', nowMs: 0 });
    const stored = decodeEntry(encodeEntry(made));
    expect(isSameCommand(stored, { idempotencyKey: 'k', values: [{ value: '+01', path: '/3/0/14' }], path: '/3/0', op: 'write' })).toBe(true);
    expect(isSameCommand(stored, { ...made.command, ttlS: 5 })).toBe(false);
    const slim = idempotencyOnly(finish(stored, { state: 'done', atMs: 1 }));
    expect([made.command, { ...made.command, path: '/3/1' }].map((command) => isSameCommand(slim, command))).toEqual([true, false]);
  });

  it('finished entries are kept for readers, 20 of them, and idempotency keys for a day', () => {
    const told = (id: string, atMs: number, key?: string) => ({
      ...finish(newEntry({ op: 'read', path: '/3', ...(key === undefined ? {} : { idempotencyKey: key }) }, { id, nowMs: 0 }), { state: 'done', atMs }),
      unpublished: false,
    });
    const many = versioned(...Array.from({ length: 25 }, (_, i) => told(`e${i}`, i)), told('keyed', -1, 'k'));
    const { spent } = viewQueue(many, 1_000);
    expect(spent.map((e) => e.id)).toEqual(['e4', 'e3', 'e2', 'e1', 'e0', 'keyed']);
    expect(spent.filter((e) => e.entry !== undefined)).toMatchObject([{ id: 'keyed', entry: { idempotencyOnly: true, state: 'done' } }]);
    expect(viewQueue(many, 90_000_000).spent.map((e) => e.entry)).toEqual(Array.from({ length: 26 }, () => undefined));
  });

  it('a key is kept though the answer was large, without its bodies, 500 of a device', () => {
    const command = { op: 'write' as const, path: '/3/0/15', value: 'x'.repeat(900), idempotencyKey: 'k' };
    const answer = { code: '2.05', payloadBase64: 'x'.repeat(900) };
    const keyed = (i: number) => ({ ...finish(newEntry(command, { id: `k${i}`, nowMs: 0 }), { state: 'done', atMs: i, response: answer }), unpublished: false });
    const stored = Array.from({ length: 502 }, (_, i) => ({ version: 1, bytes: 200_000, entry: keyed(i) }));
    const { spent, last } = viewQueue(stored, 1_000);
    const slim = spent.flatMap(({ entry }) => entry ?? []);
    expect(spent.filter(({ entry }) => entry === undefined).map(({ id }) => id)).toEqual(['k1', 'k0']);
    expect(slim[0]).toMatchObject({ state: 'done', response: { code: '2.05' }, command: { op: 'write', path: '/3/0/15', idempotencyKey: 'k' } });
    expect(Math.max(...slim.map((entry) => encodeEntry(entry).length))).toBeLessThan(400);
    expect(last).toBe(false);
    expect(viewQueue(slim.map((entry) => ({ version: 2, bytes: 300, entry })), 1_000).spent).toEqual([]);
  });

  it('of one supersede key the newest is sent, also where the older was on its way when the newer came', () => {
    const set = (id: string, nowMs: number, sequence = 0) => newEntry({ op: 'write', path: '/3/0/15', value: id, supersede: 's' }, { id, nowMs, sequence });
    const inFlight = { ...set('old', 1), state: 'in-flight' as const };
    expect(viewQueue(versioned(inFlight, set('new', 2)), 10)).toMatchObject({ next: { entry: { id: 'old' } }, over: [] });
    const again = viewQueue(versioned({ ...set('old', 1), attempts: 1, notBeforeMs: 50 }, set('new', 2)), 10);
    expect(again).toMatchObject({ next: { entry: { id: 'new' } }, over: [{ entry: { id: 'old', state: 'cancelled', unpublished: true } }] });
    expect(viewQueue(versioned(set('b', 1, 1), set('a', 1, 2)), 10).next?.entry.id).toBe('a');
  });

  it('large answers are kept one at a time', () => {
    const told = (id: string, atMs: number, bytes: number) => ({
      version: 1, bytes, entry: { ...finish(entry(id), { state: 'done', atMs }), unpublished: false },
    });
    const view = viewQueue([told('old', 1, 900), told('large', 2, 2_000_000), told('newest', 3, 2_000_000)], 10);
    expect(view.spent.map((e) => e.id)).toEqual(['large', 'old']);
  });

  it('says when a finished entry is to be removed', () => {
    const told = { ...finish(entry('a'), { state: 'done', atMs: 5 }), unpublished: false };
    expect(viewQueue(versioned(told), 10)).toMatchObject({ next: undefined, wakeAtMs: 86_400_005, spent: [] });
    expect(viewQueue(versioned(told), 86_400_005).spent).toHaveLength(1);
  });

  it('an entry comes back as it was', () => {
    const e = { ...entry('x', { priority: 3, ttlS: 9 }), exchange: { counter: 1, messageId: 2, firstSentAtMs: 3, generation: 4 } };
    expect(decodeEntry(encodeEntry(e))).toEqual(e);
    expect(() => decodeEntry(new Uint8Array([0x80]))).toThrow(RecordUnreadable);
  });
});
