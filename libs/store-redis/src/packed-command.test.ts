import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, test } from 'vitest';
import { toCalls, type Naming } from './calls.ts';
import type { Argument, RedisCommand } from './command.ts';
import { pack } from './packed-command.ts';
import { claim, release } from './scripts.ts';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 100 }), fc.integer({ min: 0, max: 40_000 }).map((length) => 'x'.repeat(length)));
const bytes = fc.oneof(fc.uint8Array(), fc.integer({ min: 0, max: 100_000 }).map((length) => new Uint8Array(length))).map((b) => Buffer.from(b));
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true }));

const words = fc.array(fc.oneof(text, bytes, number), { maxLength: 30 });

function isPackedAs(commands: readonly RedisCommand[], name: string, args: (string | Buffer | number)[], naming: Naming = 'hash'): void {
  const calls = toCalls(commands, true);
  expect(calls).toHaveLength(1);
  expect(pack(calls[0]!, naming).equals(Buffer.from(new Command(name, args).toWritable({}) as Buffer))).toBe(true);
}

test('a command has the bytes that ioredis gives it', () => {
  fc.assert(fc.property(words, (args) => isPackedAs([{ key: 'k', run: 'set', args }], 'set', args)), { numRuns: 300 });
});

test('steps of a script share a call: the keys of all, then how many keys and arguments each has, and these', () => {
  const step = (keys: string[], ...args: Argument[]): RedisCommand => ({ key: 'k', run: claim, keys, args });
  const steps = [step(['a', 'b'], 'x', 12), step([], 1_763_000_000_000), step(['c'])];
  const args = ['a', 'b', 'c', 2, 2, 'x', 12, 0, 1, 1_763_000_000_000, 1, 0];
  isPackedAs(steps, 'evalsha', [claim.sha, 3, ...args]);
  isPackedAs(steps, 'eval', [claim.lua, 3, ...args], 'source');
});

test('a record goes behind its version', () => {
  fc.assert(fc.property(fc.nat(0xffff_ffff), bytes, (version, record) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(version);
    isPackedAs([{ key: 'k', run: 'set', args: ['k', { version, record }] }], 'set', ['k', Buffer.concat([head, record])]);
  }), { numRuns: 50 });
});

test('plain commands, and other scripts, have calls of their own', () => {
  const plain: RedisCommand = { key: 'k', run: 'get', args: ['k'] };
  const one: RedisCommand = { key: 'k', run: claim, keys: ['k'], args: [] };
  const other: RedisCommand = { key: 'k', run: release, keys: ['k'], args: [] };
  const list = [plain, plain, one, one, other, one];
  expect(toCalls(list, true).map(({ from, to }) => [from, to])).toEqual([[0, 1], [1, 2], [2, 4], [4, 5], [5, 6]]);
  expect(toCalls(list, false)).toHaveLength(6);
});
