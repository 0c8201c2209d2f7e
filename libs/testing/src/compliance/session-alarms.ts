/** Compliance of alarms: brought forward, never put off, never lost. */
import type { Alarm, SessionStore } from '@cluster/session';
import { expect, test } from 'vitest';

/** Far below the times of other tests' alarms. */
const EPOCH = 1_000;

export function alarmCompliance(store: () => SessionStore): void {
  const allDue = async (nowMs: number, only: string): Promise<Alarm[]> => {
    const shards = Array.from({ length: store().shards }, (_, shard) => store().due(shard, nowMs, 100_000));
    return (await Promise.all(shards)).flat().filter(({ number }) => number.startsWith(only));
  };
  const atMs = async (number: string): Promise<number | undefined> => (await allDue(Number.MAX_SAFE_INTEGER, number))[0]?.atMs;

  test('an alarm is due at its time, not before, and stays until it is settled', async () => {
    await store().schedule([{ number: 'alarm001', atMs: EPOCH + 10 }]);
    expect(await allDue(EPOCH + 9, 'alarm001')).toEqual([]);
    const due = [{ number: 'alarm001', atMs: EPOCH + 10 }];
    expect(await allDue(EPOCH + 10, 'alarm001')).toEqual(due);
    expect(await allDue(EPOCH + 10, 'alarm001')).toEqual(due);
    await store().settle([{ number: 'alarm001', atMs: EPOCH + 10, nextMs: undefined }]);
    expect(await allDue(EPOCH + 10, 'alarm001')).toEqual([]);
    await store().schedule([]);
    await store().settle([]);
  });

  test('scheduling brings forward and never puts off', async () => {
    await store().schedule([{ number: 'alarm002', atMs: EPOCH + 50 }]);
    await store().schedule([{ number: 'alarm002', atMs: EPOCH + 90 }]);
    expect(await atMs('alarm002')).toBe(EPOCH + 49);
    await store().schedule([{ number: 'alarm002', atMs: EPOCH + 20 }]);
    expect(await atMs('alarm002')).toBe(EPOCH + 20);
  });

  test('a commit sets its alarm, whatever comes of the rest', async () => {
    const commit = (alarmMs: number) => store().commit([{ number: 'alarm005', session: { expected: 0, record: new Uint8Array([1]) }, alarmMs }]);
    expect(await commit(EPOCH + 60)).toEqual(['committed']);
    expect(await atMs('alarm005')).toBe(EPOCH + 60);
    expect(await commit(EPOCH + 40)).toEqual(['conflict']);
    expect(await atMs('alarm005')).toBe(EPOCH + 40);
    expect(await commit(EPOCH + 90)).toEqual(['conflict']);
    expect(await atMs('alarm005')).toBe(EPOCH + 39);
  });

  test('who looked before a later call does not put the alarm off', async () => {
    await store().schedule([{ number: 'alarm006', atMs: EPOCH + 10 }]);
    await store().schedule([{ number: 'alarm006', atMs: EPOCH + 30 }]);
    await store().settle([{ number: 'alarm006', atMs: EPOCH + 10, nextMs: EPOCH + 500 }]);
    expect(await atMs('alarm006')).toBe(EPOCH + 9);
  });

  test('settling moves an alarm either way, unless it was brought forward meanwhile', async () => {
    await store().schedule([{ number: 'alarm003', atMs: EPOCH + 10 }]);
    await store().settle([{ number: 'alarm003', atMs: EPOCH + 10, nextMs: EPOCH + 500 }]);
    expect(await atMs('alarm003')).toBe(EPOCH + 500);
    await store().schedule([{ number: 'alarm003', atMs: EPOCH + 100 }]);
    await store().settle([{ number: 'alarm003', atMs: EPOCH + 500, nextMs: undefined }]);
    expect(await atMs('alarm003')).toBe(EPOCH + 100);
    await store().settle([{ number: 'alarm003', atMs: EPOCH + 100, nextMs: EPOCH + 50 }]);
    expect(await atMs('alarm003')).toBe(EPOCH + 50);
    await store().settle([{ number: 'alarm999', atMs: EPOCH, nextMs: EPOCH }]);
    expect(await atMs('alarm999')).toBeUndefined();
  });

  test('times of today keep their millisecond', async () => {
    const today = 1_900_000_000_123;
    await store().schedule([{ number: 'alarm004', atMs: today }]);
    await store().settle([{ number: 'alarm004', atMs: today, nextMs: today + 1 }]);
    expect(await atMs('alarm004')).toBe(today + 1);
  });

  test('each alarm is in one shard; a shard gives the earliest first, at most as many as asked', async () => {
    const alarms = Array.from({ length: 500 }, (_, index) => ({ number: `sh${String(index).padStart(6, '0')}`, atMs: EPOCH + ((index * 37) % 500) }));
    await store().schedule(alarms);
    const byNumber = (a: Alarm, b: Alarm) => a.number.localeCompare(b.number);
    expect((await allDue(EPOCH + 500, 'sh')).sort(byNumber)).toEqual(alarms);
    for (let shard = 0; shard < store().shards; shard++) {
      const all = await store().due(shard, EPOCH + 500, 100_000);
      expect(all.map((alarm) => alarm.atMs)).toEqual(all.map((alarm) => alarm.atMs).sort((a, b) => a - b));
      expect(await store().due(shard, EPOCH + 500, 2)).toEqual(all.slice(0, 2));
    }
    await store().settle(alarms.map((alarm) => ({ ...alarm, nextMs: undefined })));
    expect(await allDue(EPOCH + 500, 'sh')).toEqual([]);
  });

  test('alarms are walked in order, page by page, those of one time together', async () => {
    const alarms = Array.from({ length: 60 }, (_, i) => ({ number: `wk${String(i).padStart(6, '0')}`, atMs: EPOCH + 10 * Math.floor(i / 4) }));
    await store().schedule(alarms);
    const seen: Alarm[] = [];
    for (let shard = 0; shard < store().shards; shard++) {
      for (let afterMs = EPOCH - 1; ; ) {
        const page = (await store().alarmsAfter(shard, afterMs, 3)).filter(({ atMs }) => atMs <= EPOCH + 1_000);
        if (page.length === 0) break;
        expect(page.every(({ atMs }) => atMs > afterMs)).toBe(true);
        expect(page.map(({ atMs }) => atMs)).toEqual(page.map(({ atMs }) => atMs).sort((a, b) => a - b));
        afterMs = page.at(-1)?.atMs ?? 0;
        seen.push(...page);
      }
    }
    const walked = seen.filter(({ number }) => number.startsWith('wk')).sort((a, b) => a.number.localeCompare(b.number));
    expect(walked).toEqual(alarms);
    await store().settle(alarms.map((alarm) => ({ ...alarm, nextMs: undefined })));
  });

  test('no alarm is lost when sweepers settle what devices bring forward', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => `lost${String(index).padStart(4, '0')}`);
    for (let round = 0; round < 5; round++) {
      const [late, early] = [EPOCH + 1_000 - round, EPOCH + 500 - round];
      await store().schedule(numbers.map((number) => ({ number, atMs: late })));
      await Promise.all(
        numbers.flatMap((number) => [
          store().settle([{ number, atMs: late, nextMs: undefined }]),
          store().schedule([{ number, atMs: early }]),
          store().settle([{ number, atMs: late, nextMs: undefined }]),
        ]),
      );
      const left = await allDue(EPOCH + 2_000, 'lost');
      expect(left.map(({ number }) => number).sort()).toEqual(numbers);
      expect(new Set(left.map((alarm) => alarm.atMs))).toEqual(new Set([early]));
      await store().settle(left.map((alarm) => ({ ...alarm, nextMs: undefined })));
    }
  });
}
