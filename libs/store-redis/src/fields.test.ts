import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from './fields.ts';

const text = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: 'binary', maxLength: 4 }));

test('texts are ordered as their bytes are', () => {
  fc.assert(fc.property(text, text, (a, b) => {
    expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
  }), { numRuns: 1_000, examples: [['\u{1f600}', '\uffff'], ['a', 'ab'], ['', 'a'], ['é', '\u{10000}']] });
});
