import { jobRequest, type JobState } from '@cluster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  act, afterResult, bucketOf, commandIdOf, commandKey, countsOf, decodeDevice, decodeJob, encodeDevice, encodeJob, finished, isSelected,
  jobOfCommand, JobUnreadable, matchesPattern, newJob, opened, Pace, prefixOf, selected, stateOfBucket, type JobDevice,
} from './index.ts';

describe('a selector', () => {
  const lamp = { endpoint: 'lamp-17', labels: { site: 'a', kind: 'light' }, paths: ['/1/0', '/3311', '/3311/0'] };

  it.each([
    [{ endpoints: ['lamp-17'] }, true],
    [{ endpoints: ['lamp-18'] }, false],
    [{ labels: { site: 'a' } }, true],
    [{ labels: { site: 'a', kind: 'heat' } }, false],
    [{ object: '/3311' }, true],
    [{ object: '/331' }, false],
    [{ object: '/1' }, true],
    [{ endpointPattern: 'lamp-*', labels: { site: 'a' }, object: '/3311' }, true],
    [{ endpointPattern: 'lamp-*', object: '/3303' }, false],
  ])('%j: %s', (given, expected) => {
    expect(isSelected(lamp, given)).toBe(expected);
  });

  it.each([
    ['*', '', true], ['*', 'x', true], ['?', '', false], ['?', '\u{1f4a1}', true], ['a*c', 'abbc', true], ['a*c', 'abbcd', false],
    ['*ab*ab*', 'xabyab', true], ['*ab*ab*', 'xabya', false], ['a.c', 'abc', false], ['**', 'x', true], ['', '', true], ['', 'x', false],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(matchesPattern(name, pattern)).toBe(expected);
  });

  it('matches as the regular expression of the same meaning', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(fc.property(text, pattern, (name, glob) => {
      const regex = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u');
      expect(matchesPattern(name, glob)).toBe(regex.test(name));
      if (matchesPattern(name, glob)) expect(name.startsWith(prefixOf(glob))).toBe(true);
    }));
  });

  it('a pattern that would ruin a backtracking matcher ends at once', () => {
    expect(matchesPattern('a'.repeat(1_000), `${'*a'.repeat(100)}b`)).toBe(false);
  });
});

describe('commands of a job', () => {
  it('tell their job and step', () => {
    expect(jobOfCommand(commandIdOf('AbC-_9', 7))).toEqual({ jobId: 'AbC-_9', step: 7 });
    expect(jobOfCommand('k.' + Buffer.from('user-key').toString('base64url'))).toBeUndefined();
    expect(jobOfCommand('random')).toBeUndefined();
    expect(commandKey('x'.repeat(26), 7).length).toBeLessThan(128);
  });
});

describe('a device of a job', () => {
  const waiting = selected(5);
  const open = opened(waiting, 6);

  it('is kept as text', () => {
    const devices: JobDevice[] = [waiting, open, { ...waiting, step: 2 }, { state: 'done', step: 1, sinceMs: 9, code: '2.04' }, { state: 'outcome-unknown', step: 0, sinceMs: 1 }, opened(waiting, 7, true)];
    for (const device of devices) expect(decodeDevice(encodeDevice(device))).toEqual(device);
    expect(devices.map(bucketOf)).toEqual(['waiting', 'open', 'next', 'done/2.04', 'outcome-unknown', 'away']);
    expect(devices.map((device) => stateOfBucket(bucketOf(device)))).toEqual(devices.map(({ state }) => state));
  });

  it('comes back from any text of its own', () => {
    const state = fc.constantFrom('waiting', 'open', 'done', 'expired', 'cancelled', 'outcome-unknown', 'refused' as const);
    const any = fc.record({ state, step: fc.nat(7), sinceMs: fc.nat(2 ** 31), code: fc.constantFrom('2.04', '5.03', 'QUEUE_FULL', 'none') });
    fc.assert(fc.property(any, ({ code, ...device }) => {
      const whole = (device.state === 'done' || device.state === 'refused' ? { ...device, code } : device) as JobDevice;
      expect(decodeDevice(encodeDevice(whole))).toEqual(whole);
    }));
  });

  it.each<[string, JobDevice, Parameters<typeof afterResult>[1], Partial<JobDevice> | undefined]>([
    ['the last answer ends it', open, { step: 0, state: 'done', code: '2.04' }, { state: 'done', code: '2.04' }],
    ['an error ends it', open, { step: 0, state: 'done', code: '4.05' }, { state: 'done', code: '4.05' }],
    ['a result that overtook its acceptance counts', waiting, { step: 0, state: 'done', code: '2.05' }, { state: 'done' }],
    ['an end without an answer', open, { step: 0, state: 'expired' }, { state: 'expired' }],
    ['a result of another step is none', open, { step: 1, state: 'done', code: '2.04' }, undefined],
    ['a status that is no end is none', open, { step: 0, state: 'in-flight' }, undefined],
    ['what has ended stays', { state: 'cancelled', step: 0, sinceMs: 1 }, { step: 0, state: 'done', code: '2.04' }, undefined],
  ])('%s', (_name, device, result, expected) => {
    const next = afterResult(device, result, 1, 7);
    if (expected === undefined) expect(next).toBeUndefined();
    else expect(next).toMatchObject({ ...expected, sinceMs: 7 });
  });

  it('goes on to the next step after a 2.xx alone', () => {
    expect(afterResult(open, { step: 0, state: 'done', code: '2.04' }, 2, 7)).toEqual({ state: 'waiting', step: 1, sinceMs: 7 });
    expect(afterResult(open, { step: 0, state: 'done', code: '4.04' }, 2, 7)).toMatchObject({ state: 'done', step: 0, code: '4.04' });
  });
});

describe('a job', () => {
  const request = jobRequest.parse({ target: { labels: { site: 'a' } }, commands: [{ op: 'read', path: '/3/0/9' }] });
  const job = newJob(request, { selector: { labels: { site: 'a' } } }, 1_000);
  const at = { nowMs: 2_000, sequence: 2 };

  it('comes back as it was; damage is an error with a code', () => {
    expect(decodeJob(encodeJob(job))).toEqual(job);
    for (const bad of ['', '{}', '{"state":"lost"}']) expect(() => decodeJob(bad)).toThrow(JobUnreadable);
  });

  it.each<[JobState, 'pause' | 'resume' | 'cancel', JobState | undefined]>([
    ['running', 'pause', 'paused'], ['paused', 'resume', 'running'], ['running', 'resume', 'running'], ['paused', 'pause', 'paused'],
    ['running', 'cancel', 'cancelling'], ['paused', 'cancel', 'cancelling'], ['cancelling', 'pause', undefined], ['done', 'cancel', undefined],
    ['cancelled', 'resume', undefined],
  ])('%s, %s: %s', (state, action, next) => {
    expect(act({ ...job, state }, action, at)?.state).toBe(next);
  });

  it('ends when all are selected and none waits or is open', () => {
    const { selecting: _, ...whole } = job;
    const counts = (buckets: Record<string, number>) => countsOf(buckets);
    expect(finished(job, counts({ 'done/2.04': 3 }), at)).toBeUndefined();
    expect(finished(whole, counts({ 'done/2.04': 3, open: 1 }), at)).toBeUndefined();
    expect(finished(whole, counts({ 'done/2.04': 3, next: 1 }), at)).toBeUndefined();
    expect(finished(whole, counts({ 'done/2.04': 3 }), at)).toMatchObject({ state: 'done', finishedAtMs: 2_000, untold: at && { atMs: 2_000, sequence: 2 } });
    expect(finished({ ...whole, state: 'cancelling' }, counts({}), at)).toMatchObject({ state: 'cancelled' });
    expect(finished({ ...whole, state: 'paused' }, counts({}), at)).toBeUndefined();
  });

  it('counts by state, and answers by their codes', () => {
    expect(countsOf({ waiting: 1, next: 2, open: 1, away: 2, 'done/2.04': 4, 'done/4.05': 0, expired: 5, 'outcome-unknown': 6, 'refused/QUEUE_FULL': 7 })).toEqual({
      targets: 28, waiting: 3, open: 3, away: 2, done: { '2.04': 4 }, expired: 5, cancelled: 0, outcomeUnknown: 6, refused: { QUEUE_FULL: 7 },
    });
  });
});

describe('the pace', () => {
  it('lets through what was asked for, and saves up one second at most', () => {
    const pace = new Pace(10, 0);
    expect(pace.available(0)).toBe(1);
    pace.take(1);
    expect(pace.available(50)).toBe(0);
    expect(pace.available(250)).toBe(2);
    expect(pace.available(60_000)).toBe(10);
    pace.take(10);
    expect(pace.available(60_000)).toBe(0);
    expect(new Pace(0.1, 0).available(60_000)).toBe(1);
  });
});
