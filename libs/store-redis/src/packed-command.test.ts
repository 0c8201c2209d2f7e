import fc from 'fast-check';
import { Command } from 'ioredis';
import { expect, test } from 'vitest';
import { pack } from './packed-command.ts';

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 100 }), fc.integer({ min: 0, max: 40_000 }).map((length) => 'x'.repeat(length)));
const bytes = fc.oneof(fc.uint8Array(), fc.integer({ min: 0, max: 100_000 }).map((length) => new Uint8Array(length))).map((b) => Buffer.from(b));
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true }));

test('a command has the bytes that ioredis gives it', () => {
  fc.assert(fc.property(fc.array(fc.oneof(text, bytes, number), { maxLength: 30 }), (args) => {
    const plain = new Command('evalsha', args).toWritable({});
    expect(pack(['evalsha', ...args]).equals(Buffer.from(plain as Buffer))).toBe(true);
  }), { numRuns: 300 });
});
