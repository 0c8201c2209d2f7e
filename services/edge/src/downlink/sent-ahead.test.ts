/** Which blocks of a package may leave before the one before them is stored. */
import { newEntry, type QueueEntry, type Transfer, type VersionedEntry } from '@cluster/session';
import { describe, expect, test } from 'vitest';
import type { Held } from '../held-sessions.ts';
import { BLOCKS_AHEAD, SentAhead } from './sent-ahead.ts';

const NUMBER = 'AAECAwQF';
const KIB = 1_024;

const held = (change: { nextMessageId?: number; generation?: number } = {}): Held =>
  ({ number: NUMBER, nextMessageId: change.nextMessageId ?? 10, record: { messageIdsEnd: 70, generation: change.generation ?? 1 } }) as Held;

function entry(offset: number, change: Partial<Transfer> = {}): QueueEntry {
  const queued = newEntry({ op: 'write', path: '/5/0/0', package: 'p'.repeat(22) }, { id: 'a', nowMs: 0 });
  const transfer = { offset, szx: 6, size: 100 * KIB, tag: 'tag', restarts: 0, ...change };
  return { ...queued, state: 'in-flight', attempts: 1, exchange: { counter: 1, messageId: 9, firstSentAtMs: 0, generation: 1 }, transfer };
}

const stored = (offset: number, change: Partial<Transfer> = {}): VersionedEntry => ({ version: 4, entry: entry(offset, change), bytes: 0 });

/** Blocks that go ahead, one after another, until one has to be stored. */
function run(ahead: SentAhead, device: Held, from: number): number[] {
  const sent: number[] = [];
  for (let at = stored(from); ; ) {
    const next = ahead.step(device, at, entry((at.entry.transfer?.offset ?? 0) + KIB), 1);
    if (next === undefined) return sent;
    sent.push((next.transfer?.offset ?? 0) / KIB);
    at = { ...at, entry: next };
  }
}

describe('blocks go ahead', () => {
  test('until so many of them are not stored', () => {
    expect(run(new SentAhead(), held(), KIB)).toEqual(Array.from({ length: BLOCKS_AHEAD - 1 }, (_, i) => i + 2));
  });

  test('while message ids are reserved, each with its own', () => {
    const device = held({ nextMessageId: 67 });
    expect(run(new SentAhead(), device, KIB)).toEqual([2, 3, 4]);
    expect(device.nextMessageId).toBe(70);
  });

  test('but not the last one', () => {
    expect(run(new SentAhead(), held(), 95 * KIB)).toEqual([96, 97, 98]);
  });

  test.each<[string, VersionedEntry, QueueEntry, Held, number]>([
    ['behind the first', stored(0), entry(KIB), held(), 1],
    ['of a try that began anew', stored(KIB), entry(0, { tag: 'other' }), held(), 1],
    ['of another size', stored(KIB), entry(2 * KIB, { szx: 5 }), held(), 1],
    ['of a device that registered anew', stored(KIB), entry(2 * KIB), held({ generation: 2 }), 1],
    ['long after the last was stored', stored(KIB), entry(2 * KIB), held(), 10_000],
  ])('but none %s', (_name, at, next, device, nowMs) => {
    expect(new SentAhead().step(device, at, next, nowMs)).toBeUndefined();
  });
});

test('a worker goes on from what it knows, unless the store knows more', () => {
  const ahead = new SentAhead();
  ahead.step(held(), stored(KIB), entry(2 * KIB), 1);
  expect(ahead.current(NUMBER, stored(KIB)).entry).toMatchObject({ transfer: { offset: 2 * KIB }, exchange: { messageId: 10, firstSentAtMs: 1 } });
  const changed = { ...stored(5 * KIB), version: 5 };
  expect(ahead.current(NUMBER, changed)).toBe(changed);
  expect(ahead.takeAll()).toMatchObject([{ number: NUMBER, version: 4, entry: { transfer: { offset: 2 * KIB } } }]);
  expect(ahead.takeAll()).toEqual([]);
});
